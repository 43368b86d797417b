"""Tables of results for the terminal."""

from collections.abc import Callable, Sequence
from statistics import mean, stdev

from rich.table import Table

from benchmark.measure.spectrum import Spectrum
from benchmark.records.ranks import BARS
from benchmark.records.record import Record


def result_table(records: Sequence[Record], width: int) -> Table:
    """One table over the seeds of one recipe: a column a seed, then mean and sd where there are
    several.

    Every stage has its mean effective rank over its limit, with the best weights, and a small bar
    of that share.
    Where the seeds do not fit into `width` columns, only mean and sd are shown.
    """
    first = records[0]
    heading = "\n".join([first.recipe_id, *filter(None, (first.caveat,)), *first.notes])
    table = Table(
        "",
        title=heading,
        title_justify="left",
        min_width=min(width, max(map(len, heading.split("\n")))),
    )
    shown = records if 32 + 12 * (len(records) + 2) <= width or len(records) == 1 else []
    for record in shown:
        table.add_column(f"seed {record.seed}", justify="right", no_wrap=True)
    if len(records) > 1:
        table.add_column(
            "mean" if shown else f"mean of {len(records)} seeds", justify="right", no_wrap=True
        )
        table.add_column("sd", justify="right", no_wrap=True)
    for label, value, form in _ROWS:
        _add_row(table, label, [value(record) for record in records], form, form, each=bool(shown))
    table.add_section()
    table.add_row("effective rank", *(trajectory_bars(record) for record in shown or records[:1]))
    for number, stage in enumerate(first.spectra):
        spectra = [record.spectra[number].best for record in records]
        form = f"{{:.2f}} / {stage.best.limit if stage.best else 0}"
        means = [spectrum.erank.mean if spectrum else None for spectrum in spectra]
        _add_row(table, f"  {stage.stage}", means, form, "{:.2f}", each=bool(shown))
    return table


def trajectory_bars(record: Record) -> str:
    """One small bar a stage, in order; a dot for a stage that is all zero."""
    return "".join(_bar(stage.best) for stage in record.spectra)


def _bar(spectrum: Spectrum | None) -> str:
    if spectrum is None:
        return "·"
    return BARS[min(int(spectrum.erank.mean / spectrum.limit * len(BARS)), len(BARS) - 1)]


def _add_row(
    table: Table, label: str, values: Sequence[float | None], form: str, sd_form: str, *, each: bool
) -> None:
    known = [float(value) for value in values if value is not None]
    if len(known) < len(values):
        return
    cells = [form.format(value) for value in known] if each else []
    if len(known) > 1:
        cells += [form.format(mean(known)), sd_form.format(stdev(known))]
    table.add_row(label, *cells)


_ROWS: list[tuple[str, Callable[[Record], float | None], str]] = [
    ("test AUC", lambda r: r.metrics.test.auc, "{:.5f}"),
    ("test LogLoss", lambda r: r.metrics.test.logloss, "{:.5f}"),
    ("test NE", lambda r: r.metrics.test.ne, "{:.5f}"),
    ("test gAUC", lambda r: r.metrics.test.gauc, "{:.5f}"),
    ("oracle AUC", lambda r: r.metrics.oracle_auc, "{:.5f}"),
    ("oracle LogLoss", lambda r: r.metrics.oracle_logloss, "{:.5f}"),
    ("best valid AUC", lambda r: r.metrics.valid.auc, "{:.5f}"),
    ("parameters", lambda r: r.parameters.total, "{:,.0f}"),
    ("  without embedding", lambda r: r.parameters.dense + r.parameters.head, "{:,.0f}"),
    ("train samples/s", lambda r: r.cost.train_samples_per_s, "{:,.0f}"),
    ("seconds", lambda r: r.cost.total_seconds, "{:,.1f}"),
    ("peak memory (GiB)", lambda r: r.cost.peak_memory_gib, "{:.2f}"),
]
