"""Every field of a record altered in turn: its type and its values are walked side by side."""

import copy
import dataclasses
import re
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

Keys = tuple[str | int, ...]


@dataclass(frozen=True)
class Alteration:
    """Another value at `keys`; `field` is the path of the type's field, `[]` for elements and `*`
    for keys."""

    field: str
    keys: Keys
    value: Any

    def of(self, content: dict[str, Any]) -> dict[str, Any]:
        altered = copy.deepcopy(content)
        inner: Any = altered
        for key in self.keys[:-1]:
            inner = inner[key]
        inner[self.keys[-1]] = self.value
        return altered


def fields(form: Any, path: str = "") -> Iterator[str]:
    """The path of every field of a type that holds no other."""
    form = _bare(form)
    if members := _members(form):
        for name, inner in members.items():
            yield from fields(inner, f"{path}.{name}" if path else name)
    elif typing.get_origin(form) is tuple:
        yield from fields(typing.get_args(form)[0], path + "[]")
    elif typing.get_origin(form) is dict and typing.get_args(form)[1] is not Any:
        yield from fields(typing.get_args(form)[1], path + ".*")
    else:
        yield path


def alterations(form: Any, value: Any, path: str = "", keys: Keys = ()) -> Iterator[Alteration]:
    """Values of the right type at each field of `value`, the JSON of a `form`, one at a time; of a
    list at its first and last element, and one without its last; and None where that is allowed."""
    bare = _bare(form)
    if value is None:
        yield Alteration(path, keys, _example(bare))
        return
    if bare is not _unannotated(form):
        yield Alteration(path, keys, None)
    if members := _members(bare):
        for name, inner in members.items():
            yield from alterations(
                inner, value[name], f"{path}.{name}" if path else name, (*keys, name)
            )
    elif isinstance(value, list):
        inner = typing.get_args(bare)[0] if typing.get_args(bare) else Any
        below = path if inner is Any else path + "[]"
        yield Alteration(below, keys, value[:-1] if value else [_example(_bare(inner))])
        for position in sorted({0, len(value) - 1} if value else ()):
            yield from alterations(inner, value[position], below, (*keys, position))
    elif isinstance(value, dict):
        inner = typing.get_args(bare)[1] if typing.get_args(bare) else Any
        below = path if inner is Any else path + ".*"
        yield Alteration(below, keys, dict(list(value.items())[:-1]))
        for key, found in value.items():
            yield from alterations(inner, found, below, (*keys, key))
    else:
        yield Alteration(path, keys, _other(bare, value))


def _unannotated(form: Any) -> Any:
    return typing.get_args(form)[0] if typing.get_origin(form) is typing.Annotated else form


def _bare(form: Any) -> Any:
    """Without constraints, and without None."""
    form = _unannotated(form)
    if typing.get_origin(form) in (typing.Union, types.UnionType):
        [form] = [option for option in typing.get_args(form) if option is not type(None)]
    return _unannotated(form)


def _members(form: Any) -> dict[str, Any]:
    if not isinstance(form, type):
        return {}
    if issubclass(form, BaseModel):
        return {name: field.annotation for name, field in form.model_fields.items()}
    return typing.get_type_hints(form) if dataclasses.is_dataclass(form) else {}


def _example(form: Any) -> Any:
    """For a field that is None, or an element of an empty list."""
    return {int: 100, float: 0.5, str: "studies/tuning/made/up.json"}.get(form, 8)


def _other(form: Any, value: Any) -> Any:
    options = typing.get_args(form) if typing.get_origin(form) is typing.Literal else ()
    if len(options) > 1:
        return next(option for option in options if option != value)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value * 1.01 + 1e-4
    if re.fullmatch("[0-9a-f]{64}", value):
        return value[::-1]
    if re.match(r"\d{4}-\d\d-\d\dT", value):
        return "2001" + value[4:]
    return value + "x"
