"""The only training loop. It yields events; whoever wants to show, save or track a run consumes them."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from benchmark.data.batches import Batch, batches, ordered
from benchmark.data.schema import Arrays
from benchmark.errors import BenchmarkError
from benchmark.measure.metrics import Metrics, evaluate
from benchmark.recipe import Train
from benchmark.training.optim import Optimizer, Plateau

PREDICT_BATCH = 4096

StopReason = Literal["patience", "epochs"]


@dataclass(frozen=True)
class Stepped:
    """One optimiser step; `loss` is the batch's mean cross-entropy without penalties."""

    step: int
    epoch: int
    loss: float


@dataclass(frozen=True)
class Evaluated:
    """One evaluation on the validation split; `train_loss` is the mean since the evaluation before."""

    step: int
    epoch: int
    learning_rate: float
    train_loss: float
    valid: Metrics
    improved: bool
    seconds: float


@dataclass(frozen=True)
class Fitted:
    """The end of a fit, with the best weights restored; rates count training steps only."""

    best_step: int
    best_epoch: int
    reason: StopReason
    train_seconds: float
    samples_per_s: float
    predict_samples_per_s: float


Event = Stepped | Evaluated | Fitted


def fit(
    model: nn.Module, train_split: Arrays, valid_split: Arrays, train: Train, *, seed: int, device: torch.device
) -> Iterator[Event]:
    """Trains until patience or epochs run out, then restores the best weights.

    Raises BenchmarkError where the loss is no longer finite.
    """
    optimizer, plateau = Optimizer(model, train), Plateau(train)
    start = time.perf_counter()
    step = samples = 0
    train_seconds = predict_seconds = 0.0
    best: Evaluated | None = None
    best_weights: dict[str, torch.Tensor] = {}
    losses: list[float] = []
    reason: StopReason = "epochs"
    evaluations = 0

    for epoch in range(1, train.epochs + 1):
        steps = -(-len(train_split) // train.batch_size)
        for position, batch in enumerate(batches(train_split, train.batch_size, seed=seed, epoch=epoch), start=1):
            began = time.perf_counter()
            loss = _step(model, batch.to(device), optimizer, step + 1)
            train_seconds += time.perf_counter() - began
            step, samples = step + 1, samples + len(batch)
            losses.append(loss)
            yield Stepped(step, epoch, loss)
            if not _evaluation_due(step, position == steps, train.evaluate_every):
                continue
            began = time.perf_counter()
            logit = predict(model, valid_split, device)
            predict_seconds += time.perf_counter() - began
            evaluations += 1
            metrics = evaluate(logit, valid_split.label, valid_split.group)
            event = Evaluated(
                step=step,
                epoch=epoch,
                learning_rate=optimizer.learning_rate,
                train_loss=float(np.mean(losses)),
                valid=metrics,
                improved=plateau.improved(getattr(metrics, train.monitor)),
                seconds=time.perf_counter() - start,
            )
            losses.clear()
            if event.improved:
                best, best_weights = event, _copy(model)
            optimizer.learning_rate = plateau.next_rate(optimizer.learning_rate)
            yield event
            if plateau.exhausted:
                reason = "patience"
                break
        if plateau.exhausted:
            break

    if best is None:
        raise BenchmarkError(f"no evaluation in {step} steps: lower train.evaluate_every or raise train.epochs")
    model.load_state_dict(best_weights)
    yield Fitted(
        best_step=best.step,
        best_epoch=best.epoch,
        reason=reason,
        train_seconds=train_seconds,
        samples_per_s=samples / train_seconds,
        predict_samples_per_s=evaluations * len(valid_split) / predict_seconds,
    )


def predict(model: nn.Module, split: Arrays, device: torch.device) -> NDArray[np.float32]:
    """Logits [n] of a whole split in row order, in eval mode."""
    scores = np.empty(len(split), dtype=np.float32)
    model.eval()
    with torch.inference_mode():
        position = 0
        for batch in ordered(split, PREDICT_BATCH):
            logit = model(batch.to(device).dense, batch.to(device).sparse)
            scores[position : position + len(batch)] = logit.cpu().numpy()
            position += len(batch)
    return scores


Observe = Callable[[str, torch.Tensor], None]


def observe(model: nn.Module, split: Arrays, rows: NDArray[np.int64], device: torch.device, seen: Observe) -> None:
    """Shows `seen(stage, x)` every stage of the model in eval mode, over the given rows, a batch at a time."""
    probe = Arrays(split.dense[rows], split.sparse[rows], split.label[rows])
    model.eval()
    with torch.inference_mode():
        for batch in ordered(probe, PREDICT_BATCH):
            moved = batch.to(device)
            model(moved.dense, moved.sparse, seen)


def _step(model: nn.Module, batch: Batch, optimizer: Optimizer, step: int) -> float:
    model.train()
    logit = model(batch.dense, batch.sparse)
    cross_entropy = binary_cross_entropy_with_logits(logit, batch.label)
    value = cross_entropy.item()
    if not np.isfinite(value):
        raise BenchmarkError(
            f"the training loss is {value} at step {step} with learning rate {optimizer.learning_rate:g}; "
            "lower train.learning_rate"
        )
    penalty = getattr(model, "training_penalty", None)
    optimizer.step(cross_entropy if penalty is None else cross_entropy + penalty())
    return value


def _evaluation_due(step: int, epoch_ends: bool, every: int | None) -> bool:
    return epoch_ends if every is None else step % every == 0


def _copy(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
