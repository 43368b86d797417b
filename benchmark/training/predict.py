"""Scoring whole splits, and observing the stages of a model over chosen rows."""

import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.data.batches import Rows, ordered
from benchmark.data.schema import Split
from benchmark.distributed.world import ALONE, World
from benchmark.model import CTRModel, Observe
from benchmark.recipes.precision import in_float32

CPU_ROWS, GPU_ROWS = 2048, 1 << 16
"""Rows of a forward pass; on a CPU as in training."""


def predict(
    model: CTRModel, split: Rows, device: torch.device, world: World = ALONE
) -> NDArray[np.float32]:
    """Logits [n] of a whole split in row order, in eval mode; several processes score a share each
    and have all. Raises FloatingPointError if one is not finite."""
    own = torch.empty(len(world.share(len(split))), dtype=torch.float32)
    position = 0
    model.eval()
    with torch.inference_mode():
        for batch in ordered(split, _rows(device), world):
            logit = model(*batch.or_zeros().to(device).inputs)
            own[position : position + len(batch)] = logit[: len(batch)]
            position += len(batch)
    scores: NDArray[np.float32] = world.joined(own, len(split)).numpy()
    if not np.isfinite(scores).all():
        raise FloatingPointError("a logit is not finite")
    return scores


def observe(
    model: CTRModel, split: Split, rows: NDArray[np.int64], device: torch.device, callback: Observe
) -> None:
    """Call `callback(stage, x)` for every stage of the model in eval mode, batch by batch.

    Always in float32, whatever the recipe's precision: the rounding of bf16 is noise of full rank,
    with which a stage that has collapsed to one direction seems to have more."""
    probe = Split(split.dense[rows], split.sparse[rows], split.label[rows])
    model.eval()
    with torch.inference_mode(), in_float32():
        for batch in ordered(probe, _rows(device)):
            moved = batch.to(device)
            # not model(...): a compiled model's call would compile the callback too
            model.forward(moved.dense, moved.sparse, callback)


def _rows(device: torch.device) -> int:
    return CPU_ROWS if device.type == "cpu" else GPU_ROWS
