"""What the records of one recipe tell about rank, as tables."""

from collections.abc import Sequence
from typing import Literal

from benchmark.measure.tables import TableRank, TableSpectrum, mean_over_fields
from benchmark.measure.trajectory import Trajectory, over_seeds
from benchmark.records.archive import Runs
from benchmark.records.ranks import (
    FORMS,
    WHEN,
    SpectrumForm,
    When,
    bands,
    block_bands,
    blocks,
    rank_curve,
    spectra,
    trajectories,
)
from benchmark.records.record import Record
from benchmark.reports.document import Table
from benchmark.reports.figures.style import TITLES
from benchmark.reports.figures.tables import rows_per_id
from benchmark.reports.words import bars, mean_sd

WIDEST = 40
"""Evaluations in one row of bars; of more, every second, third ... is shown."""
PARTS: tuple[Literal["rise", "fall", "amplitude"], ...] = ("rise", "fall", "amplitude")
QUANTITIES = tuple((weight, name) for weight in ("plain", "weighted") for name in ("ia", "erank"))


def of_recipe(runs: Runs, metrics: Sequence[str] = ("erank",)) -> tuple[Table, ...]:
    """Stages and blocks for each metric, then rank over training and the embedding tables where
    records have them."""
    sections = [
        section for metric in metrics for section in (_stages(runs, metric), _blocks(runs, metric))
    ]
    curved, tabled = (
        [run for run in runs if getattr(run, part)] for part in ("rank_curve", "tables")
    )
    if curved:
        sections.append(_training(curved))
    if tabled:
        sections.append(_tables(tabled))
    return tuple(sections)


def _stages(runs: Runs, metric: str) -> Table:
    head: list[str] = ["stage", "limit"]
    columns: list[list[str]] = [list(spectra(runs[0], "token", "best"))]
    columns.append([_limit(runs, stage) for stage in columns[0]])
    remarks = []
    for form in FORMS:
        found = {when: list(bands(runs, metric, form, when).values()) for when in WHEN}
        means = [band.mean for each in found.values() for band in each if band is not None]
        if not means:
            continue
        low, high = min(means), max(means)
        for when, said in WHEN.items():
            head.append(f"{form}, {said}")
            columns.append([f"{bars([band], low, high)} {mean_sd(band)}" for band in found[when]])
            remarks.append(
                f"{form}, {said}: {bars(found[when], low, high)} from {low:.3f} to {high:.3f}"
            )
    title = f"{TITLES[metric]} / min(rows, columns) after every stage"
    return Table(title, tuple(head), tuple(zip(*columns, strict=True)), tuple(remarks))


def _limit(runs: Runs, stage: str) -> str:
    known = (
        s.limit
        for run in runs
        for when in WHEN
        if (s := spectra(run, "token", when)[stage]) is not None
    )
    return str(next(known, ""))


def _blocks(runs: Runs, metric: str) -> Table:
    """Rise, fall and amplitude in token form; damping and collapse ratio of both forms under it."""
    head, columns = ["block"], [[str(number) for number in range(1, blocks(runs) + 1)]]
    for when, said in WHEN.items():
        for part in PARTS:
            head.append(f"{part}, {said}")
            columns.append(
                [mean_sd(band, 4, "+") for band in block_bands(runs, metric, when, part)]
            )
    rows = tuple(zip(*columns, strict=True))
    remarks = [
        remark for form in FORMS for when in WHEN if (remark := _summary(runs, metric, form, when))
    ]
    if not rows:
        return Table(f"{TITLES[metric]}: the last stage over the first", remarks=tuple(remarks))
    return Table(
        f"{TITLES[metric]}: what mixing and FFN of a block add", tuple(head), rows, tuple(remarks)
    )


def _summary(runs: Runs, metric: str, form: SpectrumForm, when: When) -> str:
    paths = trajectories(runs, metric, form, when)
    collapse, damping = over_seeds(p.collapse for p in paths), over_seeds(p.damping for p in paths)
    if collapse is None:
        return ""
    said = f"{WHEN[when]}, {form} form: collapse ratio {mean_sd(collapse)}"
    if not any(path.amplitude for path in paths):
        return said
    if damping is None:
        return f"{said}; no damping: " + (
            "one block" if len(paths[0].amplitude) == 1 else "no seed has all amplitudes above 0"
        )
    error = f" (standard error {errors[0]:.3f})" if len(errors := _errors(paths)) == 1 else ""
    return f"{said}; damping {mean_sd(damping)}{error} in {damping.seeds} of {len(paths)} seeds"


def _errors(paths: Sequence[Trajectory]) -> list[float]:
    return [path.damping_error for path in paths if path.damping_error is not None]


def _training(runs: Runs) -> Table:
    curve = rank_curve(runs)
    steps = [point.step for point in runs[0].rank_curve]
    rows = []
    for stage, course in curve.items():
        values = [point.band.mean for point in course]
        low, high = min(values), max(values)
        shown = bars((point.band for point in course[:: -(-len(course) // WIDEST)]), low, high)
        rows.append(
            (
                stage,
                mean_sd(course[0].band),
                mean_sd(course[-1].band),
                f"{low:.3f}",
                f"{high:.3f}",
                shown,
            )
        )
    head = ("stage", "first", "last", "lowest", "highest", "from the lowest to the highest")
    remark = (
        f"Evaluations on {runs[0].curve_probe_rows} probe rows every {steps[0]} steps, token form,"
        " mean over seeds."
    )
    return Table("effective rank / min(rows, columns) over training", head, tuple(rows), (remark,))


def _tables(runs: Runs) -> Table:
    head = (
        "field",
        "cardinality",
        "seen",
        "rows per seen id",
        "limit",
        "ia",
        "erank",
        "ia by count",
        "erank by count",
    )
    rows = [_field(runs, tables) for tables in zip(*(run.tables for run in runs), strict=True)]
    means = (
        over_seeds(_field_mean(run, weight, name) for run in runs) for weight, name in QUANTITIES
    )
    rows.append(("mean", "", "", "", "", *(mean_sd(band, 2) for band in means)))
    remark = (
        "Raw information abundance (ia) and effective rank of the rows seen in training, with the"
        " best weights, not centred; by count: each row times the square root of how often it"
        " occurs."
    )
    return Table("embedding tables", head, tuple(rows), (remark,))


def _field(runs: Runs, tables: Sequence[TableSpectrum]) -> tuple[str, ...]:
    first = tables[0]
    size = (
        f"{first.cardinality:,}",
        f"{first.seen:,}",
        f"{rows_per_id(runs, first):,.1f}",
        str(first.limit),
    )
    found = (
        over_seeds(_value(getattr(t, weight), name) for t in tables) for weight, name in QUANTITIES
    )
    return first.field, *size, *(mean_sd(band, 2) for band in found)


def _field_mean(run: Record, weight: str, name: str) -> float | None:
    return _value(mean_over_fields(getattr(table, weight) for table in run.tables), name)


def _value(rank: TableRank | None, name: str) -> float | None:
    return None if rank is None else float(getattr(rank, name))
