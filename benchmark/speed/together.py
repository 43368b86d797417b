"""Training steps of several processes of this machine, beside what `exchange` predicts of them."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import torch
import torch.distributed as dist

from benchmark.data.batches import Batch, batches
from benchmark.data.schema import Schema, Split
from benchmark.distributed import world
from benchmark.distributed.row_blocks import share_out
from benchmark.distributed.world import World
from benchmark.errors import BenchmarkError
from benchmark.measure.cost import outline
from benchmark.recipes import recipe as recipes
from benchmark.speed.exchange import Load, exchange_seconds, sent_bytes
from benchmark.speed.timing import WARM_UP
from benchmark.speed.train import BATCHES, shape_of, some_rows
from benchmark.training.optim import Optimizer
from benchmark.training.step import TrainingStep
from benchmark.utils.memory import keep_freed_memory
from benchmark.utils.types import Notify

SENT = 1 << 22
"""Values of the message by which the link's rate is measured."""
MESSAGES = 40


@dataclass(frozen=True)
class Steps:
    """What one process of several measured, in milliseconds; `link` in bytes a second."""

    ms_per_step: float
    latency_ms: float
    link: float
    distinct: float


def measure(
    recipe: str, settings: list[str], processes: int, repeats: int, cores: int, notify: Notify
) -> dict[str, float]:
    """Milliseconds of a step by so many processes of one thread each, and as predicted from that of
    one process with its share of the rows and of the table, the link's rate and the latency of a
    message. Where there are more processes than cores they take turns."""
    chosen = recipes.override(recipes.load(recipe), settings)
    schema = shape_of(chosen, notify)
    found = outline(chosen, schema)
    together = _steps(recipe, settings, processes, repeats, share=1)
    alone = _steps(recipe, settings, 1, repeats, share=processes)
    one = _steps(recipe, settings, 1, repeats, share=1)
    size = found.parameters
    dim = chosen.hyperparameters.get("embedding_dim", 1)
    load = Load(
        batch=chosen.train.batch_size,
        ids=len(schema.sparse),
        distinct=together.distinct,
        table_rows=sum(schema.cardinalities),
        dim=int(dim),
        dense=size.dense + size.head,
        flops=found.flops_per_sample,
    )
    turns = max(1.0, processes / cores)
    latency = together.latency_ms / 1000
    exchange = 1000 * exchange_seconds(load, processes, together.link, latency)
    predicted = turns * alone.ms_per_step + exchange
    return {
        "one_process_ms": one.ms_per_step,
        "ms_per_step": together.ms_per_step,
        "predicted_ms": predicted,
        "error": predicted / together.ms_per_step - 1,
        "exchange_ms": exchange,
        "sent_mib": sent_bytes(load, processes) / 2**20,
        "link_gib_per_s": together.link / 2**30,
        "latency_ms": together.latency_ms,
        "speed_up": one.ms_per_step / together.ms_per_step,
    }


def _steps(recipe: str, settings: list[str], processes: int, repeats: int, share: int) -> Steps:
    """Start the processes and read what they measured. Raises BenchmarkError."""
    with tempfile.TemporaryDirectory(prefix="benchmark-speed-") as folder:
        path = Path(folder) / "steps.json"
        words = json.dumps([recipe, settings, repeats, share, str(path)])
        launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node")
        command = [sys.executable, *launcher, str(processes), "-m", __name__, words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode or not path.is_file():
            raise BenchmarkError(f"{processes} processes of {recipe}: {done.stderr.strip()[-400:]}")
        return Steps(**json.loads(path.read_text(encoding="utf-8")))


def main(words: str) -> None:
    """One of the processes; the first one writes."""
    recipe, settings, repeats, share, path = json.loads(words)
    keep_freed_memory()
    torch.set_num_threads(1)
    chosen = recipes.override(recipes.load(recipe), settings)
    schema = _part(shape_of(chosen, lambda _: None), share)
    train = chosen.train.model_copy(update={"batch_size": chosen.train.batch_size // share})
    own = world.join("cpu")
    torch.manual_seed(0)
    model = replace(chosen, train=train).build(schema).model
    rows = some_rows(schema, BATCHES * train.batch_size)
    tables = share_out(model, own, f"recipe {recipe}")
    optimizer = Optimizer(model, train, shared_out=tables, world=own)
    step = TrainingStep(model, optimizer, seed=0, world=own)
    epochs = WARM_UP + repeats
    every = [b for e in range(epochs) for b in _epoch(rows, train.batch_size, e, own)]
    times = _milliseconds(every, step)[WARM_UP * BATCHES :]
    latency = _exchange(own, 1)
    seconds = max(_exchange(own, SENT) - latency, 1e-9) / 1000
    sent = 2 * (own.size - 1) / own.size * 4 * SENT
    distinct = len(torch.unique(every[0].sparse)) / max(1, every[0].sparse.numel())
    if own.is_first:
        found = Steps(median(times), latency, sent / seconds, distinct)
        Path(path).write_text(json.dumps(vars(found)), encoding="utf-8")
    world.disconnect()


def _part(schema: Schema, share: int) -> Schema:
    """The columns with a share of the ids."""
    sizes = tuple(max(2, size // share) for size in schema.cardinalities)
    return Schema(schema.dense, schema.sparse, sizes)


def _epoch(rows: Split, size: int, epoch: int, own: World) -> list[Batch]:
    return list(batches(rows, size, seed=0, epoch=epoch, world=own))


def _milliseconds(every: list[Batch], step: Callable[[Batch], object]) -> list[float]:
    times = []
    for batch in every:
        began = time.perf_counter()
        step(batch)
        times.append(1000 * (time.perf_counter() - began))
    return times


def _exchange(own: World, values: int) -> float:
    """Milliseconds of a sum of so many values over all processes."""
    x, times = torch.zeros(values), []
    for _ in range(MESSAGES if values == 1 else 5):
        if own.size > 1:
            dist.barrier()
        began = time.perf_counter()
        own.sum_(x)
        times.append(1000 * (time.perf_counter() - began))
    return median(times)


if __name__ == "__main__":
    main(sys.argv[1])
