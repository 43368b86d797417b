"""Named components, registered where they are defined, in the project or in a user's plug-in."""

import difflib
import importlib
import importlib.util
import os
import pkgutil
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from benchmark.errors import BenchmarkError, UsageError, quoted
from benchmark.utils.paths import expanded, require_name

if TYPE_CHECKING:
    import polars as pl

    from benchmark.model import CTRModel  # it imports torch, which readers of data do without

VARIABLE = "BENCHMARK_PLUGINS"

T = TypeVar("T")
Source = Callable[[Mapping[str, Path]], "Mapping[str, pl.LazyFrame]"]
"""Makes the raw rows of a data set: from the paths of the card's files by key, to a frame for each
of `train`, `valid` and `test`, or one called `all`, which the card's split rule divides."""


MOST_NAMES = 40
"""Names that a message lists."""


def unknown(kind: str, name: str, candidates: Iterable[str]) -> UsageError:
    """The error for a misspelt name, with the nearest names or else some of all."""
    names = sorted(candidates)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if near:
        return UsageError(f"unknown {kind} {quoted(name)}; did you mean {' or '.join(near)}?")
    known, more = ", ".join(names[:MOST_NAMES]) or "none", len(names) - MOST_NAMES
    rest = f" and {more} more" if more > 0 else ""
    return UsageError(f"unknown {kind} {quoted(name)}; known: {known}{rest}")


class Registry(Generic[T]):
    """A mapping from names to components of one kind, which all have different names."""

    total = 0
    """Components of all kinds so far."""

    def __init__(self, kind: str, package: str, *, plugged: bool = False) -> None:
        """`package` holds the modules that register; `plugged` adds the files of plug_ins()."""
        self.kind = kind
        self._package = package
        self._plugged = plugged
        self._items: dict[str, T] = {}
        self._discovered = False

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator that files a component under `name`. Raises ValueError if the name is taken,
        UsageError if no file could have it.

        Example::

            @models.register("mymodel")
            class MyModel(nn.Module):
                def __init__(self, schema: Schema, *, embedding_dim: int = 8) -> None: ...
        """

        def add(item: T) -> T:
            require_name(name, f"{self.kind} '{name}'")
            if name in self._items:
                raise ValueError(f"{self.kind} '{name}' is registered twice; choose another name")
            self._items[name] = item
            Registry.total += 1
            return item

        return add

    def get(self, name: str) -> T:
        """The component called `name`. Raises UsageError with the nearest names."""
        self.discover()
        if name not in self._items:
            raise UsageError(f"{unknown(self.kind, name, self._items)}{self._plug_in_hint()}")
        return self._items[name]

    def _plug_in_hint(self) -> str:
        """Where else the component may be, if it can be in a plug-in."""
        if not self._plugged:
            return ""
        if folders := os.environ.get(VARIABLE):
            return f" ({VARIABLE}={folders} does not register it)"
        return f" (if a plug-in registers it, set {VARIABLE} to its folder)"

    def names(self) -> list[str]:
        self.discover()
        return sorted(self._items)

    def discover(self) -> None:
        """Import every module of the package once, and plug-ins. Raises BenchmarkError naming a
        file that cannot be imported, or is a plug-in and registers nothing."""
        if self._discovered:
            return
        package = importlib.import_module(self._package)
        for module in sorted(info.name for info in pkgutil.iter_modules(package.__path__)):
            try:
                importlib.import_module(f"{self._package}.{module}")
            except Exception as error:
                file = f"{self._package}/{module}.py"
                raise _cannot_be_imported(f"{self.kind} file {file}", error) from error
        for path in plug_ins() if self._plugged else []:
            _import_plug_in(path)
        self._discovered = True


models: "Registry[type[CTRModel]]" = Registry("model", "baselines", plugged=True)
sources: Registry[Source] = Registry("source", "benchmark.data.sources", plugged=True)


def summaries() -> list[tuple[str, str]]:
    """Every model's name and the first line of its docstring."""
    texts = {name: (models.get(name).__doc__ or "").strip() for name in models.names()}
    return [(name, text.partition("\n")[0]) for name, text in texts.items()]


def plug_in_folders() -> list[Path]:
    """The folders that BENCHMARK_PLUGINS names; their `recipes` are found too."""
    named = filter(None, os.environ.get(VARIABLE, "").split(os.pathsep))
    return [expanded(folder).resolve() for folder in named]


def plug_ins() -> list[Path]:
    """The plug-in files, folder by folder; names that start with _ are left out.

    Raises UsageError for a folder that is missing or empty, and for two files of one name."""
    files: dict[str, Path] = {}
    for path in plug_in_folders():
        if not path.is_dir():
            raise UsageError(f"{VARIABLE}: there is no folder {path}")
        here = sorted(file for file in path.glob("*.py") if not file.name.startswith("_"))
        if not here:
            raise UsageError(f"{VARIABLE}: the folder {path} holds no .py file")
        for file in here:
            if (other := files.setdefault(file.stem, file)) != file:
                raise UsageError(f"{VARIABLE}: {other} and {file} have the same name; rename one")
    return list(files.values())


def _import_plug_in(file: Path) -> None:
    name = f"benchmark_plugins.{file.stem}"
    if name in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name], before = module, Registry.total
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise _cannot_be_imported(f"plug-in {file}", error) from error
    if Registry.total == before:
        del sys.modules[name]
        hint = 'put @models.register("NAME") or @sources.register("NAME") there'
        raise BenchmarkError(f"plug-in {file} registers no model and no source; {hint}")


def _cannot_be_imported(file: str, error: Exception) -> BenchmarkError:
    """Names the file and the cause on one line, and the line of a syntax error."""
    line, reason = "", str(error)
    if isinstance(error, SyntaxError):
        line, reason = f", line {error.lineno}", error.msg
    reason = " ".join(reason.split())
    return BenchmarkError(f"{file}{line} cannot be imported: {type(error).__name__}: {reason}")
