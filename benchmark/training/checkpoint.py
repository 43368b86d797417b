"""The checkpoints of one run on disk: the last two, each a sealed folder that is whole or absent.

<folder>/000017/{seal.json, state.safetensors, best-1200.safetensors, ...}   <folder>.lock
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
from benchmark.utils.types import Frozen, Notify

MAX_SHARE = 0.02
"""Share of a run's time that checkpoints at evaluations may take."""


@dataclass(frozen=True)
class Cadence:
    """When a checkpoint is due: `minutes` after the last one, and at an evaluation unless it would
    take more than 2 % of the time since the last one. With `steps` it is due at every evaluation
    and every so many steps, whatever it costs."""

    minutes: float = 5.0
    steps: int | None = None

    def due(self, step: int, *, evaluated: bool, seconds: float, cost: float) -> bool:
        """`seconds` since the last checkpoint or the start; writing the last one took `cost`."""
        if self.steps is not None:
            return evaluated or step % self.steps == 0
        return seconds >= 60 * self.minutes or (evaluated and cost <= MAX_SHARE * seconds)


@dataclass(frozen=True)
class Checkpoint:
    """All that a run needs to continue. `facts` are JSON values; tensors are not copied; `best` are
    the weights kept so far, by step."""

    step: int
    facts: Any
    state: dict[str, Tensor]
    best: dict[int, dict[str, Tensor]]


class _Facts(Frozen):
    made_by: dict[str, str]
    source: str
    step: int
    best_steps: tuple[int, ...]
    run: Any

    def parts(self) -> list[str]:
        return ["state", *map(_part, self.best_steps)]


class Checkpoints:
    """The folder of one run's checkpoints; `step` is that of the last one written or used. Only
    those of the same `made_by`, e.g. versions, are used; another `source` digest is a notice."""

    def __init__(
        self, folder: Path, made_by: Mapping[str, str], source: str, notify: Notify
    ) -> None:
        self.folder, self._notify = folder, notify
        self._made_by, self._source = dict(made_by), source
        self._kept: list[Path] = []
        self._best: dict[int, Path] = {}
        self._written = time.perf_counter()
        self.step: int | None = None
        self._cost = 0.1  # seconds of the last one; assumed for the first

    def due(self, cadence: Cadence, step: int, *, evaluated: bool) -> bool:
        seconds = time.perf_counter() - self._written
        return cadence.due(step, evaluated=evaluated, seconds=seconds, cost=self._cost)

    @contextmanager
    def locked(self) -> Iterator[bool]:
        """Keep other processes from the same run; False, with a warning, if the folder is not
        writable. Raises BenchmarkError if another process holds the lock."""
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
            if not self._folders():
                shutil.rmtree(self.folder, ignore_errors=True)
                # before the release: a process that waits for the lock looks for the file again
                Path(lock.lock_file).unlink(missing_ok=True)
            lock.release()

    def latest(self) -> Checkpoint | None:
        """The last whole one that fits `made_by`; notifies of refused ones and why."""
        folders = self._folders()
        for path in reversed(folders):
            try:
                content = sealed.read(path, _Facts, _Facts.parts)
            except sealed.Damaged as damage:
                self._notify(f"checkpoint {path} is damaged and refused: {damage}")
                continue
            facts, step = content.facts, content.facts.step
            theirs, ours = facts.made_by, self._made_by
            name = next((name for name in ours if theirs.get(name) != ours[name]), None)
            if name is not None:
                self._notify(
                    f"the checkpoint of step {step} is refused: it was made with {name}"
                    f" {theirs.get(name)}, and this is {ours[name]}"
                )
                continue
            if facts.source != self._source:
                self._notify(
                    f"the source has changed since the checkpoint of step {step}, which is used"
                    " still"
                )
            self._kept, self.step = [path], step
            best = {kept: content.parts[_part(kept)] for kept in facts.best_steps}
            self._best = dict.fromkeys(best, path)
            return Checkpoint(step, facts.run, content.parts["state"], best)
        if folders:
            self._notify("no usable checkpoint: the run starts afresh")
        return None

    def write(self, checkpoint: Checkpoint) -> bool:
        """Add one and remove all but the last two; False, with a warning, if writing fails."""
        began = time.perf_counter()
        folders = self._folders()
        path = self.folder / f"{int(folders[-1].name) + 1 if folders else 1:06d}"
        facts = _Facts(
            made_by=self._made_by,
            source=self._source,
            step=checkpoint.step,
            best_steps=tuple(sorted(checkpoint.best)),
            run=checkpoint.facts,
        )
        parts: dict[str, sealed.Tensors] = {"state": checkpoint.state}
        same: dict[str, Path] = {}
        for kept, weights in checkpoint.best.items():
            if kept in self._best:
                same[_part(kept)] = self._best[kept]
            else:
                parts[_part(kept)] = weights
        try:
            sealed.write(path, facts.model_dump(mode="json"), parts, same)
        except OSError as error:
            self._notify(
                f"warning: no checkpoint at step {checkpoint.step}: {self.folder}:"
                f" {error.strerror or error}; the run goes on"
            )
            return False
        finally:
            self._written = time.perf_counter()
            self._cost = self._written - began
        self._best = dict.fromkeys(checkpoint.best, path)
        self.step = checkpoint.step
        self._kept = [*self._kept, path][-2:]
        for other in self._folders():
            if other not in self._kept:
                shutil.rmtree(other, ignore_errors=True)
        return True

    def clear(self) -> None:
        """Remove every checkpoint, and what a killed process left of one."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._kept, self._best = [], {}

    def _folders(self) -> list[Path]:
        """The checkpoints, oldest first."""
        if not self.folder.is_dir():
            return []
        return sorted(path for path in self.folder.iterdir() if path.name.isdecimal())


def _part(step: int) -> str:
    """The part of a checkpoint that holds the best weights of a step."""
    return f"best-{step}"
