"""Measuring in this process, for tests that do not ask in which process something was measured."""

import pickle
from collections.abc import Callable
from typing import Any


def here(work: Callable[..., Any], *arguments: Any) -> Any:
    """`benchmark.utils.memory.apart`, without its process: what it sends there must be sendable."""
    work, arguments = pickle.loads(pickle.dumps((work, arguments)))
    return work(*arguments)
