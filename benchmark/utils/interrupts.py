"""Ctrl-C and SIGTERM, deferred to a point at which a run can stop."""

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

Handler = Callable[[int, FrameType | None], Any] | int | signal.Handlers | None
SIGNALS = (signal.SIGINT, signal.SIGTERM)
NOTICE = b"\ninterrupted: finishing what is running; interrupt again to stop at once\n"


class Interrupted(KeyboardInterrupt):
    """A run was interrupted by `signum`; the same command resumes at `step`, None without a
    checkpoint."""

    def __init__(self, signum: int, step: int | None = None) -> None:
        super().__init__(signum)
        self.signum, self.step = signum, step


class Interrupts:
    """Handle signals inside a `with` block of the main thread: a first one while `deferring` is
    kept in `caught`, any other raises Interrupted, unless no one may `insist`, as torchrun does.
    Ignored signals stay ignored."""

    def __init__(self, *, insist: bool = True) -> None:
        self.deferring, self._insist = False, insist
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
        """Raise Interrupted if a signal was deferred."""
        if self.caught is not None:
            raise Interrupted(self.caught)

    def _handle(self, signum: int, _: FrameType | None) -> None:
        repeated = self.caught is not None
        if not self.deferring or (repeated and self._insist):
            raise Interrupted(signum)
        self.caught = signum
        if not repeated and self._insist:
            os.write(2, NOTICE)
