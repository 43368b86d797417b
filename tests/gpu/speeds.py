"""Training steps of recipes of criteo_x1 in every precision of a device, with the share of its
measured rate of matrix products: `python -m tests.gpu.speeds cuda 4096 65536`.

Steps are those of a fit: rows on the device, loss not read. Random rows of the data set's shape."""

import sys
import time
from collections.abc import Callable
from itertools import chain, count, product
from typing import get_args

import torch

from benchmark.data.batches import Resident, batches, resident
from benchmark.data.schema import Schema
from benchmark.measure.cost import outline
from benchmark.recipes import recipe as recipes
from benchmark.recipes.precision import Precision, set_precision
from benchmark.recipes.recipe import Recipe
from benchmark.speed.train import shape_of, some_rows
from benchmark.training.optim import Optimizer
from benchmark.training.step import TrainingStep
from benchmark.utils.memory import keep_freed_memory

RECIPES = "rankelastor_dim20", "rankmixer_base", "dcnv2", "finalnet"
SECONDS = 1.0
"""How long each is measured at least, after three calls to warm up."""


def milliseconds(work: Callable[[], object], device: torch.device) -> float:
    """The mean time of a call, with all that the device still has to do."""

    def timed(calls: int) -> float:
        began = time.perf_counter()
        for _ in range(calls):
            work()
        if device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - began

    timed(3)
    calls = max(1, int(SECONDS / timed(1)))
    return 1000 * timed(calls) / calls


def rate(precision: Precision, device: torch.device) -> float:
    """GFLOP/s of products of large square matrices in a precision."""
    size = 8192 if device.type == "cuda" else 1024
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    a, b = torch.randn(2, size, size, device=device).to(dtype)
    return 2 * size**3 / milliseconds(lambda: torch.mm(a, b), device) / 1e6


def step_milliseconds(recipe: Recipe, schema: Schema, rows: Resident) -> float:
    """The time of a step of a recipe on rows of its data set's shape."""
    device, size = rows.label.device, recipe.train.batch_size
    torch.manual_seed(0)
    model = recipe.build(schema).model.to(device)
    step = TrainingStep(model, Optimizer(model, recipe.train), seed=0)
    epochs = (batches(rows, size, seed=0, epoch=epoch) for epoch in count())
    source = chain.from_iterable(epochs)
    return milliseconds(lambda: step(next(source)), device)


def main(device: torch.device, sizes: list[int]) -> None:
    keep_freed_memory()
    precisions = [each for each in get_args(Precision) if (each, device.type) != ("tf32", "cpu")]
    rates = {}
    for precision in precisions:
        set_precision(precision, device)
        rates[precision] = rate(precision, device)
        print(f"matrix products in {precision}: {rates[precision]:,.0f} GFLOP/s", flush=True)
    print("recipe            batch  precision    ms/step      rows/s  of matmul")
    for name, size in product(RECIPES, sizes):
        recipe = recipes.load(f"criteo_x1/{name}")
        schema = shape_of(recipe, print)
        gflop = 3 * size * outline(recipe, schema).flops_per_sample / 1e9
        rows = resident(some_rows(schema, 4 * size), device)
        for precision in precisions:
            set_precision(precision, device)
            settings = {"train.precision": precision, "train.batch_size": size}
            ms = step_milliseconds(recipes.vary(recipe, settings, name), schema, rows)
            share = gflop / ms * 1000 / rates[precision]
            speeds = f"{ms:10.2f}{1000 * size / ms:12,.0f}{share:11.1%}"
            print(f"{name:18}{size:5}  {precision:9}{speeds}", flush=True)


main(torch.device(sys.argv[1]), [int(size) for size in sys.argv[2:]])
