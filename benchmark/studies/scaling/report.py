"""The report of a data set's ladders."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from statistics import mean, stdev
from typing import Any

from benchmark.data import catalog
from benchmark.measure.significance import Interval
from benchmark.recipes import recipe as recipes
from benchmark.records.archive import Archive
from benchmark.reports.document import Report, Table
from benchmark.reports.words import derived, seeds_in_words, with_sd
from benchmark.studies.scaling import ladders, order
from benchmark.studies.scaling.ladders import AXES, PARAMETERS, Curve, Rung
from benchmark.studies.scaling.law import FACTOR, LAST_FALL, LAW, STANDARD_ERRORS, LawFit, floor

PROSE = (
    "L(x) = E + A (x / x0)^-alpha of the test LogLoss, x0 the geometric mean of the sizes, with"
    " 95 % profile intervals at the noise between seeds. **law**: alpha's interval spans less than"
    f" a factor {FACTOR:g}, the law of the other sizes predicts the largest within"
    f" {STANDARD_ERRORS:g} standard errors, its AICc is below that of a - b ln x, the loss still"
    f" falls at the largest size by {LAST_FALL:g} standard errors, and E is not below 0. **falls,"
    " form undecided**: a constant is rejected (one-sided t test of the slope on ln x, 5 %), and"
    " not all of this is met. **no fall found** otherwise. simulation.md tells how often the"
    " verdicts err, and the fall, in sds of a seed, from which a true law is found.",
    "A ladder changes one thing: all widths in one proportion, one depth, or the rows. The learning"
    " rate of every size is the one of the least validation LogLoss at a seed of its own. L2 and"
    " dropout are the same at every size. Fewer rows are the first rows of more, the same for all"
    " seeds, so no seed sd includes the choice of rows. On parameters and FLOPs E is the loss of an"
    " infinite model on these rows, not the oracle's. All runs stop early on LogLoss.",
)
LAWS = (
    *("recipe", "sizes", "fewest seeds", "fall in sds", "verdict", "alpha", "E", "A"),
    *("held-out error ± SE", "AICc of line - law", "why no law"),
)


def report(archive: Archive, dataset: str) -> Report | None:
    """None without records. Raises BenchmarkError for records that cannot be read or compared."""
    rungs = ladders.rungs(archive, dataset)
    if not rungs:
        return None
    fitted = ladders.curves(rungs)
    by_measure = order.orders(rungs, band) if (band := _band(dataset)) else {}
    numbers = {
        "dataset": dataset,
        "laws": [_law(curve) for curve in fitted],
        "orders": [order.numbers(each) for of_sizes in by_measure.values() for each in of_sizes],
    }
    tables = [order.table(measure, of_sizes) for measure, of_sizes in by_measure.items()]
    for axis in AXES:
        if on_axis := [curve for curve in fitted if curve.axis is axis]:
            tables.append(Table(f"Laws over {axis.title}", LAWS, tuple(map(_row, on_axis))))
    tables += [_steps(recipe, steps) for recipe, steps in rungs.items()]
    return Report(f"Scaling laws on {dataset}", tuple(_remarks(rungs)), tuple(tables), numbers)


def _band(dataset: str) -> tuple[int, int] | None:
    """The band of dense parameters that the data set's card names."""
    if dataset not in catalog.card_names():
        return None
    return catalog.find_card(dataset).card.dense_parameters


def _remarks(rungs: Mapping[str, Sequence[Rung]]) -> Iterator[str]:
    yield "Made from records by `python -m benchmark study tables scaling`; do not edit."
    yield "Axes: " + "; ".join(f"**{axis.title}**: {axis.definition}" for axis in AXES) + "."
    yield from PROSE
    first = next(iter(rungs.values()))[0].first
    if first.metrics.oracle_logloss is not None:
        yield f"LogLoss of the true click probability (oracle): {first.metrics.oracle_logloss:.5f}."
    if first.caveat:
        yield f"**{first.caveat}**"


def _law(curve: Curve) -> dict[str, Any]:
    """A curve as JSON values; E, A and alpha only of a law."""
    names = {"recipe": curve.recipe, "axis": curve.axis.key, "verdict": curve.verdict}
    sizes = [
        {
            "size": curve.axis.of(rung.first),
            "rate": ladders.rate(rung.first),
            "seeds": [run.seed for run in rung.runs],
            "logloss": mean(rung.losses),
            "logloss_sd": stdev(rung.losses) if len(rung.losses) > 1 else None,
            "auc": mean(run.metrics.test.auc for run in rung.runs),
        }
        for rung in curve.rungs
    ]
    return {**names, "sizes": sizes, **(_numbers(curve, curve.fit) if curve.fit else {})}


def _numbers(curve: Curve, fit: LawFit) -> dict[str, Any]:
    numbers = asdict(fit)
    law, alpha = numbers.pop("law"), numbers.pop("alpha")
    numbers |= {"alpha_low": alpha["low"], "alpha_high": alpha["high"], "faults": fit.faults}
    if fit.verdict == LAW:
        E = floor(curve.ladder(), fit.law)
        numbers |= {**law, "E_low": E.low, "E_high": E.high}
    rounded: dict[str, Any] = derived(numbers)
    return rounded


def _row(curve: Curve) -> tuple[str, ...]:
    """The columns LAWS."""
    sizes = f"{len(curve.sizes)}: {curve.sizes[0]:,} to {curve.sizes[-1]:,}"
    seeds = min(len(rung.runs) for rung in curve.rungs)
    design, fit = (curve.recipe, sizes, str(seeds)), curve.fit
    if fit is None:
        return (*design, "", curve.verdict, *("",) * 6)
    fall = mean(curve.rungs[0].losses) - mean(curve.rungs[-1].losses)
    alpha, E, A = _range(fit.alpha, 3), "", ""
    if fit.verdict == LAW:
        alpha, A = f"{fit.law.alpha:.3f} ({alpha})", f"{fit.law.A:.5f}"
        E = f"{fit.law.E:.5f} ({_range(floor(curve.ladder(), fit.law), 5)})"
    missed = f"{fit.missed:+.5f} ± {fit.missed_error:.5f}"
    names = *design, f"{fall / fit.noise:.0f}", curve.verdict
    return (*names, alpha, E, A, missed, f"{fit.gain:+.1f}", "; ".join(fit.faults))


def _range(interval: Interval, digits: int) -> str:
    """E.g. `0.10 to 0.52`."""
    ends = (interval.low, interval.high)
    return " to ".join("not bounded" if end is None else f"{end:.{digits}f}" for end in ends)


def _steps(recipe: str, rungs: Sequence[Rung]) -> Table:
    varied = ladders.varied_settings(rungs)
    rows = []
    for rung in rungs:
        run, settings = rung.first, recipes.dotted(rung.first.recipe)
        sizes = (f"{axis.of(run):,}" for axis in AXES)
        head = f"{run.parameters.head / PARAMETERS.of(run):.1%}"
        rate = f"{ladders.rate(run):g} of {', '.join(f'{each:g}' for each in rung.rates)}"
        seeds = seeds_in_words([run.seed for run in rung.runs])
        auc = with_sd([run.metrics.test.auc for run in rung.runs], 5)
        cells = (*sizes, head, rate, seeds, with_sd(rung.losses, 5), auc)
        rows.append((str(rung.step), *(str(settings[key]) for key in varied), *cells))
    axes = (axis.title for axis in AXES)
    outcome = "head's share", "learning rate", "seeds", "test LogLoss", "test AUC"
    remarks = [f"Step {rung.step}: {note}" for rung in rungs for note in rung.first.notes]
    head_row = ("step", *varied, *axes, *outcome)
    return Table(f"The ladder of {recipe}", head_row, tuple(rows), tuple(remarks))
