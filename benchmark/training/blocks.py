"""The tensors of a fit that several processes have shared out by rows: cut, chosen and joined."""

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from benchmark.distributed.world import World

MODEL, OPTIMIZER = "model.", "optimizer."
"""Prefixes of tensor names in the state of a snapshot."""

Tensors = dict[str, Tensor]


def blocks(tensors: Mapping[str, Tensor], tables: Iterable[str]) -> Tensors:
    """Those of a state, or of weights, that belong to the parameters `tables`: blocks of rows."""
    chosen = tuple(tables)
    return {name: tensor for name, tensor in tensors.items() if table_of(name, chosen)}


def table_of(name: str, tables: Sequence[str]) -> str | None:
    """The table that a tensor of a state, or of weights, belongs to."""
    for table in tables:
        moments = f"{OPTIMIZER}{table}."
        if name in (table, MODEL + table) or name.startswith(moments):
            return table
    return None


def own(tensors: Mapping[str, Tensor], tables: Mapping[str, int], world: World) -> Tensors:
    """The tensors with this process's rows of the tables alone; `tables` are their whole rows."""
    found = dict(tensors)
    for name in blocks(tensors, tables):
        table = table_of(name, tuple(tables))
        assert table is not None
        rows = world.share(tables[table])
        found[name] = tensors[name][rows.start : rows.stop]
    return found


def joined(parts: Sequence[Mapping[str, Tensor]]) -> Tensors:
    """The whole of what each process kept: the first everything, the others their blocks alone."""
    first, *others = parts
    found = dict(first)
    for name in others[0] if others else ():
        found[name] = torch.cat([part[name] for part in parts])
    return found
