"""Two recipes, or two records, side by side: quality with intervals, the way of the rank, cost.
Records alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import mean

import numpy as np

from benchmark.errors import BenchmarkError
from benchmark.measure.significance import (
    ClassScores,
    Difference,
    bootstrap_difference,
    delong,
    normal_difference,
    welch,
)
from benchmark.measure.trajectory import Trajectory, over_seeds
from benchmark.records import scores
from benchmark.records.ranks import WHEN, When, ranks, trajectories
from benchmark.records.record import Record, scores_path
from benchmark.reports.compare.sides import Side
from benchmark.reports.document import Table
from benchmark.reports.leaderboard.tracks import BOOTSTRAP_SEED, RESAMPLES
from benchmark.reports.rank.recipe import bars, words

METRIC = "erank"
DIFFERENCE, INTERVAL = "difference", "95 % interval"

Values = Sequence[float | None]


@dataclass(frozen=True)
class Quantity:
    title: str
    digits: int
    of: Callable[[Record], float | None]


QUALITY = (
    AUC := Quantity("test AUC", 5, lambda run: run.metrics.test.auc),
    LOGLOSS := Quantity("test LogLoss", 5, lambda run: run.metrics.test.logloss),
    Quantity("test NE", 5, lambda run: run.metrics.test.ne),
    Quantity("calibration", 4, lambda run: run.metrics.test.calibration),
)
COST = (
    PARAMETERS := Quantity("parameters", 0, lambda run: run.parameters.total),
    Quantity("  embedding", 0, lambda run: run.parameters.embedding),
    Quantity("  dense", 0, lambda run: run.parameters.dense),
    Quantity("  head", 0, lambda run: run.parameters.head),
    FLOPS := Quantity("FLOPs / sample", 0, lambda run: run.flops_per_sample),
    Quantity("epochs", 1, lambda run: run.curve[-1].epoch),
    SECONDS := Quantity("seconds", 1, lambda run: run.cost.total_seconds),
    TRAIN := Quantity("train samples/s", 0, lambda run: run.cost.train_samples_per_s),
    PREDICT := Quantity("predict samples/s", 0, lambda run: run.cost.predict_samples_per_s),
    MEMORY := Quantity("peak memory (GiB)", 2, lambda run: run.cost.peak_memory_gib),
)


@dataclass(frozen=True)
class Gap:
    """How far a is from b in one quantity, and by which test; None where none can be made, and `by`
    says why."""

    quantity: Quantity
    difference: Difference | None
    by: str


def report(a: Side, b: Side) -> tuple[Table, ...]:
    """Quality, the rank stage by stage, what its way comes to, and cost."""
    return _quality(a, b), _stages(a, b), _moves(a, b), _cost(a, b)


def values(side: Side, quantity: Quantity) -> list[float | None]:
    """One a run."""
    return [quantity.of(run) for run in side.runs]


def gaps(a: Side, b: Side) -> list[Gap]:
    """Over the test rows for two single runs; else over seeds, and of AUC over test rows and seeds
    too."""
    if len(a.runs) == len(b.runs) == 1:
        return _over_rows(a, b)
    found = []
    for quantity in QUALITY:
        difference = gap(values(a, quantity), values(b, quantity))
        found.append(
            Gap(
                quantity,
                difference,
                "Welch, over seeds" if difference else "an interval takes two seeds",
            )
        )
    if min(len(a.runs), len(b.runs)) > 1:
        found.append(_over_rows_and_seeds(a, b))
    return found


def gap(a: Values, b: Values) -> Difference | None:
    """Welch's, where both have two values or more and none is missing."""
    if min(len(a), len(b)) < 2 or None in (*a, *b):
        return None
    return welch([x for x in a if x is not None], [x for x in b if x is not None])


def _over_rows(a: Side, b: Side) -> list[Gap]:
    try:
        [first], [second] = _scores(a), _scores(b)
        found = {
            AUC: (delong(first, second), "DeLong"),
            LOGLOSS: (_paired_logloss(first, second), "z, paired"),
        }
    except (BenchmarkError, ValueError) as error:
        return [Gap(quantity, None, str(error)) for quantity in QUALITY]
    return [
        (
            Gap(quantity, found[quantity][0], f"{found[quantity][1]}, over test rows")
            if quantity in found
            else Gap(quantity, None, "an interval takes two seeds")
        )
        for quantity in QUALITY
    ]


def _over_rows_and_seeds(a: Side, b: Side) -> Gap:
    try:
        difference = bootstrap_difference(_scores(a), _scores(b), RESAMPLES, BOOTSTRAP_SEED)
    except (BenchmarkError, ValueError) as error:
        return Gap(AUC, None, str(error))
    return Gap(AUC, difference, "bootstrap, over test rows and seeds")


def _scores(side: Side) -> list[ClassScores]:
    """Raises BenchmarkError where the logits are not at hand row by row."""
    found: list[ClassScores] = []
    for path in side.paths:
        if (by_class := scores.by_class(scores.load(scores_path(path)))) is None:
            raise BenchmarkError("the logits are not kept row by row, only in bins")
        found.append(by_class)
    return found


def _paired_logloss(a: ClassScores, b: ClassScores) -> Difference:
    """Of the mean losses on the same rows, whose differences are taken to be independent."""
    if [len(part) for part in a] != [len(part) for part in b]:
        raise ValueError("the runs were not scored on the same test rows")
    each = np.concatenate(
        [
            np.logaddexp(0, sign * x) - np.logaddexp(0, sign * y)
            for sign, x, y in zip((-1, 1), a, b, strict=True)
        ]
    )
    return normal_difference(float(each.mean()), float(each.std(ddof=1)) / sqrt(len(each)))


def _quality(a: Side, b: Side) -> Table:
    head = ("", a.name, b.name, DIFFERENCE, INTERVAL, "p", "by")
    rows = []
    for each in gaps(a, b):
        cells = _side_by_side(
            values(a, each.quantity),
            values(b, each.quantity),
            each.difference,
            each.quantity.digits,
        )
        p = "" if each.difference is None else f"{each.difference.p:.2g}"
        rows.append((each.quantity.title, *cells, p, each.by))
    first = a.runs[0].metrics
    oracle = (
        f"Oracle: AUC {first.oracle_auc:.5f}, LogLoss {first.oracle_logloss:.5f}."
        if first.oracle_auc
        else ""
    )
    return Table("Quality", head, tuple(rows), ("Mean ± sd over seeds.", *filter(None, [oracle])))


def _side_by_side(a: Values, b: Values, found: Difference | None, digits: int) -> tuple[str, ...]:
    """Both, their difference where there are both, and its interval where it was `found`."""
    first, second = over_seeds(a), over_seeds(b)
    value = f"{first.mean - second.mean:+z.{digits}f}" if first and second else ""
    interval = "" if found is None else f"{found.low:+z.{digits}f} to {found.high:+z.{digits}f}"
    return words(first, digits), words(second, digits), value, interval


def stage_values(side: Side, when: When) -> dict[str, list[float | None]]:
    """The rank over its limit, stage by stage, a value a seed."""
    paths = [ranks(run, METRIC, "token", when) for run in side.runs]
    return {stage: [path.get(stage) for path in paths] for stage in paths[0]}


def _stages(a: Side, b: Side) -> Table:
    """Those of a in order, then what b has besides; a stage that one lacks stays empty there."""
    found = {(side.name, when): stage_values(side, when) for side in (a, b) for when in WHEN}
    means = {
        key: {stage: over_seeds(each) for stage, each in path.items()}
        for key, path in found.items()
    }
    known = [band.mean for path in means.values() for band in path.values() if band]
    low, high = min(known, default=0.0), max(known, default=1.0)
    rows = []
    for stage in dict.fromkeys(stage for path in found.values() for stage in path):
        course = [path.get(stage) for path in means.values()]
        cells = (f"{bars([band], low, high)} {words(band)}" if band else "" for band in course)
        one, other = (found[side.name, "best"].get(stage, []) for side in (a, b))
        rows.append((stage, *cells, *_side_by_side(one, other, gap(one, other), 3)[2:]))
    head = (
        "stage",
        *(f"{name}, {WHEN[when]}" for name, when in found),
        "difference, trained",
        INTERVAL,
    )
    shown = (
        f"{name}, {WHEN[when]}: {bars(path.values(), low, high)}"
        for (name, when), path in means.items()
    )
    remark = f"Bars run from {low:.3f} to {high:.3f}."
    return Table(
        "Effective rank / min(rows, columns) of a sample", head, tuple(rows), (*shown, remark)
    )


def _moves(a: Side, b: Side) -> Table:
    """What the way of the rank comes to; of models without blocks the collapse ratio alone."""
    quantities: dict[str, Callable[[Trajectory], float | None]] = {
        "collapse ratio": lambda path: path.collapse,
        "rise in a block": lambda path: mean(path.rise) if path.rise else None,
        "fall in a block": lambda path: mean(path.fall) if path.fall else None,
        "amplitude": lambda path: mean(path.amplitude) if path.amplitude else None,
        "damping": lambda path: path.damping,
    }
    rows = []
    for title, of in quantities.items():
        for when, said in WHEN.items():
            one, other = (
                [of(path) for path in trajectories(side.runs, METRIC, "token", when)]
                for side in (a, b)
            )
            if over_seeds(one) or over_seeds(other):
                rows.append((f"{title}, {said}", *_side_by_side(one, other, gap(one, other), 3)))
    remark = (
        "Collapse ratio: the last stage over tokens (over the embedding where there are none)."
        " Rise, fall and amplitude = (rise − fall) / 2: mean over blocks. Damping: the slope of ln"
        " amplitude over the block, of the seeds with all amplitudes above 0. Intervals: Welch,"
        " where every seed has a value."
    )
    return Table(
        "How the rank moves", ("", a.name, b.name, DIFFERENCE, INTERVAL), tuple(rows), (remark,)
    )


def _cost(a: Side, b: Side) -> Table:
    rows = []
    for quantity in COST:
        both = [over_seeds(values(side, quantity)) for side in (a, b)]
        shown = [f"{band.mean:,.{quantity.digits}f}" if band else "" for band in both]
        share = ratio(a, b, quantity)
        rows.append((quantity.title, *shown, "" if share is None else f"{share:.2f}"))
    remark = (
        "Means over seeds. FLOPs are forward matrix-multiply FLOPs of one sample (multiply-add = 2;"
        " elementwise work counts 0). Seconds, samples/s and memory are as each run found them,"
        " whatever else the machine was doing."
    )
    return Table("Cost", ("", a.name, b.name, "ratio"), tuple(rows), (remark,))


def ratio(a: Side, b: Side, quantity: Quantity) -> float | None:
    """Of the means; None where one is 0."""
    first, second = (over_seeds(values(side, quantity)) for side in (a, b))
    return first.mean / second.mean if first and second and first.mean and second.mean else None
