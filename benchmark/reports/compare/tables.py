"""Two recipes, or two records, side by side: quality with intervals, rank stage by stage, cost."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from benchmark.errors import BenchmarkError
from benchmark.measure import significance
from benchmark.measure.significance import Difference
from benchmark.measure.trajectory import over_seeds, ratios
from benchmark.records import scores
from benchmark.records.measured import When
from benchmark.records.ranks import WHEN
from benchmark.records.record import Record, arrays_path
from benchmark.reports.compare.sides import Side
from benchmark.reports.document import Cells, Table
from benchmark.reports.words import bars, mean_sd
from benchmark.utils.arrays import ClassScores

DIFFERENCE, INTERVAL = "difference", "95 % interval"
TOO_FEW = "an interval takes two seeds"

Values = Sequence[float | None]


class Quantity(NamedTuple):
    title: str
    digits: int
    of: Callable[[Record], float | None]

    def values(self, side: Side) -> list[float | None]:
        """One a run."""
        return [self.of(run) for run in side.runs]


QUALITY = (
    AUC := Quantity("test AUC", 5, lambda run: run.metrics.test.auc),
    LOGLOSS := Quantity("test LogLoss", 5, lambda run: run.metrics.calibrated.logloss),
    Quantity("test NE", 5, lambda run: run.metrics.calibrated.ne),
    Quantity("calibration", 4, lambda run: run.metrics.calibrated.calibration),
)
COST = (
    Quantity("parameters", 0, lambda run: run.parameters.total),
    Quantity("  embedding", 0, lambda run: run.parameters.embedding),
    Quantity("  dense", 0, lambda run: run.parameters.dense),
    Quantity("  head", 0, lambda run: run.parameters.head),
    Quantity("FLOPs / sample", 0, lambda run: run.flops_per_sample),
    Quantity("epochs", 1, lambda run: run.curve[-1].epoch),
    Quantity("seconds", 1, lambda run: run.cost.total_seconds),
    Quantity("train samples/s", 0, lambda run: run.cost.train_samples_per_s),
    Quantity("predict samples/s", 0, lambda run: run.cost.predict_samples_per_s),
    Quantity("peak memory (GiB)", 2, lambda run: run.cost.peak_memory_gib),
)


class Gap(NamedTuple):
    """The difference of a from b and the test that gives it; without one `by` is the reason."""

    quantity: Quantity
    difference: Difference | None
    by: str


def report(a: Side, b: Side) -> tuple[Table, ...]:
    """Quality, the rank stage by stage, and cost."""
    return _quality(a, b), _stages(a, b), _cost(a, b)


def gaps(a: Side, b: Side) -> list[Gap]:
    """The gaps in quality: over test rows for two single runs, else over seeds (AUC: and rows)."""
    if len(a.runs) == len(b.runs) == 1:
        return _over_rows(a, b)
    differences = [(of, gap(of.values(a), of.values(b))) for of in QUALITY]
    each = [Gap(of, value, "Welch, over seeds" if value else TOO_FEW) for of, value in differences]
    if min(len(a.runs), len(b.runs)) > 1:
        try:
            difference = significance.bootstrap_difference(_scores(a), _scores(b))
            each.append(Gap(AUC, difference, "bootstrap, over test rows and seeds"))
        except (BenchmarkError, ValueError) as error:
            each.append(Gap(AUC, None, str(error)))
    return each


def gap(a: Values, b: Values) -> Difference | None:
    """Welch's difference, where both have two values or more and none is missing."""
    if min(len(a), len(b)) < 2 or None in (*a, *b):
        return None
    return significance.welch([x for x in a if x is not None], [x for x in b if x is not None])


def _over_rows(a: Side, b: Side) -> list[Gap]:
    try:
        [first], [second] = _scores(a), _scores(b)
        tested = Gap(AUC, significance.delong(first, second), "DeLong, over test rows")
    except (BenchmarkError, ValueError) as error:
        return [Gap(quantity, None, str(error)) for quantity in QUALITY]
    return [tested, *(Gap(quantity, None, TOO_FEW) for quantity in QUALITY[1:])]


def _scores(side: Side) -> list[ClassScores]:
    """Raises BenchmarkError where the logits are not kept row by row."""
    logits = [scores.load(arrays_path(path)).rows() for path in side.paths]
    by_row: list[ClassScores] = [each for each in logits if each is not None]
    if len(by_row) < len(logits):
        raise BenchmarkError("the logits of so many rows are not kept row by row")
    return by_row


def _quality(a: Side, b: Side) -> Table:
    rows = []
    for each in gaps(a, b):
        of, difference = each.quantity, each.difference
        cells = _side_by_side(of.values(a), of.values(b), difference, of.digits)
        p = "" if difference is None else f"{difference.p:.2g}"
        rows.append((of.title, *cells, p, each.by))
    first = a.runs[0].metrics
    remarks = ["Mean ± sd over seeds."]
    if first.oracle_auc:
        remarks.append(f"Oracle: AUC {first.oracle_auc:.5f}, LogLoss {first.oracle_logloss:.5f}.")
    head = ("", a.name, b.name, DIFFERENCE, INTERVAL, "p", "by")
    return Table("Quality", head, tuple(rows), tuple(remarks))


def _side_by_side(a: Values, b: Values, interval: Difference | None, digits: int) -> Cells:
    """Both means, their difference where there are both, and its interval where it has one."""
    one, other, form = over_seeds(a), over_seeds(b), f"+z.{digits}f"
    value = format(one.mean - other.mean, form) if one and other else ""
    ends = f"{interval.low:{form}} to {interval.high:{form}}" if interval else ""
    return mean_sd(one, digits), mean_sd(other, digits), value, ends


def _stages(a: Side, b: Side) -> Table:
    """The stages of a in order, then those that only b has."""
    values = {(side.name, when): _stage_values(side, when) for side in (a, b) for when in WHEN}
    means = {
        key: {stage: over_seeds(seeds) for stage, seeds in path.items()}
        for key, path in values.items()
    }
    every = [band.mean for path in means.values() for band in path.values() if band]
    low, high = min(every, default=0.0), max(every, default=1.0)
    rows = []
    for stage in dict.fromkeys(stage for path in values.values() for stage in path):
        bands = [path.get(stage) for path in means.values()]
        cells = (f"{bars([band], low, high)} {mean_sd(band)}" if band else "" for band in bands)
        one, other = (values[side.name, "best"].get(stage, []) for side in (a, b))
        rows.append((stage, *cells, *_side_by_side(one, other, gap(one, other), 3)[2:]))
    titles = {key: f"{key[0]}, {WHEN[key[1]]}" for key in means}
    courses = (f"{titles[key]}: {bars(path.values(), low, high)}" for key, path in means.items())
    head = ("stage", *titles.values(), "difference, trained", INTERVAL)
    remarks = (*courses, f"Bars run from {low:.3f} to {high:.3f}.")
    return Table("Rank ratio (noise = 1), batch form", head, tuple(rows), remarks)


def _stage_values(side: Side, when: When) -> dict[str, list[float | None]]:
    """The rank ratio stage by stage in batch form, a value a seed."""
    paths = [ratios(run.spectra(when).batch) for run in side.runs]
    return {stage: [path.get(stage) for path in paths] for stage in paths[0]}


def _cost(a: Side, b: Side) -> Table:
    rows = []
    for of in COST:
        bands = one, other = over_seeds(of.values(a)), over_seeds(of.values(b))
        means = [f"{band.mean:,.{of.digits}f}" if band else "" for band in bands]
        ratio = f"{one.mean / other.mean:.2f}" if one and other and other.mean else ""
        rows.append((of.title, *means, ratio))
    remark = (
        "Means over seeds. FLOPs are forward matrix-multiply FLOPs of one sample (multiply-add = 2;"
        " elementwise work counts 0). Seconds, samples/s and memory are as each run found them,"
        " whatever else the machine was doing."
    )
    return Table("Cost", ("", a.name, b.name, "ratio"), tuple(rows), (remark,))
