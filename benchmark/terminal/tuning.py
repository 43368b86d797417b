"""The progress of a tuning study on standard error, and its table of trials."""

import sys
from collections import Counter
from typing import Any

from rich.status import Status

from benchmark.recipes.recipe import MONITORS
from benchmark.records.tuning import Trial, Tuning
from benchmark.reports.document import Table
from benchmark.reports.words import counted, duration
from benchmark.studies.tuning.run import TrialEvent
from benchmark.studies.tuning.trials import OpenTrial, Trials
from benchmark.terminal.console import err, notice


class TrialsProgress:
    """A line at the end of each trial, and on a terminal the running trial below."""

    def __init__(self, trials: Trials, *, quiet: bool) -> None:
        self._trials, self._quiet = trials, quiet
        self._objective = trials.plan.objective
        self._trial = ""
        self._status = Status("", console=err) if sys.stderr.isatty() and not quiet else None

    def __call__(self, event: TrialEvent) -> None:
        if self._quiet:
            return
        if isinstance(event, Trial):
            notice(self._line(event))
        elif isinstance(event, OpenTrial):
            self._trial = f"trial {event.number}"
            self._show(_settings(event.values))
        else:
            value = getattr(event.valid, self._objective)
            self._show(f"epoch {event.epoch}, validation {MONITORS[self._objective]} {value:.5f}")

    def close(self) -> None:
        if self._status is not None:
            self._status.stop()

    def _show(self, text: str) -> None:
        if self._status is not None:
            self._status.start()
            self._status.update(f"{self._trial}: {text}")

    def _line(self, trial: Trial) -> str:
        line = f"trial {trial.number} {trial.state}"
        if trial.metric is not None:
            line += f" {MONITORS[self._objective]} {trial.metric:.5f}"
        line += f" in {duration(trial.seconds)}"
        if (best := self._trials.study().best) is not None:
            line += f", best {best.metric:.5f} of trial {best.number}"
        line += f"; {_settings(trial.values)}"
        return f"{line}: {trial.reason}" if trial.reason else line


def tuning_table(study: Tuning) -> Table:
    """The finished trials of a study, the best first; below, how all ended and what mattered."""
    sign = 1 if study.objective == "auc" else -1
    rows = []
    for trial in sorted(
        study.finished, key=lambda each: (each.state, -sign * (each.metric or 0.0))
    ):
        metric = "" if trial.metric is None else f"{trial.metric:.5f}"
        values = (_short(trial.values[key]) for key in study.space)
        rows.append((str(trial.number), trial.state, metric, *values))
    states = Counter(trial.state for trial in study.trials)
    counts = ", ".join(f"{states[state]} {state}" for state in sorted(states))
    shares = ", ".join(f"{key} {share:.0%}" for key, share in (study.importances or {}).items())
    remarks = (
        f"{counted(len(study.finished), 'finished trial')} ({counts}), {study.rows:,} training rows"
        f" passed, {study.hours:.2f} h in all",
        f"importances (fANOVA): {shares or 'too few complete trials, or all alike'}",
    )
    keys = (key.partition(".")[2] for key in study.space)
    return Table("", ("trial", "", f"validation {study.objective}", *keys), tuple(rows), remarks)


def _settings(values: dict[str, Any]) -> str:
    """`learning_rate 0.0012, num_blocks 3`: the keys without their tables."""
    return ", ".join(f"{key.partition('.')[2]} {_short(value)}" for key, value in values.items())


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
