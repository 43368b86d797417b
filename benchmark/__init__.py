"""A reproducible benchmark of dense-scaling click-through-rate models."""

from benchmark.frames import datasets, leaderboard, models, predict, results
from benchmark.launch import run
from benchmark.utils.threads import limit_spinning

__all__ = [
    "__version__",
    "datasets",
    "leaderboard",
    "models",
    "predict",
    "results",
    "run",
]
__version__ = "0.1.0"

limit_spinning()
