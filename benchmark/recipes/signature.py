"""A model's constructor, whose signature is the form of a recipe's [model] table."""

import inspect
import typing
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, create_model

from benchmark import registry
from benchmark.errors import UsageError
from benchmark.model import CTRModel


def form(model: str) -> type[BaseModel]:
    """The form of {"model": {keyword: value}}. Raises UsageError for an unknown model and for one
    that breaks the contract."""
    return _form(model, registry.models.get(model))


def defaults(model: str) -> dict[str, Any]:
    """The model's hyperparameters with their defaults, as plain JSON values."""
    values = form(model).model_validate({"model": {}}).model_dump(mode="json")
    return dict(values["model"])


@cache
def _form(name: str, model: type[CTRModel]) -> type[BaseModel]:
    hyperparameters = _hyperparameters(name, model)
    try:
        hints = typing.get_type_hints(model.__init__, include_extras=True)
    except NameError as error:
        raise UsageError(f"model '{name}': a type of its constructor is unknown: {error}") from None
    fields: dict[str, Any] = {}
    for key, parameter in hyperparameters.items():
        if key not in hints or parameter.default is parameter.empty:
            form = f"write the hyperparameter '{key}' with type and default, as n: int = 8"
            raise UsageError(f"model '{name}': {form}")
        fields[key] = (hints[key], parameter.default)
    forward = getattr(model, "forward", None)
    try:
        # a model without one has torch's own, which would take any arguments
        if forward is None or forward.__name__ == "_forward_unimplemented":
            raise TypeError
        inspect.signature(forward).bind("self", "dense", "sparse", "observe")
    except TypeError:
        form = "give it forward(self, dense, sparse, observe=None)"
        raise UsageError(f"model '{name}': {form}") from None
    strict = ConfigDict(strict=True, extra="forbid", protected_namespaces=())
    table = create_model(name, __config__=strict, **fields)
    return create_model(f"{name} recipe", __config__=strict, model=(table, ...))


def _hyperparameters(name: str, model: type[CTRModel]) -> dict[str, inspect.Parameter]:
    parameters = inspect.signature(model.__init__).parameters
    keywords: dict[str, inspect.Parameter] = {}
    positional = 0
    for key, parameter in parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            fault = f"its constructor takes **{key}, which would swallow a misspelt hyperparameter"
            raise UsageError(f"model '{name}': {fault}; name each of them")
        if parameter.kind is parameter.KEYWORD_ONLY:
            keywords[key] = parameter
        positional += parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    if positional != 2 or len(keywords) + 2 != len(parameters):
        form = "__init__(self, schema, *, n: int = 8, ...)"
        raise UsageError(f"model '{name}': write its constructor as {form}")
    return keywords
