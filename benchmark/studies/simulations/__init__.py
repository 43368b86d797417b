"""Simulations of the suite's own statistics, on data whose truth is known."""

from math import sqrt


def share(count: int, total: int) -> str:
    """E.g. `94.9% ± 0.7%`, with 1.96 standard errors; empty for a share of nothing."""
    if not total:
        return ""
    part = count / total
    return f"{part:.1%} ± {1.96 * sqrt(part * (1 - part) / total):.1%}"
