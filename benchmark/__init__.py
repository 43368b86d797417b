"""A reproducible benchmark of dense-scaling click-through-rate models."""

from benchmark.launch import results, run

__all__ = ["__version__", "results", "run"]
__version__ = "0.1.0"
