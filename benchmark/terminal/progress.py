"""The progress of a run on standard error."""

import sys
from typing import Self

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmark.runs.run import Resumed, RunEvent, Started
from benchmark.terminal.console import err, notice
from benchmark.training.fit import Evaluated, Stepped


class RunProgress:
    """A line at the start of a run and at each evaluation; opened by `with` on a terminal, also a
    bar over the steps of the epoch."""

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
            notice(_evaluation(event))


def _heading(event: Started) -> str:
    job, size = event.job, event.parameters
    heading = (
        f"{job.recipe.id} seed {job.seed}: {job.train_rows:,} training rows, {size.total:,}"
        f" parameters ({size.embedding:,} embedding, {size.dense:,} dense, {size.head:,} head),"
        f" {job.threads} threads"
    )
    return "\n".join((heading, *(f"note: {note}" for note in event.notes)))


def _evaluation(event: Evaluated) -> str:
    return (
        f"epoch {event.epoch:3d}  step {event.step:6d}  train loss {event.train_loss:.5f}  valid"
        f" AUC {event.valid.auc:.5f}  LogLoss {event.valid.logloss:.5f}  lr"
        f" {event.learning_rate:.0e}{'  best' if event.improved else ''}"
    )
