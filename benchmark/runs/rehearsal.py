"""A batch of training rows through an untrained model that is thrown away: what breaks the contract
of a model is told in one line before its training, not by a traceback in it."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.overrides import TorchFunctionMode

from benchmark.contract import (
    Stages,
    in_short,
    own_faults,
    require_finite,
    require_logit,
    require_parameters,
)
from benchmark.data.batches import Batch, ordered
from benchmark.data.schema import Split
from benchmark.errors import BenchmarkError, UsageError
from benchmark.model import CTRModel, HasExtraLoss, Observe, needs_whole_batch, part_of
from benchmark.recipes.precision import in_float32
from benchmark.records.doubts import like_probabilities
from benchmark.registry import models
from benchmark.runs.job import Job, seeded_model
from benchmark.training.step import CHUNK_ROWS

ROWS = 512
"""Most rows of the batch."""
TOLERANCE = 1e-3
"""Of the range of logits: far above rounding, far below what batch norm makes of half a batch."""
ROUNDING = 1e-5
FEW = 0.02
"""Share of rows that may differ: rounding turns the choice of a router with hard gates."""
INSTEAD = {
    "bernoulli": 1.0,
    "bernoulli_": 1.0,
    "normal": 0.0,
    "normal_": 0.0,
    "rand": 0.5,
    "rand_like": 0.5,
    "randn": 0.0,
    "randn_like": 0.0,
    "random_": 0.0,
    "uniform_": 0.5,
}
"""What a draw is where chance is to be left out, by the name of torch's function."""


def rehearse(job: Job, train: Split, device: torch.device) -> tuple[str, ...]:
    """Warnings of what may be wrong. Seeds torch's generator and draws from it, so it comes before
    the model that is trained.

    Raises UsageError or BenchmarkError for a model that breaks its contract, naming it, and
    UsageError where training leaves a batch of one row that the model cannot take."""
    with own_faults(job.recipe.model, models.get(job.recipe.model)):
        rehearsal = _Rehearsal(job, train, device)
        rehearsal.evaluate()
        rehearsal.train_one_row(len(train))
        rehearsal.train()
        with in_float32():  # of which TOLERANCE speaks
            rehearsal.compare_pieces()
    return tuple(rehearsal.warnings)


class _Rehearsal:
    """The parts of a rehearsal; the last one changes the model's weights."""

    def __init__(self, job: Job, train: Split, device: torch.device) -> None:
        self.settings, self.name = job.recipe.train, job.recipe.model
        self.model = seeded_model(job, device).model
        require_parameters(self.name, self.model)
        self.whole = needs_whole_batch(self.model)
        self.batch = _spread_rows(train, min(self.settings.batch_size, ROWS)).to(device)
        self.warnings: list[str] = []

    @torch.no_grad()
    def evaluate(self) -> None:
        """Score and observe all rows, then one alone."""
        self.model.eval()
        for batch in (self.batch, self.batch.part(slice(1))):
            stages = Stages(self.name, len(batch))
            output = self.model.forward(batch.dense, batch.sparse, self.observer(stages))
            require_finite(self.name, "a logit", require_logit(self.name, output, len(batch)))

    def observer(self, stages: Stages) -> Observe:
        def observe(stage: str, x: Tensor) -> None:
            stages(stage, x)
            require_finite(self.name, f"stage {stage!r}", x)

        return observe

    def train(self) -> None:
        """Forward and backward, with the extra loss."""
        self.model.train()
        logit, label = self.logit(self.batch), self.batch.label
        loss = binary_cross_entropy_with_logits(logit, label)
        if isinstance(self.model, HasExtraLoss):
            extra: object = self.model.extra_loss(logit, label)
            if not (isinstance(extra, Tensor) and extra.dim() == 0):
                raise self.fault("extra_loss must return a 0-dim tensor")
            require_finite(self.name, "its extra loss", extra)
            loss = loss + extra
        if not loss.requires_grad:
            raise self.fault("its logits depend on no parameter: is there a detach or no_grad?")
        try:
            torch.autograd.backward(loss)
        except RuntimeError as error:
            raise BenchmarkError(f"model '{self.name}': backward: {in_short(error)}") from error
        for parameter in self.model.parameters():
            parameter.grad = None

    def train_one_row(self, rows: int) -> None:
        """A last batch of one row, or a last piece of one: batch norm wants two."""
        self.model.train()
        size = self.settings.batch_size
        batches = {min(size, rows), rows % size}
        if 1 not in (batches if self.whole else {batch % CHUNK_ROWS for batch in batches}):
            return
        try:
            self.logit(self.batch.part(slice(1)))
        except ValueError as error:
            where = f"train.batch_size = {size} leaves a batch of one row of {rows:,}"
            why = f"which model '{self.name}' cannot train on ({in_short(error)})"
            advice = "set another train.batch_size, or limit the --rows"
            raise UsageError(f"{where}, {why}: {advice}") from error

    @torch.no_grad()
    def compare_pieces(self) -> None:
        """The batch whole and in halves: no row may depend on those beside it in eval mode, nor in
        training, where a batch is taken in pieces unless the model says otherwise."""
        if len(self.batch) < 2:
            return
        _spread_weights(self.model)
        self.model.eval()
        logit, again, pieces = self.logit(self.batch), self.logit(self.batch), self.pieces()
        if _differ(logit, again):
            raise self.fault("its logits are random in eval mode: give dropout self.training")
        if _differ(logit, pieces):
            raise self.fault("in eval mode the logit of a row depends on the rows beside it")
        if like_probabilities(logit.cpu().numpy()) and self.stays_positive():
            self.warnings.append(
                f"every output of the untrained model '{self.name}' lies between 0 and 1: forward"
                " must return logits, not probabilities"
            )
        if self.whole:
            return
        self.model.train()
        for attributes in map(vars, self.model.modules()):
            if isinstance(attributes.get("dropout"), float):  # attention and recurrent nets
                attributes["dropout"] = 0.0
        with _WithoutChance():
            logit, again, pieces = self.logit(self.batch), self.logit(self.batch), self.pieces()
        if _differ(logit, again):
            self.warnings.append(
                f"model '{self.name}': two passes in training differ without dropout, so it is not"
                " known whether its rows depend on each other: if so, set whole_batch = True in its"
                " class"
            )
        elif _differ(logit, pieces):
            raise self.fault(
                "in training the logit of a row depends on the rows beside it, and a batch is taken"
                " in pieces: set whole_batch = True in its class"
            )

    def stays_positive(self) -> bool:
        """Whether outputs look like probabilities with the negated weights too."""
        for parameter in self.model.parameters():
            parameter.neg_()
        return like_probabilities(self.logit(self.batch).cpu().numpy())

    def logit(self, batch: Batch) -> Tensor:
        output = self.model(batch.dense, batch.sparse)
        return require_logit(self.name, output, len(batch))

    def pieces(self) -> Tensor:
        """The logits of the two halves of the batch, passed one after the other."""
        half = len(self.batch) // 2
        parts = (slice(half), slice(half, None))
        return torch.cat([self.logit(self.batch.part(part)) for part in parts])

    def fault(self, what: str) -> UsageError:
        return UsageError(f"model '{self.name}': {what}")


def _spread_rows(split: Split, count: int) -> Batch:
    """So many rows, at most all, from the whole length of a split."""
    count = min(count, len(split))
    rows = np.arange(count) * len(split) // count
    return next(ordered(Split(split.dense[rows], split.sparse[rows], split.label[rows]), count))


def _spread_weights(model: CTRModel) -> None:
    """Make rows differ by more than rounding: embeddings begin near zero, and so may a head."""
    for path, parameter in model.named_parameters():
        if part_of(path) == "embedding":
            parameter.normal_()
        elif not parameter.any():
            parameter.normal_(std=0.1)


def _differ(logit: Tensor, other: Tensor) -> bool:
    """Whether two passes give other logits, by more than rounding and in more than few rows."""
    tolerance = TOLERANCE * (logit.max() - logit.min()) + ROUNDING * logit.abs().max()
    return float(((logit - other).abs() > tolerance).float().mean()) > FEW


class _WithoutChance(TorchFunctionMode):
    """Has dropout keep everything, and puts a constant in the place of other random draws."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        name = getattr(func, "__name__", "")
        if "dropout" in name:
            return args[0]
        result = func(*args, **(kwargs or {}))
        return result.fill_(INSTEAD[name]) if name in INSTEAD else result
