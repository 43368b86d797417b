"""The tables of a data set's ladders: laws by axis, and the steps of a ladder."""

from collections.abc import Iterator, Sequence

from benchmark.errors import UsageError
from benchmark.measure.significance import Interval
from benchmark.recipes import recipe as recipes
from benchmark.records.record import Record
from benchmark.reports.document import Table
from benchmark.reports.words import seeds_in_words, with_sd
from benchmark.studies.scaling import ladders
from benchmark.studies.scaling.ladders import FLOPS, PARAMETERS, ROWS, Axis, Rung
from benchmark.studies.scaling.law import EXPONENTS, LawFit
from benchmark.studies.scaling.verdict import Curve, unequal

LAWS = (
    *("recipe", "sizes", "seeds", "verdict", "E", "A", "alpha", "R²"),
    *("held-out error (measured fall)", "misfit p", "equal noise p", "erank / limit"),
)
OUTCOME = "seeds", "test LogLoss", "test AUC", "erank / limit"


def outcome(rung: Rung) -> tuple[str, str, str, str]:
    """The results of a step or shape, in the columns OUTCOME."""
    seeds = seeds_in_words([run.seed for run in rung.runs])
    auc = with_sd([run.metrics.test.auc for run in rung.runs], 5)
    return seeds, with_sd(rung.losses, 5), auc, _number(rung.rank, ".3f")


def laws(axis: Axis, curves: Sequence[Curve]) -> Table:
    notes = tuple(note for curve in curves for note in _notes(curve))
    return Table(f"Laws over {axis.title}", LAWS, tuple(map(_law_row, curves)), notes)


def _law_row(curve: Curve) -> tuple[str, ...]:
    fit, ladder, tried = curve.fit, curve.ladder, curve.tried
    misfit = _number(tried.misfit if tried else None, ".2g")
    verdict = curve.verdict
    if ladder is not None:
        verdict += f" (misfit p = {misfit})" if tried and not fit else f" (p = {curve.p:.2g})"
        verdict += ", but seed noise differs between sizes" if unequal(ladder) else ""
    return (
        curve.recipe,
        f"{len(set(curve.sizes))}: {curve.sizes[0]:,} to {curve.sizes[-1]:,}",
        _seeds(curve.rungs),
        verdict,
        *(_estimates(fit) if fit else ("",) * 5),
        misfit,
        _number(ladder.noise_p if ladder else None, ".2g"),
        " → ".join(_number(rung.rank, ".3f") for rung in (curve.rungs[0], curve.rungs[-1])),
    )


def _number(value: float | None, form: str) -> str:
    return "" if value is None else f"{value:{form}}"


def _seeds(rungs: Sequence[Rung]) -> str:
    """The seeds where they are the same at every size, else how many there are."""
    by_size = {tuple(run.seed for run in rung.runs) for rung in rungs}
    if len(by_size) == 1:
        return seeds_in_words(*by_size)
    counts = sorted({len(seeds) for seeds in by_size})
    return (
        " to ".join(str(count) for count in counts if count in (counts[0], counts[-1])) + " a size"
    )


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
    if curve.ladder is not None and unequal(curve.ladder):
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
        rows.append((str(rung.step), *changed, *(f"{size:,}" for size in sizes), *outcome(rung)))
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
