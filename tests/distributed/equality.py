"""How far the training of every model by two and three processes is from that by one.

`python -m tests.distributed.equality` makes fifty steps of each model that can be shared out, in
float64 and in float32, and prints the largest differences of the losses and of the weights.
"""

import torch

from benchmark.distributed.world import World
from benchmark.model import needs_whole_batch
from benchmark.registry import models
from tests.distributed.training import SCHEMA, Trained, train
from tests.distributed.worlds import together

STEPS = 50
BATCH = 256


def train_all(world: World, names: list[str], dtype: torch.dtype) -> list[Trained]:
    return [train(world, name, STEPS, dtype=dtype, batch_rows=BATCH) for name in names]


def apart(one: Trained, other: Trained) -> tuple[float, float]:
    """The largest difference of the losses, and of the weights."""
    losses = max(abs(a - b) for a, b in zip(one[0], other[0], strict=True))
    filled = [name for name, weight in one[1].items() if weight.numel()]
    return losses, max(float((one[1][name] - other[1][name]).abs().max()) for name in filled)


def main() -> None:
    names = [name for name in models.names() if not needs_whole_batch(models.get(name)(SCHEMA))]
    for dtype in (torch.float64, torch.float32):
        alone = together(1, train_all, names, dtype)[0]
        for count in (2, 3):
            every = together(count, train_all, names, dtype)[0]
            for name, one, other in zip(names, alone, every, strict=True):
                losses, weights = apart(one, other)
                title = f"{str(dtype).partition('.')[2]}, {count} processes, {name}"
                print(f"{title}: losses {losses:.1e}, weights {weights:.1e}", flush=True)


if __name__ == "__main__":
    main()
