"""An open nanopore basecaller: raw signal to bases to contigs."""

__version__ = "0.1.0"
