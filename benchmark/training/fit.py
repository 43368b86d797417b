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
    return _Fit(model, train_split, valid_split, train, seed, device).events()


class _Fit:
    """The state of one fit between its events."""

    def __init__(
        self, model: nn.Module, train_split: Arrays, valid_split: Arrays, train: Train, seed: int, device: torch.device
    ) -> None:
        self.model, self.train_split, self.valid_split = model, train_split, valid_split
        self.train, self.seed, self.device = train, seed, device
        self.optimizer, self.plateau = Optimizer(model, train), Plateau(train)
        self.started = time.perf_counter()
        self.train_clock, self.predict_clock = _Clock(), _Clock()
        self.step = 0
        self.losses: list[float] = []
        self.best: Evaluated | None = None
        self.best_weights: dict[str, torch.Tensor] = {}

    def events(self) -> Iterator[Event]:
        for epoch in range(1, self.train.epochs + 1):
            yield from self._epoch(epoch)
            if self.plateau.exhausted:
                break
        yield self._finish()

    def _epoch(self, epoch: int) -> Iterator[Event]:
        source = batches(self.train_split, self.train.batch_size, seed=self.seed, epoch=epoch)
        last_step = epoch * -(-len(self.train_split) // self.train.batch_size)
        while not self.plateau.exhausted:
            with self.train_clock:
                batch = next(source, None)
                if batch is None:
                    return
                loss = self._train_on(batch.to(self.device))
                self.train_clock.rows += len(batch)
            yield Stepped(self.step, epoch, loss)
            every = self.train.evaluate_every
            if (self.step == last_step) if every is None else (self.step % every == 0):
                yield self._evaluate(epoch)

    def _train_on(self, batch: Batch) -> float:
        """One step; the batch's mean cross-entropy without penalties."""
        self.model.train()
        cross_entropy = binary_cross_entropy_with_logits(self.model(batch.dense, batch.sparse), batch.label)
        loss = cross_entropy.item()
        self.step += 1
        if not np.isfinite(loss):
            raise BenchmarkError(
                f"the training loss is {loss} at step {self.step} with learning rate "
                f"{self.optimizer.learning_rate:g}; lower train.learning_rate"
            )
        penalty = getattr(self.model, "training_penalty", None)
        self.optimizer.step(cross_entropy if penalty is None else cross_entropy + penalty())
        self.losses.append(loss)
        return loss

    def _evaluate(self, epoch: int) -> Evaluated:
        with self.predict_clock:
            try:
                logit = predict(self.model, self.valid_split, self.device)
            except FloatingPointError as error:
                raise BenchmarkError(
                    f"validation after step {self.step} with learning rate {self.optimizer.learning_rate:g}: {error}; "
                    "lower train.learning_rate"
                ) from None
            self.predict_clock.rows += len(logit)
        valid = evaluate(logit, self.valid_split.label, self.valid_split.group)
        event = Evaluated(
            step=self.step,
            epoch=epoch,
            learning_rate=self.optimizer.learning_rate,
            train_loss=float(np.mean(self.losses)),
            valid=valid,
            improved=self.plateau.improved(getattr(valid, self.train.monitor)),
            seconds=time.perf_counter() - self.started,
        )
        self.losses.clear()
        if event.improved:
            self.best = event
            self.best_weights = {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()}
        self.optimizer.learning_rate = self.plateau.next_rate(self.optimizer.learning_rate)
        return event

    def _finish(self) -> Fitted:
        assert self.best is not None, "the first evaluation is the best so far"
        self.model.load_state_dict(self.best_weights)
        return Fitted(
            best_step=self.best.step,
            best_epoch=self.best.epoch,
            reason="patience" if self.plateau.exhausted else "epochs",
            train_seconds=self.train_clock.seconds,
            samples_per_s=self.train_clock.rate,
            predict_samples_per_s=self.predict_clock.rate,
        )


class _Clock:
    """Seconds spent inside its `with` blocks, and rows done there."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.rows = 0

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._began

    @property
    def rate(self) -> float:
        return self.rows / self.seconds


def predict(model: nn.Module, split: Arrays, device: torch.device) -> NDArray[np.float32]:
    """Logits [n] of a whole split in row order, in eval mode. Raises FloatingPointError for one that is not finite."""
    scores = np.empty(len(split), dtype=np.float32)
    model.eval()
    with torch.inference_mode():
        position = 0
        for batch in ordered(split, PREDICT_BATCH):
            moved = batch.to(device)
            scores[position : position + len(batch)] = model(moved.dense, moved.sparse).cpu().numpy()
            position += len(batch)
    if not np.isfinite(scores).all():
        raise FloatingPointError("a logit is not finite")
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
