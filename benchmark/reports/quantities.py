"""What runs are compared by."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

from benchmark.records.archive import Runs
from benchmark.records.measured import FORMS
from benchmark.records.ranks import WHEN, last_ratio, trajectories
from benchmark.records.record import Record


@dataclass(frozen=True)
class Quantity:
    """A number of a run, and the digits that tables show of it."""

    title: str
    digits: int
    of: Callable[[Record], float | None]


def retention(run: Record) -> float | None:
    """The rank ratio of the last stage over the highest of an earlier one, in batch form."""
    paths = trajectories([run], "batch", "best")
    return paths[0].retention if paths else None


QUANTITIES = {
    "auc": Quantity("test AUC", 5, lambda run: run.metrics.test.auc),
    "logloss": Quantity("test LogLoss", 5, lambda run: run.metrics.calibrated.logloss),
    "rank": Quantity("rank ratio of the last stage", 3, last_ratio),
    "retention": Quantity("retention of the rank ratio", 3, retention),
}


def numbers_of(run: Record) -> dict[str, Any]:
    """The quantities of a run, the trajectories of its rank ratio and its size, as JSON values."""
    paths = {
        f"{form}, {title}": asdict(path)
        for form, (when, title) in product(FORMS, WHEN.items())
        for path in trajectories([run], form, when)
    }
    return {
        "seed": run.seed,
        **{key: quantity.of(run) for key, quantity in QUANTITIES.items()},
        "rank_ratio": paths,
        "parameters": asdict(run.parameters),
        "flops_per_sample": run.flops_per_sample,
    }


def over_runs(
    groups: Mapping[str, Runs], quantity: Quantity, least: int = 2
) -> dict[str, list[float]]:
    """The values of a quantity in each group of runs that has `least` of them.

    Empty where those of no group vary, as no interval can be given then."""
    values = {}
    for name, runs in groups.items():
        present = [value for run in runs if (value := quantity.of(run)) is not None]
        if len(present) >= least:
            values[name] = present
    return values if any(len(set(present)) > 1 for present in values.values()) else {}
