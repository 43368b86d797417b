"""Models of one's own that lie outside the project: the .py files of the folders that BENCHMARK_PLUGINS names."""

import importlib.util
import os
import sys
from pathlib import Path

from benchmark.errors import BenchmarkError, UsageError

VARIABLE = "BENCHMARK_PLUGINS"


def files() -> list[Path]:
    """The plug-in files, folder by folder; names that start with _ are left out.

    Raises UsageError where a folder is missing or holds none, or two files share a name."""
    found: dict[str, Path] = {}
    for folder in filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)):
        path = Path(folder).expanduser().resolve()
        if not path.is_dir():
            raise UsageError(f"{VARIABLE}: there is no folder {path}")
        here = sorted(file for file in path.glob("*.py") if not file.name.startswith("_"))
        if not here:
            raise UsageError(f"{VARIABLE}: the folder {path} holds no .py file")
        for file in here:
            if (other := found.setdefault(file.stem, file)) != file:
                raise UsageError(f"{VARIABLE}: {other} and {file} have the same name; rename one")
    return list(found.values())


def load(file: Path) -> None:
    """Imports a plug-in file, once. Raises BenchmarkError naming the file, and the line where it is not Python."""
    name = f"benchmark_plugins.{file.stem}"
    if name in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        at = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        why = error.msg if isinstance(error, SyntaxError) else error
        raise BenchmarkError(
            f"plug-in {file}{at} cannot be imported: {type(error).__name__}: {' '.join(str(why).split())}"
        ) from error
