"""One training step: forward, loss, backward, update."""

from contextlib import nullcontext

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from benchmark.data.batches import Batch
from benchmark.distributed.data_parallel import DataParallel
from benchmark.distributed.row_blocks import asking_for_nothing
from benchmark.distributed.world import ALONE, World, reaching
from benchmark.model import CTRModel, HasExtraLoss, needs_whole_batch
from benchmark.training.optim import Optimizer

CHUNK_ROWS = 2048
"""Rows of a piece: fewer mean many short operations, each with a wait of all threads; more leave
the cache and are no faster."""


class TrainingStep:
    """Accumulates the gradients of a batch, some rows at a time, and updates once. Models whose
    rows depend on each other in training get the whole batch at once, as a GPU does.

    What a model draws in training, as dropout does, follows from the seed, the step and the first
    row of the piece alone."""

    def __init__(
        self, model: CTRModel, optimizer: Optimizer, *, seed: int, world: World = ALONE
    ) -> None:
        self._model, self._optimizer, self._seed = model, optimizer, seed
        self._world, self._parallel = world, DataParallel(model, optimizer.shared_out, world)
        self._extra_loss = model.extra_loss if isinstance(model, HasExtraLoss) else None
        self._whole = needs_whole_batch(model)

    def __call__(self, batch: Batch) -> Tensor:
        """Update once and return the batch's mean cross-entropy alone, 0-dim float64 on its device.
        On a CPU there is no update if that is not finite; a GPU, of which nobody has asked yet,
        updates, and who reads the loss must throw the weights away."""
        self._model.train()
        sparse = _SparseGradients(self._model)
        losses = []
        pieces = self._pieces(batch)
        self._parallel.prepare(*pieces[0][1].or_zeros().inputs)
        for number, (first, piece) in enumerate(pieces, start=1):
            seed_draws(self._seed, self._optimizer.steps, batch.first + first, piece.label.device)
            with reaching(), self._parallel.adding(last=number == len(pieces)):
                losses.append(self._backward(piece, batch))
            sparse.collect()
        total = self._world.sum_(torch.stack(losses).sum(dtype=torch.float64))
        if total.is_cuda or total.isfinite():
            sparse.restore()
            self._optimizer.step()
        return total

    def _pieces(self, batch: Batch) -> list[tuple[int, Batch]]:
        """The batch in pieces, each with its first row; as many in every process, the last of which
        may be empty."""
        most = self._world.most(batch.total)
        rows = most if self._whole or batch.label.is_cuda else CHUNK_ROWS
        begins = range(0, most, rows)
        return [(first, batch.part(slice(first, first + rows))) for first in begins]

    def _backward(self, piece: Batch, batch: Batch) -> Tensor:
        """Add the gradients of a piece; return its share of the loss. Of an empty one a row of
        zeros is passed and counts for nothing: other processes wait for its lookups."""
        rows, piece = len(piece), piece.or_zeros()
        with nullcontext() if rows else asking_for_nothing():
            logit = self._parallel(*piece.inputs)
        loss = cross_entropy(logit, piece.label, reduction="sum") / batch.total
        if rows == 0:
            loss = loss * 0
        own = loss.detach()
        if self._extra_loss is not None:
            share = rows / batch.total  # 1 unless it is a mean over rows
            loss = loss + share * self._extra_loss(logit, piece.label)
        torch.autograd.backward(loss)
        return own


def seed_draws(seed: int, step: int, row: int, device: torch.device) -> None:
    """Let torch's random numbers on a device follow from these three numbers alone."""
    drawn = int(np.random.Philox(key=[seed, step], counter=[0, 0, 1, row]).random_raw())
    if device.type == "cuda":
        torch.cuda.manual_seed(drawn)
    else:  # torch.manual_seed would also note the call for the GPUs, which takes a millisecond
        torch.default_generator.manual_seed(drawn)


class _SparseGradients:
    """The sparse gradients of several backward passes, concatenated once: each sum would copy."""

    def __init__(self, model: CTRModel) -> None:
        self._pieces: dict[nn.Parameter, list[Tensor]] = {
            parameter: [] for parameter in model.parameters()
        }

    def collect(self) -> None:
        for parameter, pieces in self._pieces.items():
            if parameter.grad is not None and parameter.grad.is_sparse:
                pieces.append(parameter.grad)
                parameter.grad = None

    def restore(self) -> None:
        for parameter, pieces in self._pieces.items():
            if pieces:
                indices = torch.cat([piece._indices() for piece in pieces], dim=1)
                values = torch.cat([piece._values() for piece in pieces])
                parameter.grad = torch.sparse_coo_tensor(
                    indices, values, parameter.shape, check_invariants=False
                )


def compile_model(model: CTRModel, device: torch.device) -> tuple[str, ...]:
    """Compile the model in place, so that its weights keep their names, and return a note for the
    record. Without a working compiler the model stays as it is."""
    try:
        torch.compile(lambda x: x + 1)(torch.zeros(1, device=device))
    except Exception as error:  # each backend has its own errors
        return (f"train.compile = true, but nothing is compiled: {str(error).splitlines()[0]}",)
    model.compile()
    return ("compiled by torch.compile",)
