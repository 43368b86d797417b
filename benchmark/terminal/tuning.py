"""A tuning study shown: a line a trial, on a terminal the one under way below them, and a table at
the end."""

import sys
from collections import Counter
from typing import Any

from rich.status import Status
from rich.table import Table

from benchmark.records.tuning import Trial, Tuning
from benchmark.reports.words import duration
from benchmark.studies.tuning.study import Trials
from benchmark.studies.tuning.trials import TrialEvent, TrialStarted
from benchmark.terminal.console import err, notice
from benchmark.training.fit import Evaluated

NAMES = {"auc": "AUC", "logloss": "LogLoss"}


class TrialsProgress:
    """Close it when all is over."""

    def __init__(self, trials: Trials, *, quiet: bool) -> None:
        self._trials, self._quiet = trials, quiet
        self._name = NAMES[trials.plan.objective]
        self._trial = ""
        self._status = Status("", console=err) if sys.stderr.isatty() and not quiet else None

    def __call__(self, event: TrialEvent) -> None:
        if self._quiet:
            return
        if isinstance(event, TrialStarted):
            self._trial = f"trial {event.number}"
            if self._status is not None:
                self._status.start()
                self._status.update(f"{self._trial}: {settings(event.values)}")
        elif isinstance(event, Evaluated):
            if self._status is not None:
                value = getattr(event.valid, self._trials.plan.objective)
                self._status.update(
                    f"{self._trial}: epoch {event.epoch}, validation {self._name} {value:.5f}"
                )
        else:
            notice(self._line(event))

    def close(self) -> None:
        if self._status is not None:
            self._status.stop()

    def _line(self, trial: Trial) -> str:
        metric = "" if trial.metric is None else f" {self._name} {trial.metric:.5f}"
        best = self._trials.found().best
        found = f", best {best.metric:.5f} of trial {best.number}" if best is not None else ""
        why = f": {trial.reason}" if trial.reason else ""
        ended = f"trial {trial.number} {trial.state}{metric} in {duration(trial.seconds)}{found}"
        return f"{ended}; {settings(trial.values)}{why}"


def tuning_table(study: Tuning) -> Table:
    """Every finished trial of a study, the best first; what the others came to below."""
    sign = 1 if study.objective == "auc" else -1
    ranked = sorted(study.finished, key=lambda trial: (trial.state, -sign * (trial.metric or 0.0)))
    others = Counter(trial.state for trial in study.trials if trial not in ranked)
    apart = "".join(f", {count} {state}" for state, count in sorted(others.items()))
    caption = f"{len(ranked)} finished trials{apart}, {study.hours:.2f} h in all"
    keys = [key.partition(".")[2] for key in study.space]
    table = Table(
        "trial",
        "",
        f"validation {study.objective}",
        *keys,
        caption=caption,
        caption_justify="left",
        box=None,
    )
    for trial in ranked:
        metric = "" if trial.metric is None else f"{trial.metric:.5f}"
        table.add_row(
            str(trial.number),
            trial.state,
            metric,
            *(_short(trial.values[key]) for key in study.space),
        )
    return table


def settings(values: dict[str, Any]) -> str:
    """`learning_rate 0.0012, num_blocks 3`: the keys without their tables."""
    return ", ".join(f"{key.partition('.')[2]} {_short(value)}" for key, value in values.items())


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
