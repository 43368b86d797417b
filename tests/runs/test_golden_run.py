"""The numbers of a small run of every model. If they change, bump `NUMERICS` and write
golden_run.json again.

`python -m tests.runs.test_golden_run` writes the numbers of the present code, new models included.
"""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.data import catalog
from benchmark.recipes import recipe as recipes
from benchmark.records.ranks import last_ratio
from benchmark.records.record import NUMERICS
from benchmark.registry import models
from benchmark.runs.job import Job
from benchmark.runs.run import Finished, Run

GOLDEN = Path(__file__).with_name("golden_run.json")
ROWS = 2048
"""Few steps: Adam turns rounding near a zero gradient into whole steps, so longer runs differ
between processors."""
TOLERANCE = 2e-5
"""Far above what another processor's rounding does to these runs, far below what another algorithm
does."""


def numbers(model: str) -> dict[str, float | None]:
    found, store = catalog.open_data("synthetic_tiny", data_root=None, notify=lambda _: None)
    settings = [
        "train.epochs=2",
        "train.batch_size=512",
        "train.embedding_l2=1e-3",
        "train.learning_rate=1e-3",
    ]
    recipe = replace(
        recipes.override(recipes.find(model, "none"), settings), dataset="synthetic_tiny"
    )
    last = list(Run(Job(recipe, found.card, store, seed=7, threads=1, rows=ROWS)))[-1]
    assert isinstance(last, Finished)
    test = last.record.metrics
    return {
        "test_auc": test.test.auc,
        "test_logloss": test.calibrated.logloss,
        "train_loss": last.record.curve[-1].train_loss,
        "last_stage_rank_ratio": last_ratio(last.record),
    }


@pytest.mark.parametrize("model", models.names())
def test_golden_run(model: str) -> None:
    golden = json.loads(GOLDEN.read_text())
    assert golden["numerics"] == NUMERICS, "NUMERICS was bumped: write golden_run.json again"
    assert model in golden, (
        f"no numbers of '{model}' yet: add them with `python -m tests.runs.test_golden_run`"
    )
    advice = (
        "the numbers of a run changed: bump NUMERICS in benchmark/records/record.py and write"
        " golden_run.json again"
    )
    assert numbers(model) == pytest.approx(golden[model], abs=TOLERANCE), advice


if __name__ == "__main__":
    GOLDEN.write_text(
        json.dumps({"numerics": NUMERICS} | {m: numbers(m) for m in models.names()}, indent=1)
        + "\n"
    )
