"""Adam with L2 gradients inside the clip norm, and the published learning rate schedule."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

from benchmark.distributed.world import ALONE, World
from benchmark.model import CTRModel, part_of
from benchmark.recipes.recipe import Train

EPS = 1e-8
fused_adam = partial(
    adam, fused=True, amsgrad=False, beta1=0.9, beta2=0.999, eps=EPS, maximize=False
)
CHUNK = 1 << 18
"""Values of a table that are updated at a time: a gradient of zeros for them stays in cache."""
SMALL_TABLE = 1 << 22
"""Values of a table below which Adam is faster on its dense gradient than on the batch's rows."""


@dataclass
class _Update:
    """The gradient of a parameter, L2 included; of a table, for `rows` with weights `picked`."""

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

    adam: exact. The penalty (lambda / 2) ||E||^2 covers whole tables: its gradient lambda E is
    dense, the clip norm includes it, and every row changes at every step.
    The others are lazy. A table row that is not in the batch has no penalty, no part in the norm,
    and does not change. sparse_adam: Adam on the rows in the batch, its bias corrected by the count
    of all steps. rowwise_adagrad: `lr g / (sqrt(a) + 1e-8)` is subtracted from them, with one
    accumulator a per row for the mean of g^2 over the row.
    Adam updates all other parameters. A table is a parameter whose gradient is sparse. Of tables
    that several processes have `shared_out`, each updates its own rows.
    """

    def __init__(
        self,
        model: CTRModel,
        train: Train,
        *,
        shared_out: Collection[str] = (),
        world: World = ALONE,
    ) -> None:
        self.learning_rate = train.learning_rate
        self.shared_out, self._world = frozenset(shared_out), world
        self._kind, self._clip_norm = train.optimizer, train.clip_norm
        self._parameters = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self._penalties = {name: l2_penalty(name, train) for name in self._parameters}
        self._steps = 0
        self._state: dict[str, Tensor] = {}

    @property
    def steps(self) -> int:
        """How many updates were made."""
        return self._steps

    def state_dict(self) -> dict[str, Tensor]:
        """Everything but the weights that the next step depends on; not copies."""
        steps = torch.tensor(self._steps, dtype=torch.int64)
        learning_rate = torch.tensor(self.learning_rate, dtype=torch.float64)
        return {"steps": steps, "learning_rate": learning_rate, **self._state}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Continue from a `state_dict()`, bit for bit."""
        moments = dict(state)
        self._steps = int(moments.pop("steps"))
        self.learning_rate = float(moments.pop("learning_rate"))
        device = next(iter(self._parameters.values())).device
        self._state = {name: moment.to(device, copy=True) for name, moment in moments.items()}

    @torch.no_grad()
    def step(self) -> None:
        """Update once; every `grad` is None afterwards."""
        self._steps += 1
        updates = [self._update(name, weight) for name, weight in self._parameters.items()]
        scale = self._clip(updates)
        self._adam(
            [
                (u.weight, u.gradient, self._state_of(u, "first"), self._state_of(u, "second"))
                for u in updates
                if u.rows is None
            ]
        )
        for update in updates:
            if update.rows is not None and update.picked is not None:
                self._step_table(update, update.rows, update.picked, scale)

    def _clip(self, updates: Sequence[_Update]) -> float | Tensor:
        """Scale the gradients so that their norm over all parameters is at most that of the recipe,
        and return the factor."""
        every = self._norms(update for update in updates if update.name not in self.shared_out)
        if self._world.size > 1:
            tables = self._norms(update for update in updates if update.name in self.shared_out)
            squares = torch.stack(tables).square().sum() if tables else every[0].new_zeros(())
            every.append(self._world.sum_(squares).sqrt())
        norm = torch.linalg.vector_norm(torch.stack(every))
        scale: float | Tensor
        if norm.is_cuda:  # not asked for, as that waits for the GPU's work
            scale = (self._clip_norm / (norm + 1e-6)).clamp(max=1.0)
        else:
            scale = min(1.0, self._clip_norm / (float(norm) + 1e-6))
        if isinstance(scale, Tensor) or scale < 1:
            for update in updates:
                update.gradient.mul_(scale)
        return scale

    def _norms(self, updates: Iterable[_Update]) -> list[Tensor]:
        """The norms of the gradients, then those of the penalties of rows that have none, 0-dim."""
        updates = list(updates)
        norms = [torch.linalg.vector_norm(update.gradient) for update in updates]
        if self._kind == "adam":
            norms += [_rest_of_penalty(update) for update in updates if update.penalty]
        return norms

    def _update(self, name: str, weight: nn.Parameter) -> _Update:
        gradient = torch.zeros_like(weight) if weight.grad is None else weight.grad
        weight.grad = None
        penalty = self._penalties[name]
        if gradient.is_sparse and self._kind == "adam" and _is_small(weight):
            gradient = _to_dense(gradient)
        if not gradient.is_sparse:
            if penalty:
                gradient.add_(weight, alpha=penalty)
            return _Update(name, weight, penalty, gradient)
        gradient = gradient.coalesce()
        rows = gradient.indices()[0]
        picked = weight.index_select(0, rows)
        values = gradient.values().add_(picked, alpha=penalty)
        return _Update(name, weight, penalty, values, rows, picked)

    def _step_table(
        self, update: _Update, rows: Tensor, picked: Tensor, scale: float | Tensor
    ) -> None:
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
            self._decay(table, first, second, update.penalty * float(scale))
        self._adam([(moved[0], gradient, moved[1], moved[2])])
        for tensor, values in zip((table, first, second), moved, strict=True):
            tensor.index_copy_(0, rows, values)

    def _decay(self, table: Tensor, first: Tensor, second: Tensor, penalty: float) -> None:
        """Adam on all rows by the penalty's gradient alone, in chunks that share one small gradient
        of zeros; the rows of the batch are overwritten afterwards."""
        rows = max(1, CHUNK // table.shape[1])
        zeros = torch.zeros_like(table[:rows])
        chunks = zip(*(torch.split(tensor, rows) for tensor in (table, first, second)), strict=True)
        self._adam([(weight, zeros[: len(weight)], m, v) for weight, m, v in chunks], penalty)

    def _adam(
        self, moved: Sequence[tuple[Tensor, Tensor, Tensor, Tensor]], penalty: float = 0.0
    ) -> None:
        """Adam in place on tuples of weight, gradient, first and second moment."""
        if not moved:
            return
        weights, gradients, first, second = (list(tensors) for tensors in zip(*moved, strict=True))
        steps = torch.full((len(weights),), self._steps - 1.0, device=weights[0].device)
        state_steps, lr = list(steps.unbind()), self.learning_rate
        fused_adam(weights, gradients, first, second, [], state_steps, lr=lr, weight_decay=penalty)

    def _state_of(self, update: _Update, kind: Literal["first", "second", "accumulator"]) -> Tensor:
        weight, name = update.weight, f"{update.name}.{kind}"
        if name not in self._state:
            shape = weight.shape[:1] if kind == "accumulator" else weight.shape
            self._state[name] = torch.zeros(shape, dtype=weight.dtype, device=weight.device)
        return self._state[name]


def _is_small(table: Tensor) -> bool:
    return table.numel() <= SMALL_TABLE


def _to_dense(gradient: Tensor) -> Tensor:
    """A sparse gradient of rows, in which an id may occur more than once, as a dense one: the rows
    are added in their order."""
    rows, values = gradient._indices()[0], gradient._values()
    dense = values.new_zeros(gradient.shape)
    if dense.is_cuda:  # where index_add_ adds in any order
        return dense.index_put_((rows,), values, accumulate=True)
    return dense.index_add_(0, rows, values)


def _rest_of_penalty(update: _Update) -> Tensor:
    """Norm of the penalty's gradient over the table rows that are not in the batch, 0-dim."""
    if update.picked is None:
        return update.gradient.new_zeros(())
    squares = (
        torch.linalg.vector_norm(update.weight).square()
        - torch.linalg.vector_norm(update.picked).square()
    )
    norm: Tensor = update.penalty * squares.clamp(min=0).sqrt()
    return norm
