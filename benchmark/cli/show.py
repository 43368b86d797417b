"""Tables of results for the terminal."""

from collections.abc import Callable, Sequence
from statistics import mean, stdev

from rich.table import Table

from benchmark.measure.spectrum import Spectrum
from benchmark.records.record import Record

BARS = "▁▂▃▄▅▆▇█"


def result_table(records: Sequence[Record]) -> Table:
    """One table over the seeds of one recipe: a column a seed, then mean and sd where there are several.

    Every stage has its mean effective rank over its limit, with the best weights, and a small bar of that share.
    """
    first = records[0]
    heading = first.recipe_id + (f"\n{first.caveat}" if first.caveat else "")
    table = Table("", title=heading, title_justify="left", min_width=len(max(heading.split("\n"), key=len)))
    for record in records:
        table.add_column(f"seed {record.seed}", justify="right")
    if len(records) > 1:
        table.add_column("mean", justify="right")
        table.add_column("sd", justify="right")
    for label, value, form in _ROWS:
        _add_row(table, label, [value(record) for record in records], form)
    table.add_section()
    table.add_row("effective rank", *(trajectory_bars(record) for record in records))
    for number, stage in enumerate(first.spectra):
        spectra = [record.spectra[number].best for record in records]
        limit = stage.best.limit if stage.best else 0
        _add_row(table, f"  {stage.stage}", [s.erank.mean if s else None for s in spectra], f"{{:.2f}} / {limit}")
    return table


def trajectory_bars(record: Record) -> str:
    """One small bar a stage, in order; a dot for a stage that is all zero."""
    return "".join(_bar(stage.best) for stage in record.spectra)


def _bar(spectrum: Spectrum | None) -> str:
    if spectrum is None:
        return "·"
    return BARS[min(int(spectrum.erank.mean / spectrum.limit * len(BARS)), len(BARS) - 1)]


def _add_row(table: Table, label: str, values: list[float | None], form: str) -> None:
    known = [float(value) for value in values if value is not None]
    if len(known) == len(values):
        table.add_row(label, *(form.format(value) for value in known), *_mean_sd(known, form))


def _mean_sd(values: list[float], form: str) -> list[str]:
    if len(values) < 2:
        return []
    return [form.format(mean(values)), form.format(stdev(values))]


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
