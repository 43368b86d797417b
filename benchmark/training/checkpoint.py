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

from benchmark.distributed.world import ALONE, World
from benchmark.errors import BenchmarkError
from benchmark.training.blocks import blocks, joined
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
    the weights kept so far, by step. `tables` are the parameters that several processes have shared
    out: what is written are a process's blocks of them, what is read are whole ones."""

    step: int
    facts: Any
    state: dict[str, Tensor]
    best: dict[int, dict[str, Tensor]]
    tables: frozenset[str] = frozenset()


class _Facts(Frozen):
    made_by: dict[str, str]
    source: str
    step: int
    best_steps: tuple[int, ...]
    processes: int = 1
    run: Any

    def parts(self) -> list[str]:
        return ["state", *map(_part, self.best_steps)]


class Checkpoints:
    """The folder of one run's checkpoints; `step` is that of the last one written or used. Only
    those of the same `made_by`, e.g. versions, are used; another `source` digest is a notice.

    Several processes write a sealed folder each, the first one last, and read all of them: another
    number of processes goes on from them too."""

    def __init__(
        self,
        folder: Path,
        made_by: Mapping[str, str],
        source: str,
        notify: Notify,
        world: World = ALONE,
    ) -> None:
        self.folder, self._notify, self._world = folder, notify, world
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
        if not self._world.is_first:  # the first one has the lock
            yield True
            return
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
                content = _read(path)
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
            if facts.processes == self._world.size:
                self._best = dict.fromkeys(best, self._own(path))
            return Checkpoint(step, facts.run, content.parts["state"], best)
        if folders:
            self._notify("no usable checkpoint: the run starts afresh")
        return None

    def write(self, checkpoint: Checkpoint) -> bool:
        """Add one and remove all but the last two; False, with a warning, if writing fails."""
        began = time.perf_counter()
        path = self._world.from_first(self._next)
        written = self._write_together(checkpoint, path)
        self._written = time.perf_counter()
        self._cost = self._written - began
        if not written:
            return False
        self._best = dict.fromkeys(checkpoint.best, self._own(path))
        self.step = checkpoint.step
        self._kept = [*self._kept, path][-2:]
        for other in self._folders() if self._world.is_first else ():
            if other not in self._kept:
                self._remove(other)
        return True

    def _write_together(self, checkpoint: Checkpoint, path: Path) -> bool:
        """Write the parts of all processes but the first, then its own, unless one fails."""
        for first in (False, True):
            turn = self._world.is_first == first
            failed = self._write(checkpoint, path) if turn else ""
            if not self._all_wrote(failed, checkpoint.step, path):
                return False
        return True

    def _write(self, checkpoint: Checkpoint, path: Path) -> str:
        """Write this process's part of a checkpoint; the reason if that fails."""
        facts = _Facts(
            made_by=self._made_by,
            source=self._source,
            step=checkpoint.step,
            best_steps=tuple(sorted(checkpoint.best)),
            processes=self._world.size,
            run=checkpoint.facts if self._world.is_first else None,
        )
        parts: dict[str, sealed.Tensors] = {"state": self._part_of(checkpoint, checkpoint.state)}
        same: dict[str, Path] = {}
        for kept, weights in checkpoint.best.items():
            if kept in self._best:
                same[_part(kept)] = self._best[kept]
            else:
                parts[_part(kept)] = self._part_of(checkpoint, weights)
        try:
            shutil.rmtree(self._own(path), ignore_errors=True)  # what was not made whole
            sealed.write(self._own(path), facts.model_dump(mode="json"), parts, same)
        except OSError as error:
            return f"{self.folder}: {error.strerror or error}"
        return ""

    def _all_wrote(self, failed: str, step: int, path: Path) -> bool:
        """Whether no process failed to write; each that did has a warning."""
        if failed:
            self._notify(f"warning: no checkpoint at step {step}: {failed}; the run goes on")
        if self._world.largest([bool(failed)]) == [0]:
            return True
        if self._world.is_first:
            self._remove(path)
        return False

    def _part_of(self, checkpoint: Checkpoint, tensors: sealed.Tensors) -> sealed.Tensors:
        return tensors if self._world.is_first else blocks(tensors, checkpoint.tables)

    def _next(self) -> Path:
        folders = self._folders()
        return self.folder / f"{int(folders[-1].name) + 1 if folders else 1:06d}"

    def _own(self, path: Path) -> Path:
        """This process's folder of a checkpoint."""
        return _folder_of(path, self._world.rank)

    def _remove(self, path: Path) -> None:
        for folder in (path, *path.parent.glob(f"{path.name}.*")):
            shutil.rmtree(folder, ignore_errors=True)

    def clear(self) -> None:
        """Remove every checkpoint, and what a killed process left of one."""
        if self._world.is_first:
            shutil.rmtree(self.folder, ignore_errors=True)
        self._kept, self._best = [], {}

    def _folders(self) -> list[Path]:
        """The checkpoints, oldest first."""
        if not self.folder.is_dir():
            return []
        return sorted(path for path in self.folder.iterdir() if path.name.isdecimal())


def _read(path: Path) -> sealed.Sealed[_Facts]:
    """A checkpoint with whole tables. Raises Damaged."""
    first = sealed.read(path, _Facts, _Facts.parts)
    every = [first]
    for rank in range(1, first.facts.processes):
        other = sealed.read(_folder_of(path, rank), _Facts, _Facts.parts)
        if other.facts.model_copy(update={"run": first.facts.run}) != first.facts:
            raise sealed.Damaged(f"process {rank}: it is of another checkpoint")
        every.append(other)
    parts = {part: joined([each.parts[part] for each in every]) for part in first.facts.parts()}
    return sealed.Sealed(first.facts, parts)


def _folder_of(path: Path, rank: int) -> Path:
    """The folder of a process's part of a checkpoint: that of the first makes it whole."""
    return path.with_name(f"{path.name}.{rank}") if rank else path


def _part(step: int) -> str:
    """The part of a checkpoint that holds the best weights of a step."""
    return f"best-{step}"
