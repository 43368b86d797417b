"""Training steps and prediction on rows of a data set's shape, beside the plain form and the
matrix-multiply rate."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.data import catalog
from benchmark.data.batches import Batch, batches, ordered
from benchmark.data.schema import Schema, Split
from benchmark.errors import UsageError
from benchmark.measure.cost import flops_per_sample
from benchmark.model import CTRModel, plain_form
from benchmark.recipes import recipe as recipes
from benchmark.recipes.recipe import Recipe, on_meta
from benchmark.speed.apart import apart
from benchmark.speed.measurements import Figures, Values, new_figures
from benchmark.speed.plain import PlainStep
from benchmark.training.optim import Optimizer
from benchmark.training.predict import predict
from benchmark.training.step import TrainingStep
from benchmark.utils.memory import keep_freed_memory, peak_memory_gib
from benchmark.utils.types import Notify

STANDARD = ("criteo_x1/rankelastor_dim20", "criteo_x1/rankmixer_base", "criteo_x1/dcnv2")
BATCHES = 16
"""Batches of rows in memory."""
SKEW = 4
"""Ids are drawn as cardinality * u^4."""
MATMUL = 2048
CPU = torch.device("cpu")

StepForm = Literal["fast", "plain"]


@dataclass(frozen=True)
class Setting:
    """What is measured: a recipe by its id, with settings changed, and the threads it gets."""

    recipe_id: str
    settings: tuple[str, ...]
    threads: int

    @property
    def subject(self) -> str:
        settings = [setting.replace("model.", "") for setting in self.settings]
        return " ".join((self.recipe_id, *settings))

    def recipe(self) -> Recipe:
        """The recipe with its settings. Raises UsageError for one that cannot be measured."""
        recipe = recipes.load(self.recipe_id)
        if self.settings:
            recipe = recipes.override(recipe, self.settings)
        shape_of(recipe)
        return recipe


@dataclass
class _Clock:
    """Milliseconds of each stage, call by call."""

    spent: dict[str, list[float]] = field(default_factory=dict)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.spent.setdefault(stage, []).append(1000 * (time.perf_counter() - began))

    def take(self) -> dict[str, float]:
        """The sums since the last call."""
        sums = {stage: sum(parts) for stage, parts in self.spent.items()}
        self.spent.clear()
        return sums


class _TimedOptimizer(Optimizer):
    """Times all of a step (`update`), and its moving of weights (`optimiser`)."""

    def __init__(self, model: CTRModel, recipe: Recipe, clock: _Clock) -> None:
        super().__init__(model, recipe.train)
        self._clock = clock

    def step(self) -> None:
        with self._clock("update"):
            super().step()

    def _adam(
        self, moved: Sequence[tuple[Tensor, Tensor, Tensor, Tensor]], penalty: float = 0.0
    ) -> None:
        with self._clock("optimiser"):
            super()._adam(moved, penalty)


def measure_training(setting: Setting, repeats: int, notify: Notify) -> Figures:
    """Time whole steps of both forms in turn, loading and update included, and take the peak memory
    of each in a process of its own.

    Raises UsageError for a recipe whose data set's size is not published.
    """
    notify(f"{setting.subject}: peak memory")
    memory = {
        "peak_memory_gib": apart(_peak, setting, "fast"),
        "plain_peak_memory_gib": apart(_peak, setting, "plain"),
    }
    notify(f"{setting.subject}: steps")
    values = apart(_steps, setting, repeats) | memory
    return new_figures("train", setting.subject, values, threads=setting.threads, repeats=repeats)


def measure_prediction(setting: Setting, repeats: int, notify: Notify) -> Figures:
    """Time the scoring of a few batches by both forms in turn. Raises as `measure_training`."""
    notify(f"{setting.subject}: prediction")
    values = apart(_predictions, setting, repeats)
    return new_figures("predict", setting.subject, values, threads=setting.threads, repeats=repeats)


def shape_of(recipe: Recipe) -> Schema:
    """The columns of the recipe's data set, with log-spaced cardinalities that sum to its published
    rows.

    Raises UsageError if the card does not name them."""
    card = catalog.find_card(recipe.dataset).card
    if card.table is None or card.published_rows is None or not card.table.sparse:
        raise UsageError(
            f"{recipe.dataset}: its card states no published_rows to shape rows by; take another"
            " data set"
        )
    sparse, rows = card.table.sparse, card.published_rows - len(card.table.dense)
    spaced = np.geomspace(4, rows, len(sparse))
    sizes = np.maximum(4, spaced * rows / spaced.sum()).astype(int)
    sizes[-1] += rows - sizes.sum()
    return Schema(card.table.dense, sparse, tuple(sizes.tolist()))


def some_rows(schema: Schema, rows: int) -> Split:
    """Random rows; few ids are frequent, most are rare."""
    generator = np.random.Generator(np.random.Philox(0))
    sparse = [(c * generator.random(rows) ** SKEW).astype(np.int32) for c in schema.cardinalities]
    dense = generator.normal(size=(rows, len(schema.dense))).astype(np.float32)
    label = generator.integers(2, size=rows, dtype=np.uint8)
    return Split(dense, np.stack(sparse, axis=1), label)


class _Bench:
    """A model, and rows for it."""

    def __init__(self, setting: Setting) -> None:
        keep_freed_memory()
        torch.set_num_threads(setting.threads)
        torch.manual_seed(0)
        self.recipe = setting.recipe()
        schema = shape_of(self.recipe)
        self.flops = flops_per_sample(on_meta(self.recipe, schema).model, schema)
        self.batch_size = self.recipe.train.batch_size
        self.arrays = some_rows(schema, BATCHES * self.batch_size)
        self.model = self.recipe.build(schema).model
        self.clock = _Clock()

    def fast_step(self) -> TrainingStep:
        """The suite's step, which tells the clock of its stages."""
        assert isinstance(self.model, nn.Module)
        self.model.register_forward_pre_hook(lambda *_: self._begin())
        self.model.register_forward_hook(lambda *_: self._end())
        return TrainingStep(self.model, _TimedOptimizer(self.model, self.recipe, self.clock))

    def _begin(self) -> None:
        self._began = time.perf_counter()

    def _end(self) -> None:
        self.clock.spent.setdefault("forward", []).append(
            1000 * (time.perf_counter() - self._began)
        )

    def rows(self) -> Iterator[Batch]:
        epoch = 0
        while True:
            yield from batches(self.arrays, self.batch_size, seed=0, epoch=epoch)
            epoch += 1


def _peak(setting: Setting, form: StepForm) -> float:
    bench = _Bench(setting)
    step = bench.fast_step() if form == "fast" else PlainStep(bench.model, bench.recipe.train)
    for _, batch in zip(range(3), bench.rows(), strict=False):
        step(batch)
    return peak_memory_gib()


def _steps(setting: Setting, repeats: int) -> Values:
    bench = _Bench(setting)
    plain_step = PlainStep(deepcopy(bench.model), bench.recipe.train)
    fast_step = bench.fast_step()
    rows, clock = bench.rows(), bench.clock
    stages: dict[str, list[float]] = {}
    plain: list[float] = []
    for repeat in range(repeats + 2):  # two to warm up
        with clock("step"):
            with clock("load"):
                batch = next(rows)
            fast_step(batch)
        spent = clock.take()
        with clock("plain"):
            plain_step(next(rows))
        if repeat >= 2:
            plain += clock.take().values()
            for stage, duration in _by_stage(spent).items():
                stages.setdefault(stage, []).append(duration)
        clock.take()
    medians = {f"{stage}_ms": median(parts) for stage, parts in stages.items()}
    step = medians.pop("step_ms")
    gflop = 3 * bench.flops * bench.batch_size / 1e9
    matmul = _matmul_gflops()
    return {
        "ms_per_step": step,
        "plain_ms_per_step": median(plain),
        "plain_over_fast": median(a / b for a, b in zip(plain, stages["step"], strict=True)),
        **medians,
        "gflop_per_step": gflop,
        "gflops": gflop / step * 1000,
        "matmul_gflops": matmul,
        "matmul_share": gflop / step * 1000 / matmul,
        "plain_matmul_share": gflop / median(plain) * 1000 / matmul,
        "samples_per_s": bench.batch_size / step * 1000,
    }


def _by_stage(spent: dict[str, float]) -> dict[str, float]:
    """The milliseconds of a step's stages, in their order."""
    update = spent["update"]
    return {
        "step": spent["step"],
        "load": spent["load"],
        "forward": spent["forward"],
        "backward": spent["step"] - spent["load"] - spent["forward"] - update,
        "clip": update - spent["optimiser"],
        "optimiser": spent["optimiser"],
    }


def _predictions(setting: Setting, repeats: int) -> Values:
    bench = _Bench(setting)
    fast: list[float] = []
    plain: list[float] = []
    for repeat in range(repeats + 1):  # one to warm up
        with bench.clock("fast"):
            predict(bench.model, bench.arrays, CPU)
        with bench.clock("plain"), torch.no_grad(), plain_form():
            for batch in ordered(bench.arrays, bench.batch_size):
                bench.model(batch.dense, batch.sparse)
        spent = bench.clock.take()
        if repeat:
            fast.append(spent["fast"])
            plain.append(spent["plain"])
    rows, matmul = len(bench.arrays), _matmul_gflops()
    gflops = bench.flops * rows / median(fast) / 1e6
    return {
        "samples_per_s": rows / median(fast) * 1000,
        "plain_samples_per_s": rows / median(plain) * 1000,
        "plain_over_fast": median(a / b for a, b in zip(plain, fast, strict=True)),
        "gflops": gflops,
        "matmul_gflops": matmul,
        "matmul_share": gflops / matmul,
        "peak_memory_gib": peak_memory_gib(),
    }


def _matmul_gflops() -> float:
    """The float32 rate of 2048 x 2048 products, the median of ten."""
    a, b = (torch.randn(MATMUL, MATMUL) for _ in range(2))
    out = torch.empty(MATMUL, MATMUL)
    seconds = []
    for _ in range(11):
        began = time.perf_counter()
        torch.mm(a, b, out=out)
        seconds.append(time.perf_counter() - began)
    return 2 * MATMUL**3 / median(seconds[1:]) / 1e9
