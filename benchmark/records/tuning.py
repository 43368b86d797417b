"""A tuning study: every trial of one search over a recipe's values, as one JSON file."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from benchmark.records.archive import tuning_reference
from benchmark.records.environment import Environment
from benchmark.utils import forms
from benchmark.utils.types import Device, Frozen, Name, NotNegative, Sha256

TUNING_SEED = 1000
"""The seed of every trial; ranked runs have smaller ones."""

Objective = Literal["auc", "logloss"]
Ended = Literal["complete", "pruned", "failed", "rejected"]


class Trial(Frozen):
    """`curve` is the objective at each evaluation on the validation split, `metric` that of the
    best weights. A rejected trial was not trained: its values do not fit the model, or its model is
    above a cap or outside the band. `rows` counts training rows, once for each time they were
    passed."""

    number: Annotated[int, Field(ge=0)]
    state: Ended
    values: dict[str, Any]
    metric: float | None
    curve: tuple[float, ...]
    rows: Annotated[int, Field(ge=0)] | None = None
    seconds: NotNegative
    threads: int
    reason: str = ""
    started: str
    """UTC, ISO 8601."""

    @model_validator(mode="after")
    def _of_its_curve(self) -> "Trial":
        measured = self.state in ("complete", "pruned")
        if measured != (self.metric is not None):
            raise ValueError(f"a trial that is {self.state} has {'a' if measured else 'no'} metric")
        if measured and self.metric not in self.curve:
            raise ValueError(f"the metric {self.metric} is not in the curve")
        return self


class Tuning(Frozen):
    """`recipe` is the one that was varied, defaults resolved; `space` has ranges by dotted key."""

    format: Literal[1] = 1
    numerics: int
    dataset: Name
    name: Name
    base: str
    recipe: dict[str, Any]
    recipe_digest: Sha256
    data: Sha256
    """The digest of the encoded arrays."""
    objective: Objective
    space: dict[str, dict[str, Any]]
    caps: dict[str, int]
    band: tuple[int, int] | None = None
    """Least and most dense parameters of a trial's model: the data set's, if the base is in it."""
    sampler: str
    sampler_seed: int
    pruning: str
    seed: int
    device: Device
    environment: Environment
    trials: tuple[Trial, ...]
    importances: dict[str, float] | None = None
    """The share of the objective's variance that each key explains (fANOVA); None for too few
    trials."""

    @field_validator("trials")
    @classmethod
    def _in_order(cls, trials: tuple[Trial, ...]) -> tuple[Trial, ...]:
        numbers = [trial.number for trial in trials]
        if numbers != sorted(set(numbers)):
            raise ValueError("the trials are not in the order of their numbers, each once")
        return trials

    @property
    def finished(self) -> list[Trial]:
        """Trials that are complete or pruned."""
        return [trial for trial in self.trials if trial.state in ("complete", "pruned")]

    @property
    def best(self) -> Trial | None:
        """The best complete trial, the earliest of equal ones."""
        sign = 1 if self.objective == "auc" else -1
        scored = [
            (sign * trial.metric, -trial.number, trial)
            for trial in self.trials
            if trial.state == "complete" and trial.metric is not None
        ]
        return max(scored, key=lambda each: each[:2])[-1] if scored else None

    @property
    def rows(self) -> int:
        """Training rows that all trials passed."""
        return sum(trial.rows or 0 for trial in self.trials)

    @property
    def hours(self) -> float:
        """Duration of all trials, failed ones too, one after the other."""
        return sum(trial.seconds for trial in self.trials) / 3600

    @property
    def reference(self) -> str:
        """How recipes and records name the study."""
        return tuning_reference(self.dataset, self.name)


def load(path: Path) -> Tuning:
    """Read a study. Raises BenchmarkError: one line with the file, the key and what to do."""
    remedy = "restore the file from a copy, or remove it to begin the study anew"
    return forms.read(Tuning, path, remedy)
