"""The contract of a model: what the benchmark calls, and how it finds the parts it measures."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Literal, Protocol, Self, runtime_checkable

import torch
from torch import Tensor, nn

Part = Literal["embedding", "dense", "head"]

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


Observe = Callable[[str, Tensor], object]
"""Receives each stage of a forward pass once, in order: its name and x [B, rows, columns]."""


def ignore(stage: str, x: Tensor) -> None:
    """Observe nothing."""


class CTRModel(Protocol):
    """A click-through-rate model: a torch module with this constructor and this `forward`.

    The keyword arguments of the constructor, with types and defaults, are the schema of a recipe's
    [model] table. Parameters below a module named `embedding` count as embedding, those below
    `head` as head, all others as dense. A model may also have `extra_loss()` and
    `training_note()`; `whole_batch = True`, if rows of a training batch depend on each other, or
    False, if its extra loss is a mean over rows (models without either, batch norm or an extra loss
    get a batch in pieces); `convex = True`, if its loss
    has one minimum, so that seeds end alike; and `added_later`, see the function of that name.
    What breaks this contract is found before training, see runs/rehearsal.py.
    """

    training: bool

    def __init__(self, schema: object, **hyperparameters: object) -> None:
        """Build for a benchmark.data.schema.Schema; raise ValueError for sizes that do not fit."""

    def forward(self, dense: Tensor, sparse: Tensor, observe: Observe | None = None) -> Tensor:
        """dense [B, n_dense] float32, sparse [B, n_sparse] integer ids -> logit [B]."""
        ...

    # What follows is inherited from torch.nn.Module.
    def __call__(self, dense: Tensor, sparse: Tensor, observe: Observe | None = None) -> Tensor: ...
    def train(self, mode: bool = True) -> Self: ...
    def eval(self) -> Self: ...
    def to(self, device: torch.device) -> Self: ...
    def compile(self) -> None: ...
    def named_modules(self) -> Iterator[tuple[str, nn.Module]]: ...
    def modules(self) -> Iterator[nn.Module]: ...
    def parameters(self) -> Iterator[nn.Parameter]: ...
    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]: ...
    def state_dict(self) -> dict[str, Tensor]: ...
    def load_state_dict(self, state_dict: Mapping[str, Tensor]) -> object: ...


@runtime_checkable
class HasExtraLoss(Protocol):
    """A model with a term of its own in the training loss, beside its logit's cross-entropy."""

    def extra_loss(self, logit: Tensor, label: Tensor) -> Tensor:
        """The term of the last training batch, 0-dim: its logit [B] and label [B] are given."""
        ...


@runtime_checkable
class HasTrainingNote(Protocol):
    """A model with a line for its records on what training controls, of the weights it has."""

    def training_note(self) -> str: ...


Lookup = Callable[[Tensor, Tensor], Tensor]
"""From ids [...] and a table to their vectors [..., d]."""


@runtime_checkable
class HasLookup(Protocol):
    """A module with a table of sparse gradients, [rows, d], which several processes can share out:
    they replace the table by a block of its rows, and the lookup."""

    table: nn.Parameter | None
    lookup: Lookup


def needs_whole_batch(model: CTRModel) -> bool:
    """Whether a row's gradient depends on other rows of the training batch."""
    if any(isinstance(module, BATCH_NORMS) for module in model.modules()):
        return True
    whole: bool = getattr(model, "whole_batch", isinstance(model, HasExtraLoss))
    return whole


def is_convex(model: type[CTRModel]) -> bool:
    """Whether the training loss is convex in the weights."""
    return getattr(model, "convex", False)


def added_later(model: type[CTRModel]) -> frozenset[str]:
    """Hyperparameters that the recipe's digest leaves out while they have their default."""
    names: frozenset[str] = getattr(model, "added_later", frozenset())
    return names


def embedding_table(model: CTRModel) -> nn.Parameter | None:
    """The `table` of the model's `embedding`: a row per id of all sparse fields, [rows, d]."""
    return dict(model.named_parameters()).get("embedding.table")


def part_of(parameter: str) -> Part:
    """The part that a parameter counts to, by the components of its dotted name."""
    components = parameter.split(".")
    if "embedding" in components:
        return "embedding"
    return "head" if components[0] == "head" else "dense"


def block_stage(block: int, part: Literal["mixing", "ffn"]) -> str:
    """The name of a block's stage, e.g. `block1.mixing`; blocks count from 1."""
    return f"block{block}.{part}"


def block_stages(blocks: int) -> list[str]:
    """The names of the stages of that many blocks, in order."""
    numbers = range(1, blocks + 1)
    return [block_stage(number, part) for number in numbers for part in ("mixing", "ffn")]


def block_part(stage: str) -> str | None:
    """`mixing` or `ffn` for a block's stage, None for any other."""
    match = re.fullmatch(r"block\d+\.(mixing|ffn)", stage)
    return match[1] if match else None


def count_blocks(stages: Iterable[str]) -> int:
    """The number of blocks of mixing and FFN among the stages of a model."""
    return sum(block_part(stage) == "mixing" for stage in stages)


_plain = False


def in_plain_form() -> bool:
    """Whether models compute with torch's ordinary operations, see plain_form."""
    return _plain


@contextmanager
def plain_form() -> Iterator[None]:
    """Run models in their plain form: the same equations in torch's own operations."""
    global _plain
    _plain = True
    try:
        yield
    finally:
        _plain = False
