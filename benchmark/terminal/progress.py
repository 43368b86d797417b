"""Consumers of a run's events that show it: a live bar on a terminal, a line an evaluation
elsewhere."""

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from benchmark.runs.run import Resumed, RunEvent, Started
from benchmark.terminal.console import err, notice
from benchmark.training.fit import Evaluated, Stepped


class Lines:
    """A plain log: a line at the start, a line where the run goes on, and one an evaluation."""

    def __call__(self, event: RunEvent) -> None:
        if isinstance(event, Started):
            notice(heading(event))
        elif isinstance(event, Resumed):
            notice(resumption(event))
        elif isinstance(event, Evaluated):
            notice(line(event))


class Bar:
    """A bar over the steps of the epoch, with the evaluations printed above it. Close it when the
    run is over."""

    def __init__(self) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[state]}"),
            TimeElapsedColumn(),
        )
        self._progress = Progress(*columns, console=err, transient=True)
        self._task: TaskID | None = None
        self._steps = 1

    def __call__(self, event: RunEvent) -> None:
        if isinstance(event, Started):
            notice(heading(event))
            self._steps = event.steps_per_epoch
            self._progress.start()
            self._task = self._progress.add_task("epoch 1", total=self._steps, state="")
        elif isinstance(event, Resumed):
            self._progress.console.print(resumption(event), markup=False)
        elif isinstance(event, Stepped) and self._task is not None:
            within = event.step - (event.epoch - 1) * self._steps
            self._progress.update(
                self._task,
                completed=within,
                description=f"epoch {event.epoch}",
                state=f"loss {event.loss:.4f}",
            )
        elif isinstance(event, Evaluated):
            self._progress.console.print(line(event), markup=False)

    def close(self) -> None:
        self._progress.stop()


def heading(event: Started) -> str:
    job, size = event.job, event.parameters
    return (
        f"{job.recipe.id} seed {job.seed}: {job.train_rows:,} training rows, {size.total:,}"
        f" parameters ({size.embedding:,} embedding, {size.dense:,} dense, {size.head:,} head),"
        f" {job.threads} threads" + "".join(f"\nnote: {note}" for note in event.notes)
    )


def resumption(event: Resumed) -> str:
    return (
        f"resumed at step {event.step} (epoch {event.epoch}) from a checkpoint, {event.seconds:.0f}"
        " s into the run"
    )


def line(event: Evaluated) -> str:
    return (
        f"epoch {event.epoch:3d}  step {event.step:6d}  train loss {event.train_loss:.5f}  valid"
        f" AUC {event.valid.auc:.5f}  LogLoss {event.valid.logloss:.5f}  lr"
        f" {event.learning_rate:.0e}{'  best' if event.improved else ''}"
    )
