"""The scaling study: ladders of sizes of a recipe, and its shapes of equal FLOPs."""

from benchmark.studies.scaling.study import Scaling

__all__ = ["Scaling"]
