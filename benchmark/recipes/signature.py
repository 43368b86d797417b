"""A model's constructor, whose signature is the form of a recipe's [model] table."""

import inspect
import typing
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, create_model

from benchmark import registry
from benchmark.errors import UsageError
from benchmark.model import CTRModel

FIXED = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def form(model: str) -> type[BaseModel]:
    """{"model": {keyword: value}}. Raises UsageError for an unknown model and for one that breaks
    the contract."""
    return _form(model, registry.models.get(model))


@cache
def _form(model: str, built_by: type[CTRModel]) -> type[BaseModel]:
    hyperparameters = _hyperparameters(model, built_by)
    try:
        hints = typing.get_type_hints(built_by.__init__, include_extras=True)
    except NameError as error:
        raise UsageError(
            f"model '{model}': a type of its constructor is unknown: {error}"
        ) from None
    for name, parameter in hyperparameters.items():
        if name not in hints or parameter.default is inspect.Parameter.empty:
            raise UsageError(
                f"model '{model}': write the hyperparameter '{name}' with type and default, as n:"
                " int = 8"
            )
    _require_forward(model, built_by)
    fields: dict[str, Any] = {
        name: (hints[name], hyperparameters[name].default) for name in hyperparameters
    }
    strict = ConfigDict(strict=True, extra="forbid", protected_namespaces=())
    inner = create_model(model, __config__=strict, **fields)
    return create_model(f"{model} recipe", __config__=strict, model=(inner, ...))


def _hyperparameters(model: str, built_by: type[CTRModel]) -> dict[str, inspect.Parameter]:
    parameters = inspect.signature(built_by.__init__).parameters
    named = {
        name: each
        for name, each in parameters.items()
        if each.kind is inspect.Parameter.KEYWORD_ONLY
    }
    if swallowing := [
        name for name, each in parameters.items() if each.kind is inspect.Parameter.VAR_KEYWORD
    ]:
        raise UsageError(
            f"model '{model}': its constructor takes **{swallowing[0]}, which would swallow a"
            " misspelt hyperparameter; name each of them"
        )
    if [each.kind in FIXED for name, each in parameters.items() if name not in named] != [
        True,
        True,
    ]:
        raise UsageError(
            f"model '{model}': write its constructor as __init__(self, schema, *, n: int = 8, ...)"
        )
    return named


def _require_forward(model: str, built_by: type[CTRModel]) -> None:
    """torch's own, of a model that has none, would take any words."""
    forward = getattr(built_by, "forward", None)
    try:
        if forward is None or forward.__name__ == "_forward_unimplemented":
            raise TypeError
        inspect.signature(forward).bind("self", "dense", "sparse", "observe")
    except TypeError:
        raise UsageError(
            f"model '{model}': give it forward(self, dense, sparse, observe=None)"
        ) from None
