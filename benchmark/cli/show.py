"""Tables of results for the terminal."""

from collections.abc import Callable, Sequence
from statistics import mean, stdev

from rich.table import Table

from benchmark.records.record import Record

BARS = "▁▂▃▄▅▆▇█"


def result_table(records: Sequence[Record]) -> Table:
    """One table over the seeds of one recipe: a column a seed, then mean and sd where there are several."""
    first = records[0]
    caption = "\n".join(filter(None, [_stages(first), first.caveat and f"{first.dataset}: {first.caveat}"]))
    table = Table(title=first.recipe_id, caption=caption, title_justify="left", caption_justify="left")
    table.add_column("")
    for record in records:
        table.add_column(f"seed {record.seed}", justify="right")
    if len(records) > 1:
        table.add_column("mean", justify="right")
        table.add_column("sd", justify="right")
    for label, value, form in _ROWS:
        numbers = [value(record) for record in records]
        if any(number is None for number in numbers):
            continue
        kept = [float(number) for number in numbers if number is not None]
        table.add_row(label, *(form.format(number) for number in kept), *_mean_sd(kept, form))
    table.add_row("rank trajectory", *(trajectory_bars(record) for record in records))
    return table


def trajectory_bars(record: Record) -> str:
    """One small bar a stage: mean effective rank over its limit, with the best weights."""
    return "".join(
        "·" if stage.best is None else BARS[min(int(stage.best.erank.mean / stage.best.limit * len(BARS)), 7)]
        for stage in record.spectra
    )


def _stages(record: Record) -> str:
    shown = [
        f"{stage.stage} {stage.best.erank.mean:.2f}/{stage.best.limit}" if stage.best else f"{stage.stage} zero"
        for stage in record.spectra
    ]
    return f"effective rank / limit, seed {record.seed}: " + ", ".join(shown)


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
