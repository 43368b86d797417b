"""The report of a data set's ladders."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmark.errors import UsageError
from benchmark.measure.significance import Interval
from benchmark.recipes import recipe as recipes
from benchmark.records.record import Record
from benchmark.reports.document import Report, Table
from benchmark.reports.words import derived, seeds_in_words
from benchmark.studies.scaling import ladders
from benchmark.studies.scaling.ladders import AXES, FLOPS, OUTCOME, PARAMETERS, ROWS, Rung, Rungs
from benchmark.studies.scaling.law import EXPONENTS, LawFit
from benchmark.studies.scaling.verdict import Curve, curves

PROSE = (
    "L(x) = E + A (x / x0)^-alpha of the test LogLoss, x0 the geometric mean of the sizes, with"
    " 95 % profile intervals at the noise between seeds. A law is fitted where a constant is"
    " rejected at 5 % (parametric bootstrap). Where misfit p is below 0.05 the sizes stray from any"
    " such law by more than their seeds do: the loss falls, but by no power law, and the law is not"
    " printed. Where equal noise p (Bartlett) is below 0.01 the seeds scatter unevenly, so test and"
    " intervals do not hold. Held-out error: predicted less measured LogLoss at the largest size,"
    " by the law of the others, beside the measured fall from the second largest to it. E is"
    " identified where its interval is narrower than the fall of the loss over the ladder. An"
    " exponent that is not bounded on both sides is no estimate, nor is its A.",
    "Learning rate, L2 and dropout are the recipe's own at every size unless a step names them, so"
    " an exponent is that of this ladder at this rate. Fewer rows are the first rows of more, the"
    " same for all seeds, so no seed sd includes the choice of rows. On parameters and FLOPs E is"
    " the loss of an infinite model on these rows, not the oracle's. erank / limit: mean effective"
    " rank per sample of the trained last stage over its largest possible value, at the smallest"
    " and the largest size. All runs stop early on LogLoss.",
)
LAWS = (
    *("recipe", "sizes", "seeds", "verdict", "E", "A", "alpha", "R²"),
    *("held-out error (measured fall)", "misfit p", "equal noise p", "erank / limit"),
)


def report(results: Path, dataset: str) -> Report | None:
    """None without records. Raises BenchmarkError for records that cannot be read or compared."""
    rungs = ladders.rungs(results, dataset)
    if not rungs:
        return None
    fitted = curves(rungs)
    numbers = {
        "dataset": dataset,
        "runs": {
            name: [_run(rung.step, run) for rung in steps for run in rung.runs]
            for name, steps in rungs.items()
        },
        "laws": [_law(curve) for curve in fitted],
    }
    tables = []
    for axis in AXES:
        if on_axis := [curve for curve in fitted if curve.axis is axis]:
            notes = tuple(note for curve in on_axis for note in _notes(curve))
            tables.append(Table(f"Laws over {axis.title}", LAWS, tuple(map(_row, on_axis)), notes))
    tables += [steps(dataset, recipe, rungs[recipe]) for recipe in rungs]
    return Report(f"Scaling laws on {dataset}", tuple(_remarks(rungs)), tuple(tables), numbers)


def _remarks(rungs: Rungs) -> Iterator[str]:
    yield "Made from records by `python -m benchmark study tables scaling`; do not edit."
    yield "Axes: " + "; ".join(f"**{axis.title}**: {axis.definition}" for axis in AXES) + "."
    yield from PROSE
    first = next(iter(rungs.values()))[0].first
    if first.metrics.oracle_logloss is not None:
        yield f"LogLoss of the true click probability (oracle): {first.metrics.oracle_logloss:.5f}."
    if first.caveat:
        yield f"**{first.caveat}**"


def _run(step: int, run: Record) -> dict[str, Any]:
    return {
        "step": step,
        "seed": run.seed,
        "parameters": PARAMETERS.of(run),
        "head": run.parameters.head,
        "flops": FLOPS.of(run),
        "rows": ROWS.of(run),
        "logloss": ladders.logloss(run),
        "auc": run.metrics.test.auc,
        "rank": ladders.rank(run),
    }


def _law(curve: Curve) -> dict[str, Any]:
    return {
        "recipe": curve.recipe,
        "axis": curve.axis.key,
        "verdict": curve.verdict,
        "p": derived(curve.p),
        "misfit": None if curve.tried is None else derived(curve.tried.misfit),
        "noise_p": None if curve.ladder is None else derived(curve.ladder.noise_p),
        "sizes": [{"size": curve.axis.of(rung.first), **rung.numbers()} for rung in curve.rungs],
        "fit": None if curve.fit is None else _fit(curve.fit),
    }


def _fit(fit: LawFit) -> dict[str, Any]:
    """E, A and alpha of the law are None where they are no estimates."""
    numbers = asdict(fit)
    del numbers["border"], numbers["misfit"]
    numbers["law"] |= {} if fit.identified else {"E": None}
    numbers["law"] |= {} if fit.bounded else {"A": None, "alpha": None}
    return {**derived(numbers), "identified": fit.identified}


def _row(curve: Curve) -> tuple[str, ...]:
    """The columns LAWS."""
    fit, ladder, tried, verdict = curve.fit, curve.ladder, curve.tried, curve.verdict
    misfit = f"{tried.misfit:.2g}" if tried else ""
    if ladder is not None:
        verdict += f" (misfit p = {misfit})" if tried and not fit else f" (p = {curve.p:.2g})"
        verdict += ", but seed noise differs between sizes" if ladder.uneven else ""
    return (
        curve.recipe,
        f"{len(set(curve.sizes))}: {curve.sizes[0]:,} to {curve.sizes[-1]:,}",
        _seeds(curve.rungs),
        verdict,
        *(_estimates(fit) if fit else ("",) * 5),
        misfit,
        f"{ladder.noise_p:.2g}" if ladder else "",
        f"{curve.rungs[0].rank_text} → {curve.rungs[-1].rank_text}",
    )


def _seeds(rungs: Sequence[Rung]) -> str:
    """The seeds where they are the same at every size, else how many there are."""
    by_size = {tuple(run.seed for run in rung.runs) for rung in rungs}
    if len(by_size) == 1:
        return seeds_in_words(*by_size)
    counts = [len(seeds) for seeds in by_size]
    return " to ".join(map(str, sorted({min(counts), max(counts)}))) + " a size"


def _estimates(fit: LawFit) -> tuple[str, ...]:
    """E, A, alpha, R² and the held-out error."""
    E, A, alpha = _range(fit.E, 5), _range(fit.A, 5), _range(fit.alpha, 3)
    low, high = fit.alpha.low, fit.alpha.high
    if fit.bounded:
        alpha = f"{fit.law.alpha:.3f} ({alpha})"
    elif low is None:
        alpha = "not bounded" if high is None else f"≤ {high:.3f}"
    elif high is None:
        alpha = f"≥ {low:.3f}"
    return (
        f"{fit.law.E:.5f} ({E})" if fit.identified else f"not identified ({E})",
        f"{fit.law.A:.5f} ({A})" if fit.bounded else A,
        alpha,
        f"{fit.r2:.3f}",
        f"{fit.missed:+.5f} ({fit.last_fall:.5f})",
    )


def _range(interval: Interval, digits: int) -> str:
    """E.g. `0.10 to 0.52`."""
    ends = (interval.low, interval.high)
    return " to ".join("not bounded" if end is None else f"{end:.{digits}f}" for end in ends)


def _notes(curve: Curve) -> Iterator[str]:
    exponent = curve.fit.law.alpha if curve.fit else None
    if exponent is not None and exponent >= EXPONENTS[1]:
        yield (
            f"{curve.recipe}: only the smallest size differs from the others, so there is no"
            " exponent."
        )
    if exponent is not None and exponent <= EXPONENTS[0]:
        yield f"{curve.recipe}: a straight line in the logarithm of size, so there is no exponent."
    if curve.ladder is not None and curve.ladder.uneven:
        size = curve.ladder.sizes[curve.ladder.noises.argmax()]
        noisiest = [rung for rung in curve.rungs if curve.axis.of(rung.first) == size]
        losses = [f"{loss:.5f}" for rung in noisiest for loss in rung.losses]
        yield (
            f"{curve.recipe}: the seed noise differs between sizes (Bartlett's p ="
            f" {curve.ladder.noise_p:.2g}), so test and intervals do not hold. It is largest at"
            f" {size:,.0f}: {', '.join(losses)}."
        )


def steps(dataset: str, recipe: str, rungs: Sequence[Rung]) -> Table:
    varied = ladders.varied_settings(rungs)
    rows = []
    for rung in rungs:
        run = rung.first
        sizes = PARAMETERS.of(run), run.parameters.head, FLOPS.of(run), ROWS.of(run)
        changed = [str(recipes.dotted(run.recipe)[key]) for key in varied]
        rows.append((str(rung.step), *changed, *(f"{size:,}" for size in sizes), *rung.outcome))
    head = PARAMETERS.title, "head parameters", FLOPS.title, ROWS.title
    remarks = [*_common_settings(dataset, recipe, rungs[0].first, varied)]
    remarks += [f"Step {rung.step}: {note}" for rung in rungs for note in rung.first.notes]
    columns = ("step", *varied, *head, *OUTCOME)
    return Table(f"The ladder of {recipe}", columns, tuple(rows), tuple(remarks))


def _common_settings(
    dataset: str, recipe: str, run: Record, varied: Sequence[str]
) -> Iterator[str]:
    """The learning rate of every step, and what differs from the recipe where that still exists."""
    common = {key: value for key, value in recipes.dotted(run.recipe).items() if key not in varied}
    if "train.learning_rate" in common:
        yield f"Learning rate of every step: {common['train.learning_rate']:g}."
    try:
        own = recipes.load(f"{dataset}/{recipe}").dotted()
    except UsageError:
        return
    if changed := [f"{key} = {value!r}" for key, value in common.items() if own.get(key) != value]:
        yield f"Every step differs from the recipe in {', '.join(changed)}."
