"""Training steps and prediction on rows of a data set's shape, beside the plain form."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median
from typing import Literal

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from benchmark.data import catalog
from benchmark.data.batches import Batch, batches, on_device
from benchmark.data.schema import Schema, Split
from benchmark.errors import UsageError
from benchmark.measure.cost import outline
from benchmark.model import CTRModel, HasExtraLoss, plain_form
from benchmark.recipes.precision import in_float32, set_precision
from benchmark.recipes.recipe import Recipe, Train
from benchmark.speed.measurements import SHARE
from benchmark.speed.profile import shares
from benchmark.speed.timing import milliseconds, ratio
from benchmark.training.optim import Optimizer, l2_penalty
from benchmark.training.predict import predict
from benchmark.training.step import TrainingStep
from benchmark.utils.memory import apart, keep_freed_memory, peak_memory_gib
from benchmark.utils.types import Device, Notify

STANDARD = ("criteo_x1/rankelastor_dim20", "criteo_x1/rankmixer_base", "criteo_x1/dcnv2")
BATCHES = 4
"""Batches of rows in memory."""
MATMUL, GPU_MATMUL = 2048, 8192
"""Rows and columns of the products whose float32 rate steps are compared with; a GPU needs more."""


@dataclass(frozen=True)
class Subject:
    """A recipe, the shape of its rows, and how it is measured."""

    recipe: Recipe
    schema: Schema
    threads: int
    repeats: int
    device: Device = "cpu"


def measure(subject: Subject) -> dict[str, float]:
    """Time whole steps of both forms in turn, loading and update included, and the scoring of rows;
    take the peak memory of training by each form in a process of its own, on a GPU that of its
    tensors. Figures are named with their units; `matmul` is of float32 products."""
    memory = {
        "peak_memory_gib": apart(_peak, subject, "fast"),
        "plain_peak_memory_gib": apart(_peak, subject, "plain"),
    }
    return apart(_times, subject) | memory


def shape_of(
    recipe: Recipe, notify: Notify, *, dataset: str | None = None, data_root: Path | None = None
) -> Schema:
    """The columns of the recipe's data set, with log-spaced cardinalities that sum to its published
    rows, or else those of its store. `dataset` is the path of one's own card. Raises MissingData
    without either, UsageError for another data set's card."""
    card = catalog.find_card(dataset or recipe.dataset).card
    if card.id != recipe.dataset:
        raise UsageError(f"{recipe.id} is a recipe for {recipe.dataset}, not {card.id}")
    if card.table is None or card.published_rows is None or not card.table.sparse:
        _, store = catalog.open_data(
            dataset or card.id, data_root=data_root, notify=notify, fetch=False
        )
        return store.schema
    sparse, rows = card.table.sparse, card.published_rows - len(card.table.dense)
    spaced = np.geomspace(4, rows, len(sparse))
    sizes = np.maximum(4, spaced * rows / spaced.sum()).astype(int)
    sizes[-1] += rows - sizes.sum()
    return Schema(card.table.dense, sparse, tuple(sizes.tolist()))


def some_rows(schema: Schema, rows: int) -> Split:
    """Random rows, their ids drawn as cardinality * u^4: few are frequent, most are rare."""
    generator = np.random.Generator(np.random.Philox(0))
    sparse = [(c * generator.random(rows) ** 4).astype(np.int32) for c in schema.cardinalities]
    dense = generator.normal(size=(rows, len(schema.dense))).astype(np.float32)
    label = generator.integers(2, size=rows, dtype=np.uint8)
    return Split(dense, np.stack(sparse, axis=1), label)


class PlainStep:
    """A training step in torch's ordinary operations: whole batches through the model's plain form,
    then torch's Adam over whole tables, with the coupled L2 penalty inside the clipped norm."""

    def __init__(self, model: CTRModel, train: Train) -> None:
        self._model, self._train = model, train
        self._adam = torch.optim.Adam(model.parameters(), lr=train.learning_rate)

    def __call__(self, batch: Batch) -> float:
        """Update once and return the batch's mean cross-entropy alone."""
        self._model.train()
        self._adam.zero_grad(set_to_none=False)
        with plain_form():
            logit = self._model(batch.dense, batch.sparse)
        loss = total = binary_cross_entropy_with_logits(logit, batch.label)
        if isinstance(self._model, HasExtraLoss):
            total = loss + self._model.extra_loss(logit, batch.label)
        torch.autograd.backward(total)
        with torch.no_grad():
            for name, parameter in self._model.named_parameters():
                penalty = l2_penalty(name, self._train)
                if penalty and parameter.grad is not None:
                    parameter.grad.add_(parameter, alpha=penalty)
            nn.utils.clip_grad_norm_(self._model.parameters(), self._train.clip_norm)
        self._adam.step()
        return loss.item()


class _Bench:
    """A model, and rows for it."""

    def __init__(self, subject: Subject) -> None:
        keep_freed_memory()
        torch.set_num_threads(subject.threads)
        torch.manual_seed(0)
        recipe, schema = subject.recipe, subject.schema
        self.device = torch.device(subject.device)
        self.train, self.batch_size = recipe.train, recipe.train.batch_size
        self.gflop = outline(recipe, schema).flops_per_sample / 1e9
        set_precision(self.train.precision, self.device)
        self.rows = on_device(some_rows(schema, BATCHES * self.batch_size), self.device)
        self.model = recipe.build(schema).model.to(self.device)
        self._batches = self._epochs()

    def fast_step(self) -> TrainingStep:
        return TrainingStep(self.model, Optimizer(self.model, self.train), seed=0)

    def load(self) -> Batch:
        """The next batch, on the device."""
        return next(self._batches).to(self.device)

    def synchronize(self) -> None:
        """Wait for the GPU, if that is what is measured."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def _epochs(self) -> Iterator[Batch]:
        for epoch in count():
            yield from batches(self.rows, self.batch_size, seed=0, epoch=epoch)


def _peak(subject: Subject, form: Literal["fast", "plain"]) -> float:
    bench = _Bench(subject)
    step = bench.fast_step() if form == "fast" else PlainStep(bench.model, bench.train)
    for _ in range(3):
        step(bench.load())
    if bench.device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 2**30
    return peak_memory_gib()


def _times(subject: Subject) -> dict[str, float]:
    bench = _Bench(subject)
    # copied before the first forward pass, after which models may hold what cannot be copied
    plain_step = PlainStep(deepcopy(bench.model), bench.train)
    fast_step = bench.fast_step()
    size = MATMUL if subject.device == "cpu" else GPU_MATMUL
    a, b, product = torch.randn(3, size, size, device=bench.device)

    def multiply() -> None:
        with in_float32():
            torch.mm(a, b, out=product)

    tasks: dict[str, Callable[[], object]] = {
        "load": bench.load,
        "step": lambda: fast_step(bench.load()),
        "plain": lambda: plain_step(bench.load()),
        "predict": lambda: predict(bench.model, bench.rows, bench.device),
        "product": multiply,
    }
    times = milliseconds(tasks, subject.repeats, bench.synchronize)
    step, gflop = median(times["step"]), 3 * bench.gflop * bench.batch_size
    gflops, matmul = gflop / step * 1000, 2 * size**3 / median(times["product"]) / 1e6
    parts = shares(bench.load, fast_step, bench.device)
    return {
        "ms_per_step": step,
        "plain_ms_per_step": median(times["plain"]),
        "plain_over_fast": ratio(times["plain"], times["step"]),
        "load_ms": median(times["load"]),
        "gflop_per_step": gflop,
        "gflops": gflops,
        "matmul_gflops": matmul,
        "matmul_share": gflops / matmul,
        "samples_per_s": bench.batch_size / step * 1000,
        "predict_samples_per_s": len(bench.rows) / median(times["predict"]) * 1000,
        **{SHARE + kind: share for kind, share in sorted(parts.items())},
    }
