"""The only training loop. It yields events; whatever shows, saves or tracks a run consumes them."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch

from benchmark.data.batches import batches, on_device
from benchmark.data.schema import Split
from benchmark.distributed.world import ALONE, World
from benchmark.errors import BenchmarkError
from benchmark.measure.metrics import Metrics, evaluate
from benchmark.model import CTRModel
from benchmark.recipes.recipe import Monitor, Train
from benchmark.training import blocks
from benchmark.training.blocks import MODEL, OPTIMIZER
from benchmark.training.monitor import Plateau
from benchmark.training.optim import Optimizer
from benchmark.training.predict import predict
from benchmark.training.step import TrainingStep

READ_EVERY = 50
"""Steps between two readings of the losses on a GPU, each of which waits for its work."""
Weights = dict[str, torch.Tensor]
StopReason = Literal["patience", "epochs"]


@dataclass(frozen=True)
class Stepped:
    """One optimiser step; `loss` is the batch's mean cross-entropy without penalties: on a GPU that
    of the last step whose loss has been read."""

    step: int
    epoch: int
    loss: float


@dataclass(frozen=True)
class Evaluated:
    """One evaluation on the validation split; `train_loss` is the mean since the last one,
    `improved` names the monitors by which it is the best so far."""

    step: int
    epoch: int
    learning_rate: float
    train_loss: float
    valid: Metrics
    improved: tuple[Monitor, ...]
    seconds: float


@dataclass(frozen=True)
class Fitted:
    """The end of a fit, with the weights restored that are best by its first monitor; rates count
    training steps only."""

    reason: StopReason
    train_seconds: float
    samples_per_s: float
    predict_samples_per_s: float


FitEvent = Stepped | Evaluated | Fitted


@dataclass
class Throughput:
    """Seconds spent inside its `with` blocks, and rows processed there."""

    seconds: float = 0.0
    rows: int = 0

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._began


@dataclass(frozen=True)
class FitProgress:
    """How far a fit has come, in values that JSON keeps to the bit."""

    step: int
    curve: tuple[Evaluated, ...]
    seconds: float
    training: Throughput
    prediction: Throughput


@dataclass(frozen=True)
class Snapshot:
    """A fit between two events. Its tensors are the fit's own, which change at the next event;
    `best_weights` are those of the best evaluations, by step."""

    progress: FitProgress
    state: Weights
    best_weights: dict[int, Weights]


class Fit:
    """Trains until patience or epochs run out, keeping the best weights by every monitor; `events`
    raises BenchmarkError when the loss is no longer finite.

    `tables` are the rows of the tables that several processes have shared out, by parameter; the
    weights and snapshots of a process hold its own blocks."""

    def __init__(
        self,
        model: CTRModel,
        train_split: Split,
        valid_split: Split,
        train: Train,
        *,
        seed: int,
        device: torch.device,
        tables: Mapping[str, int] | None = None,
        world: World = ALONE,
    ) -> None:
        self.model, self.train_split, self.valid_split = model, train_split, valid_split
        self.tables, self.world = dict(tables or {}), world
        self.train_rows, self.valid_rows = (
            on_device(split, device) for split in (train_split, valid_split)
        )
        self.train, self.seed, self.device = train, seed, device
        self.optimizer = Optimizer(model, train, shared_out=self.tables, world=world)
        self.train_step = TrainingStep(model, self.optimizer, seed=seed, world=world)
        self.plateau = Plateau(train)
        self.steps_per_epoch = -(-len(train_split) // train.batch_size)
        self.training, self.prediction = Throughput(), Throughput()
        self.step = 0
        self.read_every = 1 if device.type == "cpu" else READ_EVERY
        self.losses: list[float] = []
        self.unread: list[torch.Tensor] = []
        self.curve: list[Evaluated] = []
        self.best_weights: dict[int, Weights] = {}
        self.started = time.perf_counter()

    @property
    def epoch(self) -> int:
        """The epoch of the last step, from 1."""
        return max(1, -(-self.step // self.steps_per_epoch))

    def best(self, monitor: Monitor) -> Evaluated:
        """The best evaluation so far by one of the recipe's monitors."""
        return best(self.curve, monitor)

    def load_best(self, monitor: Monitor) -> None:
        """Put the best weights by one of the recipe's monitors into the model."""
        self.model.load_state_dict(self.best_weights[self.best(monitor).step])

    def events(self) -> Iterator[FitEvent]:
        for epoch in range(self.epoch, self.train.epochs + 1):
            yield from self._epoch(epoch)
            if self.plateau.exhausted:
                break
        yield self._finish()

    def snapshot(self) -> Snapshot:
        """Take it after an event other than `Fitted`, before asking for the next one. Raises
        BenchmarkError where a loss that was not read yet is not finite."""
        self._read_losses()
        throughputs = replace(self.training), replace(self.prediction)
        seconds = time.perf_counter() - self.started
        progress = FitProgress(self.step, tuple(self.curve), seconds, *throughputs)
        state = {MODEL + name: tensor for name, tensor in self.model.state_dict().items()}
        state |= {OPTIMIZER + name: tensor for name, tensor in self.optimizer.state_dict().items()}
        state["losses"] = torch.tensor(self.losses, dtype=torch.float64)
        return Snapshot(progress, state, self.best_weights)

    def restore(self, snapshot: Snapshot) -> None:
        """Continue from a snapshot with whole tables; call it before the first event.

        Raises KeyError, RuntimeError or ValueError for one of another model or optimiser."""
        progress = snapshot.progress
        state = blocks.own(snapshot.state, self.tables, self.world)
        self.step, self.curve = progress.step, list(progress.curve)
        self.started -= progress.seconds
        self.training, self.prediction = replace(progress.training), replace(progress.prediction)
        for event in self.curve:
            self.plateau.improved(event.valid)
        self.model.load_state_dict(_with_prefix(MODEL, state))
        self.optimizer.load_state_dict(_with_prefix(OPTIMIZER, state))
        self.losses = state["losses"].tolist()
        for step, whole in snapshot.best_weights.items():
            weights = blocks.own(whole, self.tables, self.world)
            self.best_weights[step] = {k: tensor.to(self.device) for k, tensor in weights.items()}

    def _epoch(self, epoch: int) -> Iterator[FitEvent]:
        source = batches(
            self.train_rows,
            self.train.batch_size,
            seed=self.seed,
            epoch=epoch,
            shuffle=self.train.shuffle,
            start=self.step - (epoch - 1) * self.steps_per_epoch,
            world=self.world,
        )
        evaluate_every = self.train.evaluate_every or self.steps_per_epoch
        while True:
            if self.losses and self.step % evaluate_every == 0:
                yield self._evaluate(epoch)
            if self.plateau.exhausted:
                return
            with self.training:
                batch = next(source, None)
                if batch is None:
                    return
                self.unread.append(self.train_step(batch.to(self.device)))
                self.step += 1
                if not self.losses or len(self.unread) >= self.read_every:
                    self._read_losses()
                self.training.rows += batch.total
            yield Stepped(self.step, epoch, self.losses[-1])

    def _read_losses(self) -> None:
        """Read the losses of the last steps back from the device. Raises BenchmarkError naming the
        first step whose loss is not finite."""
        if not self.unread:
            return
        read = torch.stack(self.unread).tolist()
        self.unread.clear()
        for step, loss in enumerate(read, start=self.step - len(read) + 1):
            if not np.isfinite(loss):
                raise BenchmarkError(
                    f"the training loss is {loss} at step {step} with learning rate "
                    f"{self.optimizer.learning_rate:g}; lower train.learning_rate"
                )
            self.losses.append(loss)

    def _evaluate(self, epoch: int) -> Evaluated:
        with self.training:
            self._read_losses()
        with self.prediction:
            try:
                logit = predict(self.model, self.valid_rows, self.device, self.world)
            except FloatingPointError as error:
                raise BenchmarkError(
                    f"validation after step {self.step} with learning rate"
                    f" {self.optimizer.learning_rate:g}: {error}; lower train.learning_rate"
                ) from None
            self.prediction.rows += len(logit)
        valid = evaluate(logit, self.valid_split.label, self.valid_split.group)
        event = Evaluated(
            step=self.step,
            epoch=epoch,
            learning_rate=self.optimizer.learning_rate,
            train_loss=float(np.mean(self.losses)),
            valid=valid,
            improved=self.plateau.improved(valid),
            seconds=time.perf_counter() - self.started,
        )
        self.losses.clear()
        self.curve.append(event)
        if event.improved:
            self._keep_weights()
        self.optimizer.learning_rate = self.plateau.next_rate(self.optimizer.learning_rate)
        return event

    def _keep_weights(self) -> None:
        """Copy the weights of this step; forget those that are no monitor's best any more."""
        weights = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
        self.best_weights[self.step] = weights
        best_steps = {best(self.curve, monitor).step for monitor in self.plateau.best}
        for step in self.best_weights.keys() - best_steps:
            del self.best_weights[step]

    def _finish(self) -> Fitted:
        with self.training:
            self._read_losses()
        self.load_best(self.train.monitors[0])
        return Fitted(
            reason="patience" if self.plateau.exhausted else "epochs",
            train_seconds=self.training.seconds,
            samples_per_s=self.training.rows / self.training.seconds,
            predict_samples_per_s=self.prediction.rows / self.prediction.seconds,
        )


def best(curve: Sequence[Evaluated], monitor: Monitor) -> Evaluated:
    """The best evaluation of a learning curve by a monitor of its recipe."""
    return next(event for event in reversed(curve) if monitor in event.improved)


def _with_prefix(prefix: str, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors whose name begins with `prefix`, named without it."""
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in state.items()
        if name.startswith(prefix)
    }
