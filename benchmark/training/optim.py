"""Exact dense Adam with coupled L2 inside the clip norm, and the schedule of the published protocol."""

from dataclasses import dataclass

import torch
from torch import nn

from benchmark.measure.parts import part_of
from benchmark.recipe import Train

MIN_IMPROVEMENT = 1e-6


class Optimizer:
    """One step: add L2 gradients, clip the global norm, Adam.

    The penalty (lambda / 2) ||E||^2 runs over whole tables: its gradient lambda E is dense, and the clip norm sees it.
    """

    def __init__(self, model: nn.Module, train: Train) -> None:
        self._clip_norm = train.clip_norm
        self._parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        penalties = {"embedding": train.embedding_l2, "dense": train.dense_l2, "head": train.dense_l2}
        self._penalised: dict[float, list[nn.Parameter]] = {}
        for name, parameter in model.named_parameters():
            penalty = penalties[part_of(name)]
            if penalty and parameter.requires_grad:
                self._penalised.setdefault(penalty, []).append(parameter)
        self._adam = torch.optim.Adam(self._parameters, lr=train.learning_rate, fused=True)

    def step(self, loss: torch.Tensor) -> None:
        self._adam.zero_grad(set_to_none=False)
        torch.autograd.backward(loss)
        with torch.no_grad():
            for penalty, parameters in self._penalised.items():
                for parameter in parameters:
                    if parameter.grad is None:
                        parameter.grad = torch.zeros_like(parameter)
                    parameter.grad.add_(parameter, alpha=penalty)
            nn.utils.clip_grad_norm_(self._parameters, self._clip_norm)
        self._adam.step()

    @property
    def learning_rate(self) -> float:
        return float(self._adam.param_groups[0]["lr"])

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        for group in self._adam.param_groups:
            group["lr"] = value


@dataclass
class Plateau:
    """Best validation value so far; without improvement the rate falls, and after `patience` of them it ends."""

    train: Train
    best: float | None = None
    waited: int = 0

    def improved(self, value: float) -> bool:
        """Files one evaluation of the monitored metric; True where it is the best so far."""
        gain = value if self.train.monitor == "auc" else -value
        if self.best is None or gain > self.best + MIN_IMPROVEMENT:
            self.best, self.waited = gain, 0
            return True
        self.waited += 1
        return False

    @property
    def exhausted(self) -> bool:
        return self.waited >= self.train.patience

    def next_rate(self, rate: float) -> float:
        return max(rate * self.train.plateau_factor, self.train.min_learning_rate) if self.waited else rate
