"""Paths of the project's own files, which is always installed as a checkout, and names that become
those of files."""

import os
import re
from pathlib import Path

from benchmark.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
RECIPES = ROOT / "recipes"
RESULTS = ROOT / "results"

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"
LONGEST_NAME = 100
"""Characters; file systems take 255 bytes, with all that is put around a name."""


def shown(path: Path) -> str:
    """`path` for messages and records: relative to the project if it lies inside."""
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)


def expanded(path: str | Path) -> Path:
    """The path with `~` and `~user` as home folders. Raises UsageError for a user without one."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise UsageError(f"{path}: that user has no home folder; write the whole path") from None


def require_name(name: str, where: str) -> None:
    """Raise UsageError, led by `where`, for a name that cannot become a file's."""
    if len(name) > LONGEST_NAME or not re.fullmatch(NAME, name):
        signs = f"at most {LONGEST_NAME} letters, digits, _, - and ., a letter or digit first"
        raise UsageError(f"{where}: a name has {signs}")


def provide_home() -> None:
    """Let libraries keep their files in BENCHMARK_CACHE where the user has no home folder, as in a
    container whose user id has no name."""
    cache = os.environ.get("BENCHMARK_CACHE")
    try:
        Path.home()
    except RuntimeError:
        if cache:
            os.environ["HOME"] = cache
