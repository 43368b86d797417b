"""A model whose weights every process has, but for shared-out tables: DDP sums their gradients."""

from collections.abc import Collection
from contextlib import AbstractContextManager, nullcontext

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from benchmark.distributed.world import World
from benchmark.model import CTRModel


class DataParallel:
    """Passes forward and backward through a model; alone, through the model itself. `shared_out`
    are the names of parameters that differ from process to process, which are left alone."""

    def __init__(self, model: CTRModel, shared_out: Collection[str], world: World) -> None:
        self._model, self._shared_out, self._world = model, shared_out, world
        self._ddp: DistributedDataParallel | None = None

    def __call__(self, dense: Tensor, sparse: Tensor) -> Tensor:
        """The logits [B] of some rows."""
        logit: Tensor = (self._ddp or self._model)(dense, sparse)
        return logit

    def prepare(self, dense: Tensor, sparse: Tensor) -> None:
        """Make ready for training, once, by a trial with some rows."""
        if self._world.size == 1 or self._ddp is not None:
            return
        torch.autograd.backward(self._model(dense, sparse).sum())
        own = [p for name, p in self._model.named_parameters() if name not in self._shared_out]
        trained = [parameter.grad is not None for parameter in own if parameter.requires_grad]
        for parameter in self._model.parameters():
            parameter.grad = None
        if not trained:
            return
        module = self._model
        assert isinstance(module, torch.nn.Module)
        buffers = [name for name, _ in module.named_buffers()]  # which training does not change
        DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(  # type: ignore[no-untyped-call]
            module, [*self._shared_out, *buffers]
        )
        self._ddp = DistributedDataParallel(module, find_unused_parameters=not all(trained))
        self._ddp.register_comm_hook(None, lambda _, bucket: _summed(bucket.buffer()))

    def adding(self, *, last: bool) -> AbstractContextManager[None]:
        """Where a piece of a batch is passed: the last one's gradients are summed with those of the
        pieces before, over all processes."""
        if self._ddp is None or last:
            return nullcontext()
        without: AbstractContextManager[None] = self._ddp.no_sync()
        return without


def _summed(gradient: Tensor) -> torch.futures.Future[Tensor]:
    """The sum over all processes: DDP itself takes the mean."""
    future: torch.futures.Future[list[Tensor]]
    future = dist.all_reduce(gradient, async_op=True).get_future()
    return future.then(lambda done: done.value()[0])
