"""The processes that train one model together, as torchrun starts them, and what they exchange."""

import os
import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.distributed_c10d import Store
from torch.distributed.rendezvous import rendezvous

from benchmark.errors import LostProcess, UsageError
from benchmark.utils import torchrun
from benchmark.utils.types import Device

Backend = Literal["gloo", "nccl"]
T = TypeVar("T")

WAIT = "BENCHMARK_WAIT_SECONDS"
"""Variable: seconds after which a process gives up waiting for another one."""
WAIT_SECONDS = 600


@dataclass(frozen=True)
class World:
    """This process's number and place among `size`; ALONE is one without others, which sends
    nothing. What is exchanged has the same shape everywhere, or says so; every method but `share`
    and `most` has to be called by all processes, and raises LostProcess where one is gone or does
    not answer."""

    rank: int = 0
    size: int = 1
    backend: Backend = "gloo"

    @property
    def is_first(self) -> bool:
        """Whether it is the one that prints and writes."""
        return self.rank == 0

    def share(self, rows: int) -> range:
        """The rows of so many that are this process's: neighbours, and as many as others have, or
        one more or less."""
        return range(self.begin(rows, self.rank), self.begin(rows, self.rank + 1))

    def begin(self, rows: int, rank: int) -> int:
        """The first row of a process's share."""
        return rows * rank // self.size

    def most(self, rows: int) -> int:
        """The size of the largest share."""
        return -(-rows // self.size)

    def sum_(self, x: Tensor) -> Tensor:
        """Sum x over all processes, in place."""
        if self.size > 1:
            with reaching():
                dist.all_reduce(x)
        return x

    def largest(self, values: Sequence[int]) -> list[int]:
        """The largest of each value over all processes."""
        if self.size == 1:
            return list(values)
        found = torch.tensor(values, dtype=torch.int64)
        with reaching():
            dist.all_reduce(found, dist.ReduceOp.MAX)
        return [int(value) for value in found]

    def joined(self, own: Tensor, rows: int) -> Tensor:
        """The shares [share, ...] of all processes as [rows, ...], on every one, on the CPU."""
        if self.size == 1:
            return own
        padded, shares = self._room(own, rows)
        with reaching():
            dist.all_gather(shares, padded)
        return self._in_order(shares, rows)

    def collected(self, own: Tensor, rows: int) -> Tensor | None:
        """As `joined`, on the first process alone; None on the others."""
        if self.size == 1:
            return own
        padded, shares = self._room(own, rows)
        with reaching():
            dist.gather(padded, shares if self.is_first else None, dst=0)
        return self._in_order(shares, rows) if self.is_first else None

    def from_first(self, make: Callable[[], T]) -> T:
        """What `make` returns on the first process, which alone calls it, on every one. It must be
        picklable."""
        if self.size == 1:
            return make()
        content = [pickle.dumps(make()) if self.is_first else b""]
        with reaching():
            dist.broadcast_object_list(content, src=0, device=torch.device("cpu"))
        made: T = pickle.loads(content[0])
        return made

    def exchanged(self, x: Tensor, sent: Sequence[int], received: Sequence[int]) -> Tensor:
        """Rows of x [sum(sent), ...] sent to each process in turn, and those received of each
        [sum(received), ...]."""
        result = x.new_empty((sum(received), *x.shape[1:]))
        with reaching():
            dist.all_to_all_single(result, x.contiguous(), list(received), list(sent))
        return result

    def _room(self, own: Tensor, rows: int) -> tuple[Tensor, list[Tensor]]:
        """A share on the CPU, padded to the size of the largest, and room for those of all."""
        padded = own.new_zeros((self.most(rows), *own.shape[1:]), device="cpu")
        padded[: len(own)] = own
        return padded, [torch.empty_like(padded) for _ in range(self.size)]

    def _in_order(self, shares: Sequence[Tensor], rows: int) -> Tensor:
        lengths = (len(World(rank, self.size).share(rows)) for rank in range(self.size))
        return torch.cat([share[:n] for share, n in zip(shares, lengths, strict=True)])


ALONE = World()
_store: Store | None = None


def join(device: Device) -> World:
    """Meet the other processes that torchrun started; ALONE without any. Raises UsageError for a
    wrong BENCHMARK_WAIT_SECONDS, LostProcess if they do not come."""
    global _store
    if not torchrun.is_running():
        return ALONE
    if _store is None:
        if device == "cuda":
            torch.cuda.set_device(torchrun.local_rank())
        wait = timedelta(seconds=wait_seconds())
        with reaching():
            _store, rank, size = next(rendezvous("env://", timeout=wait))
            both = "cpu:gloo,cuda:nccl" if device == "cuda" else "gloo"
            dist.init_process_group(both, store=_store, rank=rank, world_size=size, timeout=wait)
    return World(dist.get_rank(), dist.get_world_size(), "nccl" if device == "cuda" else "gloo")


def disconnect() -> None:
    """End the connections to the other processes, if there were any."""
    if _store is not None:
        dist.destroy_process_group()


def is_first_to_say() -> bool:
    """Whether no other process has asked this before: of several that fail alike one speaks."""
    try:
        return _store is None or _store.add("said", 1) == 1
    except RuntimeError:  # the store is gone
        return True


def wait_seconds() -> float:
    """Seconds after which a process gives up waiting for another one."""
    text = os.environ.get(WAIT, str(WAIT_SECONDS))
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise UsageError(f"{WAIT} = {text!r}: give a number of seconds above 0")
    return seconds


@contextmanager
def reaching() -> Iterator[None]:
    """Raise LostProcess where another process is gone or does not answer; other errors stay."""
    try:
        yield
    except RuntimeError as error:
        # gloo's have no type of their own
        if not isinstance(error, dist.DistError) and "gloo" not in str(error).lower():
            raise
        raise LostProcess(
            "another process of this run is gone, or did not answer within"
            f" {wait_seconds():g} s ({WAIT}): the same command goes on from the last checkpoint"
        ) from error
