"""Adam with coupled L2 inside the clip norm, over whole tables or the rows of a batch, and the
published schedule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

from benchmark.model import CTRModel, part_of
from benchmark.recipes.recipe import Train

MIN_IMPROVEMENT = 1e-6
BETA1, BETA2, EPS = 0.9, 0.999, 1e-8
CHUNK = 1 << 18
"""Values of a table that move at a time: a gradient of zeros for them stays in cache."""


@dataclass
class _Update:
    """The gradient of one parameter, L2 included: of all of it, or of a table's `rows`, whose
    weights are `picked`."""

    name: str
    weight: nn.Parameter
    penalty: float
    gradient: Tensor
    rows: Tensor | None = None
    picked: Tensor | None = None


def l2_penalty(parameter: str, train: Train) -> float:
    """The lambda of a parameter's L2 penalty (lambda / 2) ||w||^2, by its dotted name."""
    return train.embedding_l2 if part_of(parameter) == "embedding" else train.dense_l2


class Optimizer:
    """One step: add L2 gradients, clip the global norm, update.

    adam: exact. The penalty (lambda / 2) ||E||^2 runs over whole tables: its gradient lambda E is
    dense, the clip norm sees it, and every row moves at every step.
    The others are lazy. A row of a table that is not in the batch has no penalty, no part in the
    norm, and stays where it is. sparse_adam: Adam of the rows in the batch, its bias corrected by
    the count of all steps. rowwise_adagrad: they move by `lr g / (sqrt(a) + 1e-8)`, one accumulator
    a per row for the mean of g^2 over the row.
    All but the tables is left to Adam. A table is a parameter whose gradient is sparse.
    """

    def __init__(self, model: CTRModel, train: Train) -> None:
        self.learning_rate = train.learning_rate
        self._kind, self._clip_norm = train.optimizer, train.clip_norm
        self._parameters = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self._penalties = {name: l2_penalty(name, train) for name in self._parameters}
        self._steps = 0
        self._state: dict[str, Tensor] = {}

    def state_dict(self) -> dict[str, Tensor]:
        """All that the next step depends on, weights aside. Not copies."""
        steps = torch.tensor(self._steps, dtype=torch.int64)
        learning_rate = torch.tensor(self.learning_rate, dtype=torch.float64)
        return {"steps": steps, "learning_rate": learning_rate, **self._state}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Continues from a `state_dict()`, bit for bit."""
        moments = dict(state)
        self._steps, self.learning_rate = (
            int(moments.pop("steps")),
            float(moments.pop("learning_rate")),
        )
        device = next(iter(self._parameters.values())).device
        self._state = {name: moment.to(device, copy=True) for name, moment in moments.items()}

    @torch.no_grad()
    def step(self) -> None:
        """One update by the gradients at hand, which are used up: every `grad` is None
        afterwards."""
        self._steps += 1
        updates = [self._update(name, weight) for name, weight in self._parameters.items()]
        norms = [torch.linalg.vector_norm(update.gradient) for update in updates]
        norms += [
            _rest_of_penalty(update)
            for update in updates
            if self._kind == "adam" and update.penalty
        ]
        scale = min(
            1.0, self._clip_norm / (float(torch.linalg.vector_norm(torch.stack(norms))) + 1e-6)
        )
        if scale < 1:
            for update in updates:
                update.gradient.mul_(scale)
        dense = [update for update in updates if update.rows is None]
        self._adam(
            [
                (u.weight, u.gradient, self._state_of(u, "first"), self._state_of(u, "second"))
                for u in dense
            ]
        )
        for update in updates:
            if update.rows is not None and update.picked is not None:
                self._step_table(update, update.rows, update.picked, scale)

    def _update(self, name: str, weight: nn.Parameter) -> _Update:
        gradient = torch.zeros_like(weight) if weight.grad is None else weight.grad
        weight.grad = None
        penalty = self._penalties[name]
        if not gradient.is_sparse:
            return _Update(
                name, weight, penalty, gradient.add_(weight, alpha=penalty) if penalty else gradient
            )
        gradient = gradient.coalesce()
        rows = gradient.indices()[0]
        picked = weight.index_select(0, rows)
        return _Update(
            name, weight, penalty, gradient.values().add_(picked, alpha=penalty), rows, picked
        )

    def _step_table(self, update: _Update, rows: Tensor, picked: Tensor, scale: float) -> None:
        table, gradient = update.weight, update.gradient
        if self._kind == "rowwise_adagrad":
            accumulator = self._state_of(update, "accumulator")
            accumulator.index_add_(0, rows, gradient.square().mean(dim=1))
            root = accumulator.index_select(0, rows).sqrt_().add_(EPS).unsqueeze(1)
            table.index_add_(0, rows, gradient.div_(root), alpha=-self.learning_rate)
            return
        first, second = self._state_of(update, "first"), self._state_of(update, "second")
        moved = [picked, first.index_select(0, rows), second.index_select(0, rows)]
        if self._kind == "adam":
            self._decay(table, first, second, update.penalty * scale)
        self._adam([(moved[0], gradient, moved[1], moved[2])])
        for tensor, values in zip((table, first, second), moved, strict=True):
            tensor.index_copy_(0, rows, values)

    def _decay(self, table: Tensor, first: Tensor, second: Tensor, penalty: float) -> None:
        """Adam of all rows by the penalty's gradient alone; those of the batch are written over
        afterwards.

        By chunks, for which one small zero gradient is enough.
        """
        rows = max(1, CHUNK // table.shape[1])
        zeros = torch.zeros_like(table[:rows])
        chunks = zip(*(torch.split(tensor, rows) for tensor in (table, first, second)), strict=True)
        self._adam([(weight, zeros[: len(weight)], m, v) for weight, m, v in chunks], penalty)

    def _adam(
        self, moved: Sequence[tuple[Tensor, Tensor, Tensor, Tensor]], penalty: float = 0.0
    ) -> None:
        """Adam in place of (weight, gradient, first moment, second moment)."""
        if not moved:
            return
        weights, gradients, first, second = (list(tensors) for tensors in zip(*moved, strict=True))
        adam(
            weights,
            gradients,
            first,
            second,
            [],
            list(torch.full((len(weights),), self._steps - 1.0, device=weights[0].device).unbind()),
            fused=True,
            amsgrad=False,
            beta1=BETA1,
            beta2=BETA2,
            lr=self.learning_rate,
            weight_decay=penalty,
            eps=EPS,
            maximize=False,
        )

    def _state_of(self, update: _Update, kind: Literal["first", "second", "accumulator"]) -> Tensor:
        weight, name = update.weight, f"{update.name}.{kind}"
        if name not in self._state:
            shape = weight.shape[:1] if kind == "accumulator" else weight.shape
            self._state[name] = torch.zeros(shape, dtype=weight.dtype, device=weight.device)
        return self._state[name]


def _rest_of_penalty(update: _Update) -> Tensor:
    """The norm of the penalty's gradient over the rows of a table that are not in the batch,
    0-dim."""
    if update.picked is None:
        return update.gradient.new_zeros(())
    squares = (
        torch.linalg.vector_norm(update.weight).square()
        - torch.linalg.vector_norm(update.picked).square()
    )
    norm: Tensor = update.penalty * squares.clamp(min=0).sqrt()
    return norm


@dataclass
class Plateau:
    """Best validation value so far; without improvement the rate falls, and after `patience` of
    them it ends."""

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
        return (
            max(rate * self.train.plateau_factor, self.train.min_learning_rate)
            if self.waited
            else rate
        )
