"""When the learning rate falls, when a fit ends, and which evaluation is the best."""

from dataclasses import dataclass, field
from math import inf

from benchmark.measure.metrics import Metrics
from benchmark.recipes.recipe import Monitor, Train

MIN_IMPROVEMENT = 1e-6


def gain(monitor: Monitor, valid: Metrics) -> float:
    """The monitored value, higher is better."""
    match monitor:
        case "auc":
            return valid.auc
        case "logloss":
            return -valid.logloss
        case "auc-logloss":
            return valid.auc - valid.logloss


@dataclass
class Plateau:
    """Evaluations at which no monitor improves lower the learning rate; `patience` of them end the
    fit."""

    train: Train
    best: dict[Monitor, float] = field(default_factory=dict)
    waited: int = 0

    def improved(self, valid: Metrics) -> tuple[Monitor, ...]:
        """Add one evaluation; the monitors by which it is the best so far."""
        gains = {monitor: gain(monitor, valid) for monitor in self.train.monitors}
        better = {
            monitor: value
            for monitor, value in gains.items()
            if value > self.best.get(monitor, -inf) + MIN_IMPROVEMENT
        }
        self.best |= better
        self.waited = 0 if better else self.waited + 1
        return tuple(better)

    @property
    def exhausted(self) -> bool:
        return self.waited >= self.train.patience

    def next_rate(self, rate: float) -> float:
        if self.waited == 0:
            return rate
        return max(rate * self.train.plateau_factor, self.train.min_learning_rate)
