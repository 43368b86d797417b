"""How fast the suite is on this machine, as medians of interleaved repeats."""
