"""TOML files validated by pydantic classes; errors name the file, the key and what is allowed."""

import difflib
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from benchmark.errors import UsageError

M = TypeVar("M", bound=BaseModel)

MOST_BYTES = 1 << 20
DEEPEST = 32
MOST_FAULTS = 20
_PART = r"""(?:[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*"""
# the parser's time grows with the square of the parts of a key
_DEEP_KEY = re.compile(rf"(?<![\w-])(?:{_PART}){{{DEEPEST}}}")


def read(path: Path) -> dict[str, Any]:
    """Read the tables of a TOML file. Raises UsageError if it is missing, malformed, larger than
    MOST_BYTES, or nested deeper than DEEPEST tables."""
    deep = f"{path}: tables or lists are nested too deeply; at most {DEEPEST} levels"
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise UsageError(f"{path}: larger than {MOST_BYTES >> 20} MiB; is this a TOML file?")
        text = content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
        if _DEEP_KEY.search(text):
            raise UsageError(deep)
        return tomllib.loads(text)
    except RecursionError:
        raise UsageError(deep) from None
    except FileNotFoundError:
        raise UsageError(f"{path}: there is no such file") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:  # not TOML, or not UTF-8
        raise UsageError(f"{path}: not valid TOML: {error}") from None


def validate(form: type[M], table: dict[str, Any], where: str) -> M:
    """Make an instance of `form`. Raises UsageError with a line for each fault, naming the key."""
    try:
        text = json.dumps(table, allow_nan=False)
    except RecursionError:
        raise UsageError(f"{where}: tables or lists are nested too deeply") from None
    except (TypeError, ValueError) as error:
        refused = "dates, times, nan and inf are"
        if "digits" in str(error):
            refused = "integers of more than 4,300 digits are"
        raise UsageError(f"{where}: {refused} not allowed as values") from None
    try:
        return form.model_validate_json(text)
    except ValidationError as error:
        found = error.errors(include_url=False)
        faults = [f"{where}: {_fault(form, fault)}" for fault in found[:MOST_FAULTS]]
        if len(found) > MOST_FAULTS:
            faults.append(f"{where}: and {len(found) - MOST_FAULTS:,} more faults")
        raise UsageError("\n".join(faults)) from None


def text(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """Tables of JSON values as a TOML file; values that are None are left out."""
    parts = []
    for name, table in tables.items():
        stated = ((key, value) for key, value in table.items() if value is not None)
        lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in stated]
        parts.append("".join((f"[{name}]\n", *lines)))
    return "\n".join(parts)


def _fault(form: type[BaseModel], fault: ErrorDetails) -> str:
    key = ".".join(str(part) for part in fault["loc"] if not str(part).startswith("("))
    key = key if len(key) <= 200 else f"{key[:200]} ..."
    if fault["type"] == "extra_forbidden":
        allowed = _fields_at(form, fault["loc"][:-1])
        near = difflib.get_close_matches(str(fault["loc"][-1]), allowed, n=1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        return f"unknown key '{key}'; {hint}allowed: {', '.join(allowed)}"
    if fault["type"] == "missing":
        return f"key '{key}' is missing"
    message = fault["msg"].removeprefix("Value error, ")
    if isinstance(fault["input"], dict):  # a fault of a whole table, which would fill the line
        return f"{key}: {message}" if key else message
    given = json.dumps(fault["input"])
    return f"{key}: {message}, got {given if len(given) <= 200 else given[:200] + ' ...'}"


def _fields_at(form: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    inner: list[type[BaseModel]] = []
    for part in location:
        field = form.model_fields.get(str(part))
        if field is None:
            # a key of a dictionary, a position in a list, or the tag of one form of a union
            form = next((option for option in inner if part in _tags(option)), form)
            continue
        types = [field.annotation, *_arguments(field.annotation)]
        inner = [t for t in types if isinstance(t, type) and issubclass(t, BaseModel)]
        if not inner:
            return []
        form = inner[0]
    return sorted(form.model_fields)


def _tags(form: type[BaseModel]) -> list[Any]:
    """What may stand for the form in a union: a value of its Literal fields, or its name in
    brackets."""
    annotations = [field.annotation for field in form.model_fields.values()]
    literals = [annotation for annotation in annotations if get_origin(annotation) is Literal]
    words = [word for literal in literals for word in get_args(literal)]
    return [*words, f"({form.__name__})"]


def _arguments(annotation: Any) -> list[Any]:
    """Every type inside a generic one, at any depth."""
    inner = getattr(annotation, "__args__", ())
    return [*inner, *(deeper for one in inner for deeper in _arguments(one))]
