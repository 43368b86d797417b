"""A recipe's model without memory for its weights, on torch's meta device."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from benchmark.data.schema import Schema
from benchmark.recipes.recipe import Built, Recipe


def on_meta(recipe: Recipe, schema: Schema) -> Built:
    """The recipe's model without memory for its weights. Raises UsageError for hyperparameters that
    do not fit the data."""
    with torch.device("meta"), _WithoutNormalDraws():
        return recipe.build(schema)


class _WithoutNormalDraws(TorchFunctionMode):
    """Leaves tensors as they are where they would be filled: for the first normal draw without
    memory torch imports for more than a second."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        return args[0] if func is Tensor.normal_ else func(*args, **(kwargs or {}))
