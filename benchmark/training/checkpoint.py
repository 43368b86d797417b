"""The checkpoints of one run on disk: the last two, each a sealed folder that is whole or not
there.

<folder>/000017/{seal.json, state.safetensors, best.safetensors}   <folder>.lock
"""

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from torch import Tensor

from benchmark.errors import BenchmarkError
from benchmark.utils import sealed
from benchmark.utils.types import Notify

KEPT = 2
LARGEST_SHARE = 0.02
"""Of a run's time, for the checkpoints at evaluations."""
FIRST_SECONDS = 0.1
"""What a checkpoint is taken to cost before the first one is written."""


@dataclass(frozen=True)
class Cadence:
    """When a checkpoint is due: at an evaluation, and `minutes` after the last one.

    A checkpoint at an evaluation is left out where the last one was so short a time ago that they
    would take more than 2 % of it: a run of seconds writes none, and a table of gigabytes is not
    written after each of many evaluations. With `steps` it is due at every evaluation and every so
    many steps, whatever that costs."""

    minutes: float = 5.0
    steps: int | None = None

    def due(self, step: int, *, evaluated: bool, seconds: float, cost: float) -> bool:
        """`seconds` since the last checkpoint or the start, of which the last one took `cost`."""
        if self.steps is not None:
            return evaluated or step % self.steps == 0
        return seconds >= 60 * self.minutes or (evaluated and cost <= LARGEST_SHARE * seconds)


@dataclass(frozen=True)
class Checkpoint:
    """All that a run needs to go on. `facts` are JSON values; tensors are not copied and live on.

    `best` are the best weights so far, those of step `best_step`; none before the first evaluation.
    """

    step: int
    facts: Any
    state: dict[str, Tensor]
    best: dict[str, Tensor]
    best_step: int | None


class Checkpoints:
    """The folder of one run's checkpoints. `made_by` is what they must agree with to be used, e.g.
    versions; another `source` digest is told alone.

    `step` is that of the last one written or used, and `cost` the seconds that writing it took."""

    def __init__(
        self, folder: Path, made_by: Mapping[str, str], source: str, notify: Notify
    ) -> None:
        self.folder, self._made_by, self._source, self._notify = (
            folder,
            dict(made_by),
            source,
            notify,
        )
        self._kept: list[Path] = []
        self._best: tuple[int, Path] | None = None
        self._written = time.perf_counter()
        self.step: int | None = None
        self.cost = FIRST_SECONDS

    @property
    def age(self) -> float:
        """Seconds since the last one was written, else since the start."""
        return time.perf_counter() - self._written

    @contextmanager
    def locked(self) -> Iterator[bool]:
        """True while no other process can run the same; False, with a warning, where the folder
        cannot be written.

        Raises BenchmarkError where another process does."""
        lock = FileLock(self.folder.with_name(self.folder.name + ".lock"))
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
        except Timeout:
            raise BenchmarkError(
                f"another process is at this very run (lock {lock.lock_file}); wait for it, or end"
                " it and start again"
            ) from None
        except OSError as error:
            self._notify(f"warning: no checkpoints: {self.folder}: {error.strerror or error}")
            yield False
            return
        try:
            yield True
        finally:
            if not self._found():
                shutil.rmtree(self.folder, ignore_errors=True)
                Path(lock.lock_file).unlink(
                    missing_ok=True
                )  # held still: one who waits for it looks again
            lock.release()

    def latest(self) -> Checkpoint | None:
        """The last one that is whole and fits `made_by`; says which were refused, and why."""
        found = self._found()
        for path in reversed(found):
            try:
                content = sealed.read(path)
                facts = content.facts
                if why := self._difference(facts["made_by"]):
                    self._notify(f"the checkpoint of step {facts['step']} is refused: {why}")
                    continue
            except sealed.Damaged as damage:
                self._notify(f"checkpoint {path} is damaged and refused: {damage}")
                continue
            if facts["source"] != self._source:
                self._notify(
                    f"the source has changed since the checkpoint of step {facts['step']}, which is"
                    " used still"
                )
            self._kept, self.step = [path], facts["step"]
            if facts["best_step"] is not None:
                self._best = facts["best_step"], path
            return Checkpoint(
                facts["step"],
                facts["run"],
                content.parts["state"],
                content.parts.get("best", {}),
                facts["best_step"],
            )
        if found:
            self._notify("no usable checkpoint: the run starts afresh")
        return None

    def write(self, checkpoint: Checkpoint) -> bool:
        """Adds one and removes all but the last two; False, with a warning, where the disk does not
        take it."""
        began = time.perf_counter()
        last = self._found()
        path = self.folder / f"{int(last[-1].name) + 1 if last else 1:06d}"
        facts = {
            "made_by": self._made_by,
            "source": self._source,
            "step": checkpoint.step,
            "best_step": checkpoint.best_step,
            "run": checkpoint.facts,
        }
        parts: dict[str, sealed.Tensors] = {"state": checkpoint.state}
        same: dict[str, Path] = {}
        if self._best is not None and self._best[0] == checkpoint.best_step:
            same["best"] = self._best[1]
        elif checkpoint.best_step is not None:
            parts["best"] = checkpoint.best
        try:
            sealed.write(path, facts, parts, same)
        except OSError as error:
            self._notify(
                f"warning: no checkpoint at step {checkpoint.step}: {self.folder}:"
                f" {error.strerror or error}; the run goes on"
            )
            return False
        finally:
            self._written = time.perf_counter()
            self.cost = self._written - began
        if checkpoint.best_step is not None:
            self._best = checkpoint.best_step, path
        self.step = checkpoint.step
        self._kept = [*self._kept, path][-KEPT:]
        for other in self._found():
            if other not in self._kept:
                shutil.rmtree(other, ignore_errors=True)
        return True

    def clear(self) -> None:
        """Removes every checkpoint, and what a killed process left of one."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._kept, self._best = [], None

    def _found(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return sorted(path for path in self.folder.iterdir() if path.name.isdecimal())

    def _difference(self, made_by: Mapping[str, str]) -> str | None:
        for name, value in self._made_by.items():
            if made_by.get(name) != value:
                return f"it was made with {name} {made_by.get(name)}, and this is {value}"
        return None
