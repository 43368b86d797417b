"""A run in the terminal: its progress on standard error, and its result table."""

import sys
from collections.abc import Callable, Sequence
from statistics import mean, stdev
from typing import Self

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmark.measure.trajectory import ratios
from benchmark.recipes.recipe import MONITORS
from benchmark.records.ranks import BARS
from benchmark.records.record import Record
from benchmark.reports.words import counted
from benchmark.runs.run import Resumed, RunEvent, Started
from benchmark.terminal.console import err, notice
from benchmark.training.fit import Evaluated, Stepped
from benchmark.utils.threads import free_cores

ROWS: list[tuple[str, Callable[[Record], float | None], str]] = [
    ("test AUC", lambda r: r.metrics.test.auc, "{:.5f}"),
    ("test LogLoss", lambda r: r.metrics.calibrated.logloss, "{:.5f}"),
    ("test NE", lambda r: r.metrics.calibrated.ne, "{:.5f}"),
    ("test gAUC", lambda r: r.metrics.test.gauc, "{:.5f}"),
    ("oracle AUC", lambda r: r.metrics.oracle_auc, "{:.5f}"),
    ("oracle LogLoss", lambda r: r.metrics.oracle_logloss, "{:.5f}"),
    ("oracle NE", lambda r: r.metrics.oracle_ne, "{:.5f}"),
    ("best valid AUC", lambda r: r.metrics.valid.auc, "{:.5f}"),
    ("parameters", lambda r: r.parameters.total, "{:,.0f}"),
    ("  without embedding", lambda r: r.parameters.dense + r.parameters.head, "{:,.0f}"),
    ("train samples/s", lambda r: r.cost.train_samples_per_s, "{:,.0f}"),
    ("seconds", lambda r: r.cost.total_seconds, "{:,.1f}"),
    ("peak memory (GiB)", lambda r: r.cost.peak_memory_gib, "{:.2f}"),
]


class RunProgress:
    """A line at the start of a run and at each evaluation, and a bar if opened on a terminal."""

    def __init__(self) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[state]}"),
            TimeElapsedColumn(),
            console=err,
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        self._epoch = self._bar.add_task("epoch 1", total=None, state="")
        self._steps = 1

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if not self._bar.disable:
            self._bar.stop()

    def __call__(self, event: RunEvent) -> None:
        if isinstance(event, Started):
            notice(_heading(event))
            if crowding := _crowding(event.job.threads):
                notice(crowding)
            self._steps = event.steps_per_epoch
            self._bar.update(self._epoch, total=self._steps)
        elif isinstance(event, Resumed):
            notice(
                f"resumed at step {event.step} (epoch {event.epoch}) from a checkpoint,"
                f" {event.seconds:.0f} s into the run"
            )
        elif isinstance(event, Stepped):
            self._bar.update(
                self._epoch,
                completed=event.step - (event.epoch - 1) * self._steps,
                description=f"epoch {event.epoch}",
                state=f"loss {event.loss:.4f}",
            )
        elif isinstance(event, Evaluated):
            notice(
                f"epoch {event.epoch:3d}  step {event.step:6d}  train loss {event.train_loss:.5f}"
                f"  valid AUC {event.valid.auc:.5f}  LogLoss {event.valid.logloss:.5f}"
                f"  lr {event.learning_rate:.0e}{_best(event)}"
            )


def _heading(event: Started) -> str:
    job, size = event.job, event.parameters
    rows = job.rows or job.store.fingerprint.rows["train"]
    heading = (
        f"{job.recipe.id} seed {job.seed}: {rows:,} training rows, {size.total:,}"
        f" parameters ({size.embedding:,} embedding, {size.dense:,} dense, {size.head:,} head),"
        f" {counted(job.threads, 'thread')}"
    )
    notes = [f"note: {note}" for note in event.notes]
    return "\n".join((heading, *notes, *(f"warning: {each}" for each in event.warnings)))


def _crowding(threads: int) -> str:
    """What is told where other work takes the cores of a run's threads, else nothing."""
    if threads == 1 or (free := free_cores()) > threads - 0.5:
        return ""
    taken = f"other work leaves {free:.1f} free cores to {threads} threads"
    return f"{taken}, which wait for each other: --threads {max(1, round(free))} may be faster"


def _best(event: Evaluated) -> str:
    """By which monitors an evaluation is the best so far."""
    names = " and ".join(MONITORS[monitor] for monitor in event.improved)
    return names and f"  best {names}"


def result_table(records: Sequence[Record], width: int) -> Table:
    """One recipe: a column for each seed that fits into `width`, then mean and sd of several. Every
    stage has its mean effective rank with the best weights, and a bar of its share of the limit."""
    first, several = records[0], len(records) > 1
    remarks = [*first.notes, *first.data.warnings, *_warnings(records)]
    lines = [first.recipe_id, *filter(None, (first.caveat,)), *remarks]
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
    shown = records if fits else records[:1]
    table.add_row(
        "rank ratio (noise = 1)",
        *("".join(map(_bar, ratios(record.spectra("best").batch).values())) for record in shown),
    )
    paths = [ratios(record.spectra("best").batch) for record in records]
    for stage in first.stages:
        add(f"  {stage}", [path[stage] for path in paths], "{:.3f}", "{:.3f}")
    return table


def _warnings(records: Sequence[Record]) -> list[str]:
    """The warnings of the runs, with the seed where there are several."""
    seeds = [f"seed {record.seed}: " if len(records) > 1 else "" for record in records]
    runs = zip(records, seeds, strict=True)
    return [f"warning: {seed}{each}" for record, seed in runs for each in record.warnings]


def _bar(ratio: float | None) -> str:
    """A dot for a stage without a ratio."""
    return "·" if ratio is None else BARS[min(int(ratio * len(BARS)), len(BARS) - 1)]
