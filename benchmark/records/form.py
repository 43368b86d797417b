"""Records and tuning studies as JSON files of a strict form."""

import json
import re
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from benchmark.errors import BenchmarkError
from benchmark.utils.files import write_text
from benchmark.utils.paths import shown
from benchmark.utils.types import Frozen

NUMBERS = re.compile(r"\[[-+.\deE,\s]+\]")
"""A list of numbers, which stays on one line."""

F = TypeVar("F", bound=Frozen)


def save(content: Frozen, path: Path) -> None:
    """Write it as JSON, numbers as measured. Raises BenchmarkError naming the path."""
    text = json.dumps(content.model_dump(mode="json"), indent=1)
    write_text(path, NUMBERS.sub(lambda numbers: " ".join(numbers[0].split()), text) + "\n")


def load(form: type[F], path: Path) -> F:
    """Read a file of this form. Raises BenchmarkError naming the file and, a line each, what is
    wrong with its form."""
    try:
        return form.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BenchmarkError(f"{shown(path)}: cannot be read: {error.strerror}") from None
    except ValidationError as error:
        lines = []
        for fault in error.errors():
            key = ".".join(map(str, fault["loc"]))
            lines.append(": ".join(filter(None, (shown(path), key, fault["msg"]))))
        raise BenchmarkError("\n".join(lines)) from None
