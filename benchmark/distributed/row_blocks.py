"""Embedding tables shared out by rows: every process holds a block of each and updates it.

Ids go to the process that holds their rows, and vectors come back, by all-to-all; gradients go the
same way. Weights, moments and L2 of a row exist once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from benchmark.distributed.world import World
from benchmark.errors import UsageError
from benchmark.model import CTRModel, HasLookup, Lookup, needs_whole_batch

_asking_for_nothing = False


@contextmanager
def asking_for_nothing() -> Iterator[None]:
    """Where a process passes a made-up row because others wait for its lookups: the vectors are
    zeros, and no row of a table counts as one of the batch."""
    global _asking_for_nothing
    _asking_for_nothing = True
    try:
        yield
    finally:
        _asking_for_nothing = False


class RowBlocks:
    """The lookup of ids in a table of so many rows, of which each process holds its share; `plain`
    is that in a whole table."""

    def __init__(self, rows: int, world: World, plain: Lookup) -> None:
        self.world, self.plain = world, plain
        begins = [world.begin(rows, rank) for rank in range(world.size + 1)]
        self.begins = torch.tensor(begins, dtype=torch.int64)
        self.own = world.share(rows)

    def __call__(self, ids: Tensor, block: Tensor) -> Tensor:
        """Vectors [..., d] of ids [...] of the whole table. To be called by all processes, with any
        number of ids."""
        if _asking_for_nothing:
            nothing = _fetched(block, ids.new_empty(0), self)
            return block.new_zeros((*ids.shape, block.shape[1])) + nothing.sum()
        unique, place = torch.unique(ids, return_inverse=True)  # in order, so by owner
        vectors: Tensor = _fetched(block, unique, self)
        return nn.functional.embedding(place, vectors)


class _Fetched(torch.autograd.Function):
    """The rows of all processes' blocks at ids [n], in order, each once: [n, d]."""

    @staticmethod
    def forward(ctx: Any, block: Tensor, ids: Tensor, blocks: RowBlocks) -> Tensor:
        world = blocks.world
        bounds = torch.searchsorted(ids, blocks.begins.to(ids.device))
        asked = (bounds[1:] - bounds[:-1]).cpu()
        asking = world.exchanged(asked, [1] * world.size, [1] * world.size)
        sent, received = asked.tolist(), asking.tolist()
        rows = world.exchanged(ids, sent, received) - blocks.own.start
        ctx.save_for_backward(rows)
        ctx.world, ctx.sent, ctx.received, ctx.shape = world, sent, received, block.shape
        return world.exchanged(block.index_select(0, rows), received, sent)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (rows,) = ctx.saved_tensors
        values = ctx.world.exchanged(gradient, ctx.sent, ctx.received)
        sparse = torch.sparse_coo_tensor(rows[None], values, ctx.shape, check_invariants=False)
        return sparse, None, None


_fetched: Callable[[Tensor, Tensor, RowBlocks], Tensor] = _Fetched.apply


def share_out(model: CTRModel, world: World, where: str) -> dict[str, int]:
    """Replace every table by this process's block, and return the rows of the whole tables by the
    names of these parameters; nothing if it is alone. Raises UsageError, which begins with `where`,
    for a model that cannot be trained by several processes."""
    if world.size == 1:
        return {}
    _require_independent_rows(model, where)
    rows = {}
    for path, module in _with_tables(model):
        table = module.table
        assert table is not None
        own = world.share(len(table))
        module.table = nn.Parameter(table.detach()[own.start : own.stop].clone())
        module.lookup = RowBlocks(len(table), world, module.lookup)
        rows[f"{path}.table"] = len(table)
    return rows


def make_whole(model: CTRModel, tables: dict[str, int], world: World) -> None:
    """Give the first process's model whole tables again, on the CPU, and its own lookup. To be
    called by all processes, of which the others keep their blocks."""
    for path, module in _with_tables(model):
        rows, blocks = tables.get(f"{path}.table"), module.lookup
        if rows is None or module.table is None or not isinstance(blocks, RowBlocks):
            continue
        table = world.collected(module.table.detach(), rows)
        if table is not None:
            module.table, module.lookup = nn.Parameter(table), blocks.plain


def _with_tables(model: CTRModel) -> Iterator[tuple[str, HasLookup]]:
    for path, module in model.named_modules():
        if isinstance(module, HasLookup) and module.table is not None:
            yield path, module


def _require_independent_rows(model: CTRModel, where: str) -> None:
    why = ""
    if needs_whole_batch(model):
        why = "rows of its training batches depend on each other, as by batch norm"
    elif any(getattr(module, "sparse", False) is True for module in model.modules()):
        why = "it has tables of sparse gradients other than baselines.layers.FieldEmbedding"
    if why:
        raise UsageError(f"{where} cannot be trained by several processes ({why}): take one")
