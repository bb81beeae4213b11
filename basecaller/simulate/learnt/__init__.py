"""Signal drawn sample by sample from a network that has learnt, of labelled reads, when a strand steps on and what
current comes next: closer to real signal than the parts of squiggle.py put together, and known from reads alone."""
