"""Named components. A model registers itself where it is defined; unknown names answer with the
nearest."""

import difflib
import importlib
import importlib.util
import os
import pkgutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Generic, TypeVar

from benchmark import registry
from benchmark.errors import BenchmarkError, UsageError

T = TypeVar("T")


def unknown(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """The error for a misspelt name: the nearest names first, else all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(names) or 'none'}"
    return UsageError(f"unknown {kind} '{name}'; {hint}")


class Registry(Generic[T]):
    """A mapping from names to components of one kind that raises on duplicates."""

    def __init__(self, kind: str, package: str, *, plugged: bool = False) -> None:
        """`plugged`: files outside the project add to it too, see plugins.py."""
        self.kind = kind
        self._plugged = plugged
        self._package = package
        self._items: dict[str, T] = {}
        self._discovered = False

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator that files a component under `name`. Raises ValueError if the name is taken."""

        def add(item: T) -> T:
            if name in self._items:
                raise ValueError(f"{self.kind} '{name}' is registered twice; choose another name")
            self._items[name] = item
            return item

        return add

    def get(self, name: str) -> T:
        """The component called `name`. Raises UsageError with the nearest names."""
        self.discover()
        if name not in self._items:
            raise unknown(self.kind, name, self._items)
        return self._items[name]

    def names(self) -> list[str]:
        self.discover()
        return sorted(self._items)

    def discover(self) -> None:
        """Imports every module of the package once, and plug-ins. Raises BenchmarkError naming a
        file that cannot be imported, or is a plug-in and registers nothing."""
        if self._discovered:
            return
        package = importlib.import_module(self._package)
        for module in sorted(info.name for info in pkgutil.iter_modules(package.__path__)):
            try:
                importlib.import_module(f"{self._package}.{module}")
            except Exception as error:
                raise BenchmarkError(
                    f"{self.kind} file {self._package}/{module}.py cannot be imported:"
                    f" {type(error).__name__}: {error}"
                ) from error
        for file in registry.files() if self._plugged else []:
            before = len(self._items)
            registry.load(file)
            if len(self._items) == before:
                raise BenchmarkError(
                    f'plug-in {file} registers no {self.kind}; put @{self.kind}s.register("NAME")'
                    " there"
                )
        self._discovered = True


models: Registry[type[Any]] = Registry("model", "baselines", plugged=True)


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
    """Imports a plug-in file, once. Raises BenchmarkError naming the file, and the line where it is
    not Python."""
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
            f"plug-in {file}{at} cannot be imported: {type(error).__name__}:"
            f" {' '.join(str(why).split())}"
        ) from error
