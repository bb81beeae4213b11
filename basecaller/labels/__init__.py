"""Which base of a known sequence every stretch of signal belongs to: forced alignment and the label file."""
