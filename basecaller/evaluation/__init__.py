"""Called reads against a known reference: accuracy, its details, and Q scores that are true."""
