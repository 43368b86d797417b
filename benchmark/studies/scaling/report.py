"""The report of a data set's ladders and shapes: its tables and numbers, and their documents
results/scaling/<data set>.{md,csv,json}."""

import csv
import io
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmark.records.archive import Archive
from benchmark.records.record import Record
from benchmark.reports.document import Document, Report
from benchmark.reports.words import derived
from benchmark.studies.scaling import ladders, shapes, tables
from benchmark.studies.scaling.ladders import AXES, FLOPS, PARAMETERS, ROWS, Rungs
from benchmark.studies.scaling.law import LawFit
from benchmark.studies.scaling.shapes import Level
from benchmark.studies.scaling.verdict import Curve, curves

COMMAND = "python -m benchmark study tables scaling"
FORMS = (".md", ".csv", ".json")
SIMULATION = "simulation"
"""The documents of the simulated ladders, in the same folder."""
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
    documents = set(Archive(results).scaling_tables())
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
        Document(Archive(results).scaling_table(dataset).with_suffix(form), text, COMMAND)
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
    sections = [tables.laws(axis, curves) for axis, curves in on_axis if curves]
    sections += [tables.steps(study.dataset, *ladder) for ladder in study.ladders.items()]
    sections += [shapes.table(study.levels)] if study.levels else []
    remarks = tuple(_remarks(study.ladders))
    return Report(f"Scaling laws on {study.dataset}", remarks, tuple(sections), numbers)


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
