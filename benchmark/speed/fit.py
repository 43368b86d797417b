"""Whole fits as whole processes, in turn with another command."""

import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmark.errors import BenchmarkError, UsageError
from benchmark.utils.threads import MOST_SPINS, SPINS
from benchmark.utils.types import Notify

SEED = 2**31 - 1
"""One that nobody's runs have: their checkpoints are neither continued nor removed."""


def run_words(options: Sequence[str]) -> tuple[str, ...]:
    """The words of a run with these options of `run`, which shows, tracks and continues nothing."""
    python = (sys.executable, "-m", "benchmark")
    quiet = ("--again", "--fresh", "--no-track", "--quiet")
    return (*python, "run", *options, "--seeds", str(SEED), *quiet)


def other_words(command: str, recipe: str, dataset: str) -> tuple[str, ...]:
    """The words of a command as a shell splits them, with names for {recipe} and {data}. Raises
    UsageError for one without words, or with a quote that does not end."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"--against {command}: {error}") from None
    if not words:
        raise UsageError("--against: write the other command")
    names = {"{recipe}": recipe, "{data}": dataset}
    for mark, name in names.items():
        words = [word.replace(mark, name) for word in words]
    return tuple(words)


def measure(
    ours: Sequence[str], other: Sequence[str], repeats: int, notify: Notify
) -> dict[str, float]:
    """Median seconds of our command and, if there are words of another one, of that one in turn,
    and its seconds over ours pair by pair: median, least and largest. Each process is told. Raises
    BenchmarkError for a command that is not found or fails."""
    own, others = [], []
    for repeat in range(1, repeats + 1):
        if other:
            with tempfile.TemporaryDirectory(prefix="benchmark-speed-") as folder:
                others.append(_seconds(other, Path(folder)))
            notify(f"{repeat} of {repeats}: the other {others[-1]:.2f} s")
        with tempfile.TemporaryDirectory(prefix="benchmark-speed-") as results:
            own.append(_seconds((*ours, "--results", results), None))
        ratio = f", ratio {others[-1] / own[-1]:.3g}" if other else ""
        notify(f"{repeat} of {repeats}: ours {own[-1]:.2f} s{ratio}")
    values = {"seconds": median(own)}
    if others:
        ratios = [b / a for a, b in zip(own, others, strict=True)]
        values |= {
            "against_seconds": median(others),
            "against_over_ours": median(ratios),
            "least_ratio": min(ratios),
            "largest_ratio": max(ratios),
        }
    return values


def _seconds(words: Sequence[str], folder: Path | None) -> float:
    """Seconds of another command in a folder of its own, or of ours in the current one."""
    command = shlex.join(words)
    # what this program sets for its own threads is none of the other's settings
    env = {name: text for name, text in os.environ.items() if (name, text) != (SPINS, MOST_SPINS)}
    began = time.perf_counter()
    try:
        done = subprocess.run(
            words,
            cwd=folder,
            env=env if folder else None,
            capture_output=True,
            stdin=subprocess.DEVNULL,
        )
    except OSError as error:
        hint = "it is started in an empty folder, so write whole paths"
        raise BenchmarkError(f"{command}: {error.strerror}; {hint}") from None
    seconds = time.perf_counter() - began
    if done.returncode:
        lines = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
        said = f": {lines[-1]}" if lines else ""
        raise BenchmarkError(f"{command}: ended with code {done.returncode}{said}")
    return seconds
