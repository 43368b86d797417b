"""Processes that share a study. A process imports this module before it knows its work, so it
imports little."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmark.errors import BenchmarkError
from benchmark.utils.interrupts import Interrupts

TICK = 0.2
"""Seconds between checks for a signal."""
Leave = Callable[[], bool]


def run_processes(work: Callable[[Leave], None], workers: int) -> None:
    """Call `work` in so many processes of this machine; it returns once the `leave` that it is
    given is true.

    Raises Interrupted at a signal, after all have left, and BenchmarkError if a process fails."""
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    processes = [context.Process(target=_process, args=(work, stop)) for _ in range(workers)]
    with Interrupts() as interrupts:
        try:
            # children inherit the mask, so that Ctrl-C is for this process alone to handle
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                for process in processes:
                    process.start()
            finally:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
            interrupts.deferring = True
            while any(process.is_alive() for process in processes):
                if interrupts.caught is not None:
                    stop.set()
                time.sleep(TICK)
            interrupts.deliver()
        finally:
            for process in processes:
                if process.is_alive():
                    process.kill()
    codes = [str(process.exitcode) for process in processes if process.exitcode]
    if codes:
        raise BenchmarkError(
            f"{len(codes)} of {workers} processes ended early (exit codes {', '.join(codes)}); the"
            " trials that ended are kept, and the same command goes on from there"
        )


def _process(work: Callable[[Leave], None], stop: Any) -> None:
    parent = os.getppid()
    try:
        work(lambda: bool(stop.is_set() or os.getppid() != parent))
    except KeyboardInterrupt:
        sys.exit(0)
    except BenchmarkError as error:
        sys.exit(f"error: {error}")
