"""The ranks of one recipe, from its records, as tables."""

from collections.abc import Sequence
from typing import Literal

from benchmark.measure.spectrum import METRICS, TableRank, mean_over_fields
from benchmark.measure.trajectory import over_seeds
from benchmark.records import ranks
from benchmark.records.archive import Runs
from benchmark.records.ranks import FORMS, WHEN, SpectrumForm, When
from benchmark.reports.document import Cells, Table
from benchmark.reports.figures.recipe import rows_per_id
from benchmark.reports.figures.style import OVER_LIMIT
from benchmark.reports.words import bars, mean_sd

WIDEST = 40
"""Evaluations in one row of bars; of more, every second, third ... is shown."""
PARTS: tuple[Literal["rise", "fall", "amplitude"], ...] = ("rise", "fall", "amplitude")


def of_recipe(runs: Runs) -> tuple[Table, ...]:
    """Tables of stages and blocks, of all rank metrics, of rank over training, of embedding
    tables."""
    tables = [_stages(runs), _blocks(runs), _metrics(runs)]
    if curved := [run for run in runs if run.rank_curve]:
        tables.append(_training(curved))
    if tabled := [run for run in runs if run.tables]:
        tables.append(_tables(tabled))
    return tuple(tables)


def _stages(runs: Runs) -> Table:
    stages = runs[0].stages
    limits: dict[str, str] = dict.fromkeys(stages, "")
    for stage, _, form, spectrum in (each for run in runs for each in ranks.all_spectra(run)):
        if form == "token":
            limits[stage] = str(spectrum.limit)
    columns = {"stage": stages, "limit": list(limits.values())}
    remarks = []
    for form in FORMS:
        courses = {when: list(ranks.bands(runs, "erank", form, when).values()) for when in WHEN}
        means = [band.mean for course in courses.values() for band in course if band is not None]
        if not means:
            continue
        low, high = min(means), max(means)
        for when, course in courses.items():
            title = f"{form}, {WHEN[when]}"
            columns[title] = [f"{bars([band], low, high)} {mean_sd(band)}" for band in course]
            remarks.append(f"{title}: {bars(course, low, high)} from {low:.3f} to {high:.3f}")
    title = f"{OVER_LIMIT} after every stage"
    return Table(title, tuple(columns), tuple(zip(*columns.values(), strict=True)), tuple(remarks))


def _blocks(runs: Runs) -> Table:
    """Rise, fall and amplitude in token form; damping and collapse ratio of both forms below."""
    columns = {"block": [str(number) for number in range(1, ranks.blocks(runs) + 1)]}
    for when, shown in WHEN.items():
        for part in PARTS:
            values = ranks.block_bands(runs, "erank", when, part)
            columns[f"{part}, {shown}"] = [mean_sd(band, 4, "+") for band in values]
    summaries = (_summary(runs, form, when) for form in FORMS for when in WHEN)
    remarks = tuple(filter(None, summaries))
    rows = tuple(zip(*columns.values(), strict=True))
    if not rows:
        return Table("effective rank: the last stage over the first", remarks=remarks)
    title = "effective rank: what mixing and FFN of a block add"
    return Table(title, tuple(columns), rows, remarks)


def _summary(runs: Runs, form: SpectrumForm, when: When) -> str:
    paths = ranks.trajectories(runs, "erank", form, when)
    collapse, damping = over_seeds(p.collapse for p in paths), over_seeds(p.damping for p in paths)
    if collapse is None:
        return ""
    summary = f"{WHEN[when]}, {form} form: collapse ratio {mean_sd(collapse)}"
    if not any(path.amplitude for path in paths):
        return summary
    if damping is None:
        single = len(paths[0].amplitude) == 1
        why = "one block" if single else "no seed has all amplitudes above 0"
        return f"{summary}; no damping: {why}"
    errors = [path.damping_error for path in paths if path.damping_error is not None]
    error = f" (standard error {errors[0]:.3f})" if len(errors) == 1 else ""
    return f"{summary}; damping {mean_sd(damping)}{error} in {damping.seeds} of {len(paths)} seeds"


def _metrics(runs: Runs) -> Table:
    """Every rank metric of the trained stages, not divided by the limit."""
    paths = [ranks.spectra(run, "token", "best") for run in runs]
    rows = []
    for stage in runs[0].stages:
        spectra = [path[stage] for path in paths if path[stage] is not None]
        bands = (over_seeds(getattr(each, metric).mean for each in spectra) for metric in METRICS)
        rows.append((stage, *(mean_sd(band) for band in bands)))
    return Table("rank of a sample, token form, trained", ("stage", *METRICS), tuple(rows))


def _training(runs: Runs) -> Table:
    rows = []
    for stage, course in ranks.rank_curve(runs).items():
        each = list(course.values())
        low, high = min(band.mean for band in each), max(band.mean for band in each)
        course_bars = bars(each[:: -(-len(each) // WIDEST)], low, high)
        ends = mean_sd(each[0]), mean_sd(each[-1])
        rows.append((stage, *ends, f"{low:.3f}", f"{high:.3f}", course_bars))
    head = ("stage", "first", "last", "lowest", "highest", "from the lowest to the highest")
    probe, every = runs[0].curve_probe_rows, runs[0].rank_curve[0].step
    remark = f"Evaluations on {probe} probe rows every {every} steps, token form, mean over seeds."
    return Table(f"{OVER_LIMIT} over training", head, tuple(rows), (remark,))


def _tables(runs: Runs) -> Table:
    rows: list[Cells] = []
    for tables in zip(*(run.tables for run in runs), strict=True):
        first = tables[0]
        rate = f"{rows_per_id(runs, first):,.1f}"
        size = f"{first.cardinality:,}", f"{first.seen:,}", rate, str(first.limit)
        plain, weighted = [table.plain for table in tables], [table.weighted for table in tables]
        rows.append((first.field, *size, *_ia_and_erank(plain), *_ia_and_erank(weighted)))
    plain = [mean_over_fields(table.plain for table in run.tables) for run in runs]
    weighted = [mean_over_fields(table.weighted for table in run.tables) for run in runs]
    rows.append(("mean", "", "", "", "", *_ia_and_erank(plain), *_ia_and_erank(weighted)))
    remark = (
        "Raw information abundance (ia) and effective rank of the rows seen in training, with the"
        " best weights, not centred; by count: each row times the square root of how often it"
        " occurs."
    )
    columns = "ia", "erank", "ia by count", "erank by count"
    head = ("field", "cardinality", "seen", "rows per seen id", "limit", *columns)
    return Table("embedding tables", head, tuple(rows), (remark,))


def _ia_and_erank(ranks: Sequence[TableRank | None]) -> tuple[str, str]:
    """Means over the seeds, a rank a seed."""
    present = [(rank.ia, rank.erank) for rank in ranks if rank]
    ia, erank = zip(*present, strict=True) if present else ((), ())
    return mean_sd(over_seeds(ia), 2), mean_sd(over_seeds(erank), 2)
