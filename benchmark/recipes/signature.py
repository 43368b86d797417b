"""A model's constructor, whose signature is the form of a recipe's [model] table."""

import inspect
import typing
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, create_model

from benchmark import registry
from benchmark.errors import UsageError
from benchmark.model import CTRModel

POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def form(model: str) -> type[BaseModel]:
    """The form of {"model": {keyword: value}}.

    Raises UsageError for an unknown model and for one that breaks the contract."""
    constructor: Any = registry.models.get(model)
    return _form(model, constructor)


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
        if key not in hints or parameter.default is inspect.Parameter.empty:
            raise UsageError(
                f"model '{name}': write the hyperparameter '{key}' with type and default, as n:"
                " int = 8"
            )
        fields[key] = (hints[key], parameter.default)
    _require_forward(name, model)
    strict = ConfigDict(strict=True, extra="forbid", protected_namespaces=())
    table = create_model(name, __config__=strict, **fields)
    return create_model(f"{name} recipe", __config__=strict, model=(table, ...))


def _hyperparameters(name: str, model: type[CTRModel]) -> dict[str, inspect.Parameter]:
    parameters = inspect.signature(model.__init__).parameters
    keywords: dict[str, inspect.Parameter] = {}
    others = []
    for key, parameter in parameters.items():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            raise UsageError(
                f"model '{name}': its constructor takes **{key}, which would swallow a misspelt"
                " hyperparameter; name each of them"
            )
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            keywords[key] = parameter
        else:
            others.append(parameter.kind)
    if len(others) != 2 or not set(others) <= set(POSITIONAL):
        raise UsageError(
            f"model '{name}': write its constructor as __init__(self, schema, *, n: int = 8, ...)"
        )
    return keywords


def _require_forward(name: str, model: type[CTRModel]) -> None:
    forward = getattr(model, "forward", None)
    try:
        # a model without one has torch's own, which would take any arguments
        if forward is None or forward.__name__ == "_forward_unimplemented":
            raise TypeError
        inspect.signature(forward).bind("self", "dense", "sparse", "observe")
    except TypeError:
        raise UsageError(
            f"model '{name}': give it forward(self, dense, sparse, observe=None)"
        ) from None
