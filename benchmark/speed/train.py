"""Training steps and prediction on rows of a data set's shape, beside the plain form."""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from statistics import median
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from benchmark.data import catalog
from benchmark.data.batches import Batch, batches, ordered
from benchmark.data.schema import Schema, Split
from benchmark.errors import UsageError
from benchmark.measure.cost import flops_per_sample
from benchmark.model import CTRModel, HasTrainingPenalty, plain_form
from benchmark.recipes.recipe import Recipe, Train, on_meta
from benchmark.training.optim import Optimizer, l2_penalty
from benchmark.training.predict import predict
from benchmark.training.step import TrainingStep
from benchmark.utils.memory import apart, keep_freed_memory, peak_memory_gib

STANDARD = ("criteo_x1/rankelastor_dim20", "criteo_x1/rankmixer_base", "criteo_x1/dcnv2")
BATCHES = 16
"""Batches of rows in memory."""
MATMUL = 2048
CPU = torch.device("cpu")

Sample = dict[str, float]
"""Milliseconds by stage of one step or one prediction."""


def measure_training(recipe: Recipe, threads: int, repeats: int) -> dict[str, float]:
    """Time whole steps of both forms in turn, loading and update included, and take the peak memory
    of each in a process of its own."""
    memory = {
        "peak_memory_gib": apart(_peak, recipe, threads, "fast"),
        "plain_peak_memory_gib": apart(_peak, recipe, threads, "plain"),
    }
    return apart(_steps, recipe, threads, repeats) | memory


def measure_prediction(recipe: Recipe, threads: int, repeats: int) -> dict[str, float]:
    """Time the scoring of a few batches by both forms in turn."""
    return apart(_predictions, recipe, threads, repeats)


def shape_of(recipe: Recipe) -> Schema:
    """The columns of the recipe's data set, with log-spaced cardinalities that sum to its published
    rows. Raises UsageError if the card does not name them."""
    card = catalog.find_card(recipe.dataset).card
    if card.table is None or card.published_rows is None or not card.table.sparse:
        raise UsageError(f"{recipe.dataset}: its card states no published_rows to shape rows by")
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
        """Update once and return the batch's mean cross-entropy without penalties."""
        self._model.train()
        self._adam.zero_grad(set_to_none=False)
        with plain_form():
            logit = self._model(batch.dense, batch.sparse)
        loss = total = binary_cross_entropy_with_logits(logit, batch.label)
        if isinstance(self._model, HasTrainingPenalty):
            total = loss + self._model.training_penalty()
        torch.autograd.backward(total)
        with torch.no_grad():
            for name, parameter in self._model.named_parameters():
                penalty = l2_penalty(name, self._train)
                if penalty and parameter.grad is not None:
                    parameter.grad.add_(parameter, alpha=penalty)
            nn.utils.clip_grad_norm_(self._model.parameters(), self._train.clip_norm)
        self._adam.step()
        return loss.item()


class _Clock:
    """Milliseconds of each stage since the last `take`."""

    def __init__(self) -> None:
        self.spent: Sample = defaultdict(float)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        self.start(stage)
        yield
        self.stop(stage)

    def start(self, stage: str) -> None:
        self.spent[stage] -= 1000 * time.perf_counter()

    def stop(self, stage: str) -> None:
        self.spent[stage] += 1000 * time.perf_counter()

    def take(self) -> Sample:
        sample, self.spent = self.spent, defaultdict(float)
        return sample


class _TimedOptimizer(Optimizer):
    """Times all of a step (`update`), and its moving of weights (`optimiser`)."""

    def __init__(self, model: CTRModel, train: Train, clock: _Clock) -> None:
        super().__init__(model, train)
        self._clock = clock

    def step(self) -> None:
        with self._clock("update"):
            super().step()

    def _adam(
        self, moved: Sequence[tuple[Tensor, Tensor, Tensor, Tensor]], penalty: float = 0.0
    ) -> None:
        with self._clock("optimiser"):
            super()._adam(moved, penalty)


class _Bench:
    """A model, rows for it, and a clock."""

    def __init__(self, recipe: Recipe, threads: int) -> None:
        keep_freed_memory()
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        schema = shape_of(recipe)
        self.train, self.batch_size = recipe.train, recipe.train.batch_size
        self.gflop = flops_per_sample(on_meta(recipe, schema).model, schema) / 1e9
        self.split = some_rows(schema, BATCHES * self.batch_size)
        self.model = recipe.build(schema).model
        self.clock = _Clock()

    def fast_step(self) -> TrainingStep:
        """The suite's step, which tells the clock of its stages."""
        assert isinstance(self.model, nn.Module)
        self.model.register_forward_pre_hook(lambda *_: self.clock.start("forward"))
        self.model.register_forward_hook(lambda *_: self.clock.stop("forward"))
        return TrainingStep(self.model, _TimedOptimizer(self.model, self.train, self.clock))

    def batches(self) -> Iterator[Batch]:
        epoch = 0
        while True:
            yield from batches(self.split, self.batch_size, seed=0, epoch=epoch)
            epoch += 1


def _peak(recipe: Recipe, threads: int, form: Literal["fast", "plain"]) -> float:
    bench = _Bench(recipe, threads)
    step = bench.fast_step() if form == "fast" else PlainStep(bench.model, bench.train)
    for _, batch in zip(range(3), bench.batches(), strict=False):
        step(batch)
    return peak_memory_gib()


def _steps(recipe: Recipe, threads: int, repeats: int) -> dict[str, float]:
    bench = _Bench(recipe, threads)
    plain_step = PlainStep(deepcopy(bench.model), bench.train)
    fast_step = bench.fast_step()
    source, clock = bench.batches(), bench.clock
    samples = []
    for _ in range(repeats + 2):
        with clock("step"):
            with clock("load"):
                batch = next(source)
            fast_step(batch)
        with clock("plain"):
            plain_step(next(source))
        sample = clock.take()
        sample["clip"] = sample["update"] - sample["optimiser"]
        before = sample["load"] + sample["forward"]
        sample["backward"] = sample["step"] - before - sample["update"]
        samples.append(sample)
    del samples[:2]  # warm-up
    step, gflop = _median(samples, "step"), 3 * bench.gflop * bench.batch_size
    stages = ("load", "forward", "backward", "clip", "optimiser")
    return {
        "ms_per_step": step,
        "plain_ms_per_step": _median(samples, "plain"),
        "plain_over_fast": median(sample["plain"] / sample["step"] for sample in samples),
        **{f"{stage}_ms": _median(samples, stage) for stage in stages},
        "gflop_per_step": gflop,
        **_rates(gflop, step),
        "samples_per_s": bench.batch_size / step * 1000,
    }


def _predictions(recipe: Recipe, threads: int, repeats: int) -> dict[str, float]:
    bench, samples = _Bench(recipe, threads), []
    for _ in range(repeats + 1):
        with bench.clock("fast"):
            predict(bench.model, bench.split, CPU)
        with bench.clock("plain"), torch.no_grad(), plain_form():
            for batch in ordered(bench.split, bench.batch_size):
                bench.model(batch.dense, batch.sparse)
        samples.append(bench.clock.take())
    del samples[:1]  # warm-up
    rows, fast = len(bench.split), _median(samples, "fast")
    return {
        "samples_per_s": rows / fast * 1000,
        "plain_samples_per_s": rows / _median(samples, "plain") * 1000,
        "plain_over_fast": median(sample["plain"] / sample["fast"] for sample in samples),
        **_rates(bench.gflop * rows, fast),
        "peak_memory_gib": peak_memory_gib(),
    }


def _median(samples: list[Sample], stage: str) -> float:
    return median(sample[stage] for sample in samples)


def _rates(gflop: float, milliseconds: float) -> dict[str, float]:
    """GFLOP/s, beside the float32 rate of 2048 x 2048 products, the median of ten."""
    a, b = (torch.randn(MATMUL, MATMUL) for _ in range(2))
    out = torch.empty(MATMUL, MATMUL)
    seconds = []
    for _ in range(11):
        began = time.perf_counter()
        torch.mm(a, b, out=out)
        seconds.append(time.perf_counter() - began)
    matmul = 2 * MATMUL**3 / median(seconds[1:]) / 1e9
    gflops = gflop / milliseconds * 1000
    return {"gflops": gflops, "matmul_gflops": matmul, "matmul_share": gflops / matmul}
