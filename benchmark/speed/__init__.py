"""How fast the suite is on the machine at hand. Figures are medians of interleaved repeats within
one process tree."""
