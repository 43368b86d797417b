"""A small study for tests: a recipe of synthetic_tiny's name, on a few rows that train in
milliseconds."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.data.card import SPLITS
from benchmark.data.catalog import find_card
from benchmark.data.schema import Schema
from benchmark.data.store import Store, StoreWriter
from benchmark.recipes import recipe as recipes
from benchmark.studies.tuning.plan import Plan, search_of
from benchmark.studies.tuning.run import run_trials
from benchmark.studies.tuning.trials import Trials
from tests.factories import PROVENANCE

RECIPE = """
[model]
name = "dnn"
embedding_dim = 4
hidden_units = [8]

[train]
batch_size = 64
learning_rate = 0.01
epochs = 4

[search]
train.learning_rate = { low = 1e-4, high = 0.1, log = true }
model.hidden_units = { choice = [[8], [16, 8]] }
model.embedding_dim = { low = 2, high = 8 }
"""


def small_store(folder: Path, rows: int = 256) -> Store:
    """Clicks that depend on the first field."""
    schema = Schema(("price",), ("user", "item"), (9, 9))
    writer, random = StoreWriter(folder), np.random.default_rng(0)
    for split in SPLITS:
        sparse = random.integers(1, 8, (rows, 2)).astype(np.int32)
        label = (random.random(rows) < sparse[:, 0] / 9).astype(np.uint8)
        writer.append(split, random.standard_normal((rows, 1)).astype(np.float32), sparse, label)
    writer.publish(schema, {"test": "rows"})
    return Store.open(folder)


def small_plan(folder: Path, text: str = RECIPE, **changes: Any) -> Plan:
    """Of the recipe `text`, which becomes a file in `folder`."""
    source = folder / "recipes" / "synthetic_tiny" / "small.toml"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text(text + PROVENANCE)
    base = recipes.load("synthetic_tiny/small", folder / "recipes")
    plan = Plan(
        "small",
        base,
        source,
        search_of(base),
        band=None,
        card="synthetic_tiny",
        seed=0,
        threads=1,
        device="cpu",
        results=folder / "results",
    )
    return replace(plan, **changes)


def tune(
    plan: Plan, store: Store, trials: int, watch=lambda _: None, leave=lambda: False
) -> Trials:
    study = Trials(plan, store)
    run_trials(study, find_card("synthetic_tiny"), store, trials, watch, leave)
    return study
