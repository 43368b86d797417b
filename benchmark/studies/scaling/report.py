"""The report of a data set's ladders and shapes: its tables and numbers, and their documents
results/scaling/<data set>.{md,csv,json}."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmark.errors import UsageError
from benchmark.measure.significance import Interval
from benchmark.recipes import recipe as recipes
from benchmark.records.archive import Archive
from benchmark.records.record import Record
from benchmark.reports.document import Document, Report, Table, derived, seeds_in_words
from benchmark.studies.scaling import ladders, shapes
from benchmark.studies.scaling.ladders import AXES, FLOPS, PARAMETERS, ROWS, Axis, Rung, Rungs
from benchmark.studies.scaling.law import EXPONENTS, LawFit
from benchmark.studies.scaling.shapes import OUTCOME, Level, outcome
from benchmark.studies.scaling.verdict import Curve, curves, unequal

COMMAND = "python -m benchmark scale tables"
FORMS = (".md", ".csv", ".json")
SIMULATION = "simulation"
"""The documents of the simulated ladders, in the same folder."""
LAWS = (
    *("recipe", "sizes", "seeds", "verdict", "E", "A", "alpha", "R²"),
    *("held-out error (measured fall)", "misfit p", "equal noise p", "erank / limit"),
)
PROSE = (
    "L(x) = E + A (x / x0)^-alpha of the test LogLoss, x0 the geometric mean of the sizes, with"
    " 95 % profile intervals at the noise between seeds. A law is fitted where a constant is"
    " rejected at 5 % (parametric bootstrap); else the table says so and prints no exponent."
    " Misfit: a p below 0.05 says that the sizes stray from any such law by more than their seeds"
    " do; the loss falls, but by no power law, and nothing of the law is printed. Equal noise:"
    " Bartlett's p that the seeds scatter alike at all sizes; below 0.01 they do not, and test and"
    " intervals do not hold. Held-out error: predicted less measured LogLoss at the largest size,"
    " by the law of the others, beside the measured fall from the second largest to it. E is"
    " identified where its interval is narrower than the fall of the loss over the ladder. An"
    " exponent that is not bounded on both sides has no estimate, nor has its A.",
    "Learning rate, L2 and dropout are the recipe's own at every size unless a step names them, so"
    " an exponent is that of this ladder at this rate. Fewer rows are the first rows of more, the"
    " same for all seeds, so no seed sd holds the choice of rows. On parameters and FLOPs E is the"
    " loss of an infinite model on these rows, not the oracle's. erank / limit: mean effective rank"
    " per sample of the trained last stage over its largest possible value, at the smallest and the"
    " largest size. All runs stop early on LogLoss.",
)
"""The remarks on laws."""

PARAMETERS_OF_LAW = ("E", "A", "alpha")
COLUMNS = (
    *("dataset", "recipe", "axis", "seeds", "size", "flops", "logloss", "logloss_sd", "rank"),
    *("verdict", "p", "misfit", "noise_p"),
    *(f"{name}{end}" for name in PARAMETERS_OF_LAW for end in ("", "_low", "_high")),
    *("x0", "r2", "held_out"),
)


@dataclass(frozen=True)
class Findings:
    """What tables and figures show of a data set: its ladders, their laws, and its shapes."""

    dataset: str
    ladders: Rungs
    curves: list[Curve]
    levels: list[Level]


def findings(results: Path, dataset: str) -> Findings:
    """Raises BenchmarkError for records that cannot be read or compared."""
    steps = ladders.rungs(results, dataset)
    return Findings(dataset, steps, curves(steps), shapes.levels(results, dataset))


def datasets(results: Path) -> list[str]:
    """Data sets with records of the study, or with documents of it."""
    documents = {path.stem for path in (results / "scaling").glob("*") if path.suffix in FORMS}
    return sorted(documents - {SIMULATION} | set(Archive(results).datasets(ladders.STUDY)))


def documents(results: Path, dataset: str) -> list[Document]:
    """The report as Markdown, CSV and JSON; without records the files should not exist.

    Raises BenchmarkError for records that cannot be read or compared.
    """
    return documents_of(results, as_report(findings(results, dataset)), dataset)


def documents_of(results: Path, report: Report | None, dataset: str) -> list[Document]:
    contents: tuple[str | None, ...] = (None, None, None)
    if report is not None:
        contents = report.markdown(), _csv(report.numbers), report.json()
    return [
        Document(results / "scaling" / f"{dataset}{form}", text, COMMAND)
        for form, text in zip(FORMS, contents, strict=True)
    ]


def as_report(study: Findings) -> Report | None:
    """None without records."""
    if not study.ladders and not study.levels:
        return None
    numbers = {
        "dataset": study.dataset,
        "runs": {
            name: [_run(rung.step, run) for rung in rungs for run in rung.runs]
            for name, rungs in study.ladders.items()
        },
        "laws": [_law(curve) for curve in study.curves],
        "shapes": [shapes.numbers(level) for level in study.levels],
    }
    on_axis = [(axis, [curve for curve in study.curves if curve.axis is axis]) for axis in AXES]
    tables = [laws(axis, curves) for axis, curves in on_axis if curves]
    tables += [steps(study.dataset, *ladder) for ladder in study.ladders.items()]
    tables += [shapes.table(study.levels)] if study.levels else []
    remarks = tuple(_remarks(study.ladders))
    return Report(f"Scaling laws on {study.dataset}", remarks, tuple(tables), numbers)


def _remarks(steps: Rungs) -> Iterator[str]:
    yield f"Made from records by `{COMMAND}`; do not edit."
    yield "Axes: " + "; ".join(f"**{axis.title}**: {axis.definition}" for axis in AXES) + "."
    if not steps:
        return
    yield from PROSE
    first = next(iter(steps.values()))[0].first
    if first.metrics.oracle_logloss is not None:
        yield f"LogLoss of the true click probability (oracle): {first.metrics.oracle_logloss:.5f}."
    if first.caveat:
        yield f"**{first.caveat}**"


def laws(axis: Axis, curves: Sequence[Curve]) -> Table:
    notes = tuple(note for curve in curves for note in _notes(curve))
    return Table(f"Laws over {axis.title}", LAWS, tuple(map(_law_row, curves)), notes)


def _law_row(curve: Curve) -> tuple[str, ...]:
    ranks = ["" if rung.rank is None else f"{rung.rank:.3f}" for rung in curve.rungs]
    fit, tried = curve.fit, curve.tried
    misfit = "" if tried is None else f"{tried.misfit:.2g}"
    estimates = ("",) * 5
    if fit is not None:
        E, A = _range(fit.E, 5), _range(fit.A, 5)
        estimates = (
            f"{fit.law.E:.5f} ({E})" if fit.identified else f"not identified ({E})",
            f"{fit.law.A:.5f} ({A})" if fit.bounded else A,
            _exponent(fit),
            f"{fit.r2:.3f}",
            f"{fit.missed:+.5f} ({fit.last_fall:.5f})",
        )
    verdict = curve.verdict
    if curve.ladder is not None:
        reason = f"misfit p = {misfit}" if tried and not fit else f"p = {curve.p:.2g}"
        verdict += f" ({reason})"
        verdict += ", but seed noise differs between sizes" if unequal(curve.ladder) else ""
    return (
        curve.recipe,
        f"{len(set(curve.sizes))}: {curve.sizes[0]:,} to {curve.sizes[-1]:,}",
        _seeds(curve.rungs),
        verdict,
        *estimates,
        misfit,
        "" if curve.ladder is None else f"{curve.ladder.noise_p:.2g}",
        f"{ranks[0]} → {ranks[-1]}",
    )


def _seeds(rungs: Sequence[Rung]) -> str:
    """The seeds where they are the same at every size, else how many there are."""
    by_size = {tuple(run.seed for run in rung.runs) for rung in rungs}
    if len(by_size) == 1:
        return seeds_in_words(*by_size)
    counts = [len(seeds) for seeds in by_size]
    fewest, most = min(counts), max(counts)
    return f"{fewest} to {most} a size" if fewest < most else f"{most} a size"


def _range(interval: Interval, digits: int) -> str:
    """E.g. `0.10 to 0.52`."""
    ends = (interval.low, interval.high)
    return " to ".join("not bounded" if end is None else f"{end:.{digits}f}" for end in ends)


def _exponent(fit: LawFit) -> str:
    low, high = fit.alpha.low, fit.alpha.high
    if fit.bounded:
        return f"{fit.law.alpha:.3f} ({_range(fit.alpha, 3)})"
    if low is None:
        return "not bounded" if high is None else f"≤ {high:.3f}"
    return f"≥ {low:.3f}" if high is None else _range(fit.alpha, 3)


def _notes(curve: Curve) -> Iterator[str]:
    if curve.fit is not None and curve.fit.law.alpha >= EXPONENTS[1]:
        yield (
            f"{curve.recipe}: only the smallest size differs from the others, so there is no"
            " exponent."
        )
    if curve.fit is not None and curve.fit.law.alpha <= EXPONENTS[0]:
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
        changed = [str(ladders.settings(run)[key]) for key in varied]
        rows.append((str(rung.step), *changed, *(f"{size:,}" for size in sizes), *outcome(rung)))
    head = PARAMETERS.title, "head parameters", FLOPS.title, ROWS.title
    remarks = [*_common_settings(dataset, recipe, rungs[0].first, varied)]
    remarks += [f"Step {rung.step}: {note}" for rung in rungs for note in rung.first.notes]
    columns = ("step", *varied, *head, *OUTCOME)
    return Table(f"The ladder of {recipe}", columns, tuple(rows), tuple(remarks))


def _common_settings(
    dataset: str, recipe: str, run: Record, varied: Sequence[str]
) -> Iterator[str]:
    """The learning rate of every step, and where every step differs from the recipe, if that still
    exists."""
    common = {key: value for key, value in ladders.settings(run).items() if key not in varied}
    if "train.learning_rate" in common:
        yield f"Learning rate of every step: {common['train.learning_rate']:g}."
    try:
        tables = recipes.load(f"{dataset}/{recipe}").settings()
    except UsageError:
        return
    own = {f"{group}.{key}": value for group in tables for key, value in tables[group].items()}
    if changed := [f"{key} = {value!r}" for key, value in common.items() if own.get(key) != value]:
        yield f"Every step differs from the recipe in {', '.join(changed)}."


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


def flat_law(law: dict[str, Any]) -> dict[str, Any]:
    """A law's numbers and those of its fit in one dictionary, with the ends of an interval as
    `E_low` and `E_high`."""
    flat = {key: value for key, value in law.items() if key != "fit"}
    if fit := law["fit"]:
        flat |= {**fit, **fit["law"]}
        for name in PARAMETERS_OF_LAW:
            flat |= {f"{name}_{end}": value for end, value in fit[name].items()}
    return flat


def _csv(numbers: dict[str, Any]) -> str:
    """A row a recipe, axis and size, with the law of its ladder; then a row a shape, on the axis
    `depth`."""
    rows: list[dict[str, Any]] = []
    for law in numbers["laws"]:
        rows += [{**flat_law(law), **size} for size in law["sizes"]]
    for level in numbers["shapes"]:
        place = {"recipe": level["recipe"], "axis": "depth"}
        rows += [{**shape, **place, "size": shape["depth"]} for shape in level["shapes"]]
    file = io.StringIO()
    table = csv.DictWriter(file, COLUMNS, extrasaction="ignore", lineterminator="\n")
    table.writeheader()
    for row in rows:
        seeds = " ".join(map(str, row["seeds"]))
        table.writerow({**row, "dataset": numbers["dataset"], "seeds": seeds})
    return file.getvalue()
