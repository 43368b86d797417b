"""Errors and locks of the cache folder, which holds encoded stores and downloads."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmark.errors import BenchmarkError
from benchmark.utils.files import locked


@contextmanager
def cache_errors(action: str) -> Iterator[None]:
    """Raise OSErrors as BenchmarkErrors that say which `action` failed and how to make room."""
    try:
        yield
    except OSError as error:
        raise BenchmarkError(
            f"{action}: {error.strerror or error}; make room or access there, or name another"
            " folder with BENCHMARK_CACHE"
        ) from error


@contextmanager
def cache_lock(
    path: Path, action: str, on_wait: Callable[[], object] = lambda: None
) -> Iterator[None]:
    """Hold a lock file; `on_wait` is called first if another process holds it."""
    with ExitStack() as stack:
        with cache_errors(action):
            stack.enter_context(locked(path, on_wait))
        yield
