"""Numbers in words: durations, means with spread, seeds, bars."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from benchmark.measure.trajectory import Band, over_seeds
from benchmark.records.ranks import BARS

if TYPE_CHECKING:
    from benchmark.measure.effects import Effect

DIGITS = 5
"""Significant digits of a fitted number: the same on every machine, as an optimum is flat."""


def counted(count: int, noun: str) -> str:
    """`1 thread`, `2 threads`; the noun takes an s."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def duration(seconds: float | None) -> str:
    """E.g. `45 s`, `12 min`, `3.4 h`."""
    if seconds is None:
        return "unknown"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def mean_sd(band: Band | None, digits: int = 3, sign: str = "") -> str:
    """`mean ± sd`, the mean alone of one seed; empty for None."""
    if band is None:
        return ""
    mean = f"{band.mean:{sign}z.{digits}f}"
    return mean if band.sd is None else f"{mean} ± {band.sd:.{digits}f}"


def with_sd(values: Sequence[float | None], digits: int) -> str:
    """`mean ± sd` of values that all seeds have; empty where one is missing."""
    return "" if None in values else mean_sd(over_seeds(values), digits)


def seeds_in_words(seeds: Sequence[int]) -> str:
    """`0-4`, or `0, 2, 5` where there is a gap."""
    if len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[-1] + 1)):
        return f"{seeds[0]}-{seeds[-1]}"
    return ", ".join(map(str, seeds))


def bars(course: Iterable[Band | None], low: float = 0.0, high: float = 1.0) -> str:
    """One small bar for each mean, from `low` to `high`; a dot for None."""
    span = high - low or 1.0
    last = len(BARS) - 1
    return "".join(
        "·" if band is None else BARS[min(int((band.mean - low) / span * len(BARS)), last)]
        for band in course
    )


def derived(value: Any) -> Any:
    """A fitted number, or a structure of them, to DIGITS digits."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {key: derived(inner) for key, inner in value.items()}
    return [derived(inner) for inner in value] if isinstance(value, list | tuple) else value


def effect_in_words(effect: "Effect", form: str = "+z.3g", of: int = 1) -> str:
    """The estimate and its 95 % interval, one of several that hold together."""
    low, high = effect.interval(of)
    return f"{effect.value:{form}} ({low:{form}} to {high:{form}})"


def effect_numbers(effect: "Effect", of: int = 1) -> dict[str, Any]:
    """The same as JSON values, with p and the number of runs."""
    low, high = effect.interval(of)
    each = {"value": effect.value, "low": low, "high": high, "p": effect.p}
    return {**derived(each), "n": effect.n}
