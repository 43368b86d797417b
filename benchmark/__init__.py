"""A reproducible benchmark of dense-scaling click-through-rate models."""

__version__ = "0.1.0"
