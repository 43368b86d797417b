"""JSON files that this project wrote, each read through one strict form.

Whatever is wrong with one is a line of at most LONGEST_FAULT characters after the file's name: the
key, the fault, and what to do."""

import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from pydantic import TypeAdapter, ValidationError

from benchmark.errors import BenchmarkError
from benchmark.utils.paths import shown

MOST_BYTES = 64 * 2**20
"""Of a file; the longest tuning study so far has 12 KB."""
LONGEST_FAULT = 400
MOST_DIGITS = 20
"""Of a whole number."""

T = TypeVar("T")


class Malformed(ValueError):
    """What is wrong with a file, in one line that does not name it."""


def read(form: type[T], path: Path, remedy: str) -> T:
    """Read a JSON file as a `form`, any type that pydantic knows. Raises BenchmarkError: one line
    that names the file, the first key that is wrong, and the `remedy`.

    Example::

        read(dict[str, str], Path("md5.json"), "delete it, it is made again")
        # BenchmarkError: md5.json: train: Input should be a valid string; delete it, it is ...
    """
    try:
        return parse(form, path)
    except Malformed as fault:
        raise BenchmarkError(f"{shown(path)}: {fault}; {remedy}") from None


def parse(form: type[T], path: Path) -> T:
    """Read a JSON file as a `form`. Raises Malformed."""
    try:
        text = content(path)
        _require_strict(text)
    except OSError as error:
        raise Malformed(f"cannot be read: {error.strerror or error}") from None
    except RecursionError:
        raise Malformed("no valid JSON: it is nested too deep") from None
    except ValueError as error:
        raise Malformed(shortened(f"no valid JSON: {error}")) from None
    return checked(form, text)


def checked(form: type[T], text: str | bytes) -> T:
    """The JSON `text` as a `form`. Raises Malformed."""
    try:
        return TypeAdapter(form).validate_json(text, strict=True)
    except ValidationError as error:
        fault, *others = error.errors(include_url=False)
    key = ".".join(map(str, fault["loc"]))[:LONGEST_FAULT]
    more = f" (and {len(others)} more)" if others else ""
    raise Malformed(shortened(": ".join(filter(None, (key, fault["msg"]))) + more))


def content(path: Path, most: int = MOST_BYTES) -> bytes:
    """The bytes of a regular file of bounded size. Raises OSError, ValueError for any other."""
    size = path.stat().st_size
    if not path.is_file():
        raise ValueError("it is no regular file")
    if size > most:
        raise ValueError(f"it has {size:,} bytes, the limit is {most:,}")
    return path.read_bytes()


def shortened(text: str, most: int = LONGEST_FAULT) -> str:
    """`text` in one line, without its middle if it is longer than `most` characters."""
    line = " ".join(text[: 10 * most].split())
    return line if len(line) <= most else f"{line[: most - 100]} ... {line[-90:]}"


def _require_strict(text: bytes) -> None:
    """Raise ValueError for a key that occurs twice, a number without a value and a long one, which
    pydantic takes; RecursionError for deep nesting."""
    json.loads(
        text,
        object_pairs_hook=_without_twins,
        parse_constant=_refuse,
        parse_float=_finite,
        parse_int=_short,
    )


def _without_twins(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        [(twin, _)] = counts.most_common(1)
        raise ValueError(f"key '{twin[:100]}' occurs twice")
    return table


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _finite(digits: str) -> float:
    if not math.isfinite(value := float(digits)):
        raise ValueError(f"{digits[:MOST_DIGITS]} is too large a number")
    return value


def _short(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"a whole number has {len(digits):,} digits, the limit is {MOST_DIGITS}")
    return int(digits)
