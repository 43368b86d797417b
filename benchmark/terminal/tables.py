"""The result table of a run."""

from collections.abc import Callable, Sequence
from statistics import mean, stdev

from rich.table import Table

from benchmark.measure.spectrum import Spectrum
from benchmark.records.ranks import BARS
from benchmark.records.record import Record

ROWS: list[tuple[str, Callable[[Record], float | None], str]] = [
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


def result_table(records: Sequence[Record], width: int) -> Table:
    """One recipe: a column for each seed, then mean and sd of several.

    Every stage has its mean effective rank over its limit, with the best weights, and a small bar
    of that share. Seeds that do not fit into `width` columns are left out.
    """
    first, several = records[0], len(records) > 1
    lines = [first.recipe_id, *filter(None, (first.caveat,)), *first.notes]
    table = Table(
        "",
        title="\n".join(lines),
        title_justify="left",
        min_width=min(width, max(map(len, "\n".join(lines).split("\n")))),
    )
    fits = 32 + 12 * (len(records) + 2) <= width or not several
    columns = [f"seed {record.seed}" for record in records] if fits else []
    if several:
        columns += ["mean" if fits else f"mean of {len(records)} seeds", "sd"]
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)

    def add(label: str, values: list[float | None], form: str, sd_form: str) -> None:
        measured = [float(value) for value in values if value is not None]
        if len(measured) < len(values):
            return
        cells = [form.format(value) for value in measured] if fits else []
        if several:
            cells += [form.format(mean(measured)), sd_form.format(stdev(measured))]
        table.add_row(label, *cells)

    for label, value, form in ROWS:
        add(label, [value(record) for record in records], form, form)
    table.add_section()
    table.add_row("effective rank", *map(_bars, records if fits else records[:1]))
    for number, stage in enumerate(first.spectra):
        spectra = [record.spectra[number].best for record in records]
        means = [spectrum.erank.mean if spectrum else None for spectrum in spectra]
        limit = stage.best.limit if stage.best else 0
        add(f"  {stage.stage}", means, f"{{:.2f}} / {limit}", "{:.2f}")
    return table


def _bars(record: Record) -> str:
    """One small bar for each stage, in order."""
    return "".join(_bar(stage.best) for stage in record.spectra)


def _bar(spectrum: Spectrum | None) -> str:
    """A dot for a stage that is all zero."""
    if spectrum is None:
        return "·"
    level = int(spectrum.erank.mean / spectrum.limit * len(BARS))
    return BARS[min(level, len(BARS) - 1)]
