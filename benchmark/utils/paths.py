"""Where the project's files and the user's own are, and names that become those of files."""

import os
import re
from pathlib import Path

from benchmark.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
"""The folder of the packages: a checkout, or where they are installed."""
CHECKOUT = ROOT if (ROOT / "pyproject.toml").is_file() else None
SHIPPED = CHECKOUT or ROOT / "benchmark" / "shipped"
"""The folder of what comes with the project: its recipes, claims and published numbers."""
VARIABLE = "BENCHMARK_HOME"


def _workspace() -> Path:
    """BENCHMARK_HOME, else the checkout for commands given inside it, else the current folder."""
    try:
        here = Path.cwd()
    except OSError:  # the folder was removed; whatever is written there will say so
        here = Path()
    if home := os.environ.get(VARIABLE):
        return here / os.path.expanduser(home)  # noqa: PTH111 - keeps what it cannot expand
    return CHECKOUT if CHECKOUT and here.is_relative_to(CHECKOUT) else here


WORKSPACE = _workspace()
"""The folder of one's own recipes and results, settled when the process starts."""
RESULTS = WORKSPACE / "results"

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"
LONGEST_NAME = 100
"""Characters; file systems take 255 bytes, with all that is put around a name."""


def shown(path: Path) -> str:
    """`path` for messages: relative to the current folder if it lies inside."""
    try:
        whole, here = path.absolute(), Path.cwd()
    except OSError:
        return str(path)
    return whole.relative_to(here).as_posix() if whole.is_relative_to(here) else str(path)


def shipped_beside(results: Path, name: str) -> Path:
    """The file `name` of a folder of results, or the project's own if that has none."""
    own = results / name
    return own if own.exists() else SHIPPED / "results" / name


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
