"""Functions run by several processes of this machine, which torchrun would have started."""

import multiprocessing
import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmark.distributed import world

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["benchmark.runs.session", "tests.distributed.worlds"])

Together = Callable[..., Any]


def together(count: int, work: Together, *arguments: Any) -> list[Any]:
    """What `work(world, *arguments)` returns in each of so many processes; it must be a function of
    a module. A process that fails is an AssertionError."""
    with tempfile.TemporaryDirectory() as folder:
        results = [Path(folder) / f"{rank}.pt" for rank in range(count)]
        port, environment = free_port(), dict(os.environ)
        places = [variables(rank, count, port) for rank in range(count)]
        processes = [
            FORKS.Process(target=_one, args=(environment | place, path, work, arguments))
            for place, path in zip(places, results, strict=True)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join(timeout=300)
        assert [process.exitcode for process in processes] == [0] * count
        return [torch.load(path, weights_only=False) for path in results]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def variables(rank: int, count: int, port: int) -> dict[str, str]:
    """What torchrun sets."""
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "LOCAL_RANK": str(rank)}
    return place | {"RANK": str(rank), "WORLD_SIZE": str(count), world.WAIT: "60"}


def _one(
    environment: dict[str, str],
    path: Path,
    work: Together,
    arguments: tuple[Any, ...],
) -> None:
    torch.set_num_threads(1)
    os.environ.update(environment)
    torch.save(work(world.join("cpu"), *arguments), path)
    world.disconnect()
