"""Ctrl-C and SIGTERM, put off to a moment at which a run can be left."""

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

Handler = Callable[[int, FrameType | None], Any] | int | signal.Handlers | None
SIGNALS = (signal.SIGINT, signal.SIGTERM)
HEARD = b"\ninterrupted: what is under way is finished first; once more ends at once\n"


class Interrupted(KeyboardInterrupt):
    """The run was interrupted by `signum`; `step` is where the same command goes on, None where
    nothing was kept."""

    def __init__(self, signum: int, step: int | None = None) -> None:
        super().__init__(signum)
        self.signum, self.step = signum, step


class Interrupts:
    """While it is open, a first signal that comes when `deferring` is kept in `caught`; any other
    raises Interrupted.

    Signals are handled in the main thread alone, and ignored ones stay so; elsewhere this does
    nothing."""

    def __init__(self) -> None:
        self.deferring = False
        self.caught: int | None = None
        self._before: dict[signal.Signals, Handler] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for signum in SIGNALS:
                if signal.getsignal(signum) not in (signal.SIG_IGN, None):
                    self._before[signum] = signal.signal(signum, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for signum, handler in self._before.items():
            signal.signal(signum, handler)

    def deliver(self) -> None:
        """Raises Interrupted where a signal was put off."""
        if self.caught is not None:
            raise Interrupted(self.caught)

    def _handle(self, signum: int, _: FrameType | None) -> None:
        if not self.deferring or self.caught is not None:
            raise Interrupted(signum)
        self.caught = signum
        os.write(2, HEARD)
