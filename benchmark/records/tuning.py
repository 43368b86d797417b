"""A tuning study: every trial of one search over a recipe's values, as one JSON file."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from benchmark.records import form
from benchmark.records.archive import tuning_reference
from benchmark.records.environment import Environment
from benchmark.utils.types import Device, Frozen, NotNegative, Sha256

TUNING_SEED = 1000
"""Every trial's. Ranked runs have smaller ones."""

Objective = Literal["auc", "logloss"]
Ended = Literal["complete", "pruned", "failed", "rejected"]


class Trial(Frozen):
    """`curve` is the objective at each evaluation on the validation split, `metric` that of the
    best weights. A rejected trial was not trained: its values do not fit the model, or its model is
    above a cap."""

    number: Annotated[int, Field(ge=0)]
    state: Ended
    values: dict[str, Any]
    metric: float | None
    curve: tuple[float, ...]
    seconds: NotNegative
    threads: int
    reason: str = ""
    started: str
    """UTC, ISO 8601."""


class Tuning(Frozen):
    """`recipe` is the one whose values were varied, defaults resolved; `space` the ranges by dotted
    key."""

    format: Literal[1] = 1
    numerics: int
    dataset: str
    name: str
    base: str
    recipe: dict[str, Any]
    recipe_digest: Sha256
    data: Sha256
    """The digest of the encoded arrays."""
    objective: Objective
    space: dict[str, dict[str, Any]]
    caps: dict[str, int]
    sampler: str
    sampler_seed: int
    pruning: str
    seed: int
    device: Device
    environment: Environment
    trials: tuple[Trial, ...]
    importances: dict[str, float] | None = None
    """The share of the objective's variance that each key explains (fANOVA); None where there are
    too few trials."""

    @property
    def finished(self) -> list[Trial]:
        """Those that count: complete or pruned."""
        return [trial for trial in self.trials if trial.state in ("complete", "pruned")]

    @property
    def best(self) -> Trial | None:
        """The best complete trial, the earliest of equal ones."""
        sign = 1 if self.objective == "auc" else -1
        complete = [
            trial for trial in self.trials if trial.state == "complete" and trial.metric is not None
        ]
        return max(
            complete, key=lambda trial: (sign * (trial.metric or 0.0), -trial.number), default=None
        )

    @property
    def hours(self) -> float:
        """Of all trials, failed ones too, one after the other."""
        return sum(trial.seconds for trial in self.trials) / 3600

    @property
    def reference(self) -> str:
        """How the recipe it gave rise to names it."""
        return tuning_reference(self.dataset, self.name)


def tuning_cost(results: Path, reference: str) -> tuple[int, float]:
    """Finished trials and hours spent in the study that a recipe's or record's `tuned` names, e.g.
    `studies/tuning/frappe_x1r/dcnv2.json`. Raises BenchmarkError where it cannot be read."""
    study = load(results / reference)
    return len(study.finished), study.hours


def save(study: Tuning, path: Path) -> None:
    """Writes the study as JSON, numbers as measured. Raises BenchmarkError naming the path."""
    form.save(study, path)


def load(path: Path) -> Tuning:
    """Raises BenchmarkError naming the file and, a line each, what is wrong with its form."""
    return form.load(Tuning, path)
