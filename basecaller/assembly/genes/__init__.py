"""Genes as a witness: bacteria, phages and plasmids are mostly genes, and an error in a run of equal bases shifts the
reading frame of the one that it is in."""
