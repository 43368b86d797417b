"""A few steps of training on made-up rows, alone or by several processes."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from baselines.kernels import Dropout
from benchmark.data.batches import batches
from benchmark.data.schema import Schema, Split
from benchmark.distributed.row_blocks import make_whole, share_out
from benchmark.distributed.world import World
from benchmark.model import CTRModel
from benchmark.recipes.recipe import Train
from benchmark.registry import models
from benchmark.training import step as training
from benchmark.training.optim import Optimizer
from benchmark.training.predict import predict
from benchmark.training.step import TrainingStep

SCHEMA = Schema(dense=("price",), sparse=("user", "item", "device"), cardinalities=(40, 90, 2))
BATCH, LAST = 32, 2
"""The last batch of an epoch has fewer rows than three processes."""
CPU = torch.device("cpu")

Trained = tuple[list[float], dict[str, Tensor], Tensor]


def rows(count: int) -> Split:
    """Labels that follow from the ids, of which few are frequent."""
    generator = np.random.default_rng(0)
    columns = [generator.zipf(1.5, count) % size for size in SCHEMA.cardinalities]
    sparse = np.stack(columns, axis=1).astype(np.int32)
    dense = generator.standard_normal((count, 1)).astype(np.float32)
    label = (dense[:, 0] + sparse[:, 0] % 3 + generator.random(count) > 1.5).astype(np.uint8)
    return Split(dense, sparse, label)


def train(
    world: World,
    name: str,
    steps: int,
    optimizer: str = "adam",
    dtype: torch.dtype = torch.float64,
    batch_rows: int = BATCH,
) -> Trained:
    """The losses of so many steps without dropout, the weights and the logits after them."""
    training.CHUNK_ROWS = batch_rows // 4
    split = rows(4 * batch_rows + LAST)
    torch.manual_seed(0)
    model: CTRModel = models.get(name)(SCHEMA).to(dtype)
    for module in model.modules():
        if isinstance(module, Dropout):
            module.dropped, module.scale = 0, 1.0
    tables = share_out(model, world, name)
    settings = Train(
        learning_rate=0.003,
        embedding_l2=1e-3,
        dense_l2=1e-4,
        clip_norm=0.5,
        optimizer=optimizer,
    )
    updates = Optimizer(model, settings, shared_out=tables, world=world)
    step = TrainingStep(model, updates, seed=0, world=world)
    losses: list[float] = []
    while len(losses) < steps:
        epoch = 1 + len(losses) // 5
        for batch in batches(split, batch_rows, seed=0, epoch=epoch, world=world):
            exact = replace(batch, dense=batch.dense.to(dtype), label=batch.label.to(dtype))
            losses.append(step(exact).item())
    exact_weights = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    logits = torch.from_numpy(predict(model.float(), split, CPU, world))
    model.to(dtype).load_state_dict(exact_weights)
    make_whole(model, tables, world)
    weights = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    return losses, weights, logits


def train_each(world: World, cases: list[tuple[str, str]], steps: int) -> list[Trained]:
    return [train(world, name, steps, optimizer) for name, optimizer in cases]
