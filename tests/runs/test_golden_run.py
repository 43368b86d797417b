"""The numbers of a small run of every model, on some columns and rows of synthetic_tiny. If they
change, bump `NUMERICS` and write golden_run.json again.

`python -m tests.runs.test_golden_run` writes the numbers of the present code, new models included.
"""

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.data import catalog
from benchmark.data.schema import Schema
from benchmark.data.store import Store, StoreWriter, open_or_make
from benchmark.recipes import recipe as recipes
from benchmark.records.record import NUMERICS, Record
from benchmark.registry import models
from benchmark.runs.job import Job
from benchmark.runs.run import Finished, Run

GOLDEN = Path(__file__).with_name("golden_run.json")
ROWS = {"train": 1024, "valid": 512, "test": 2048}
"""Few steps: Adam turns rounding near a zero gradient into whole steps, so longer runs differ
between processors."""
DENSE, SPARSE = 3, 9
"""The first columns of either kind, as the costs of some models grow with the pairs of columns."""
TOLERANCE = 2e-5
"""Far above what another processor's rounding does to these runs, far below what another algorithm
does."""
SENSITIVE = {"wukong": 2e-4}
"""On a processor without AVX-512 it ends 7e-5 from the numbers on file, the others at most 4e-6."""


def few_rows(whole: Store, folder: Path) -> Store:
    """A store of the first rows and columns of another."""

    def make(writer: StoreWriter) -> None:
        for name, rows in ROWS.items():
            split = whole.split(name)
            writer.append(
                name, split.dense[:rows, :DENSE], split.sparse[:rows, :SPARSE], split.label[:rows]
            )
        writer.publish(Schema(*columns), {"of": whole.fingerprint.arrays})

    schema = whole.schema
    columns = schema.dense[:DENSE], schema.sparse[:SPARSE], schema.cardinalities[:SPARSE]
    return open_or_make(folder / "few_rows", make, lambda _: None)


def numbers(model: str, folder: Path) -> dict[str, float | None]:
    """What a run of the model ends with; the store of its rows is made in the folder."""
    found, whole = catalog.open_data("synthetic_tiny", data_root=None, notify=lambda _: None)
    store = few_rows(whole, folder)
    settings = [
        "train.epochs=2",
        "train.batch_size=256",
        "train.embedding_l2=1e-3",
        "train.learning_rate=1e-3",
    ]
    recipe = replace(
        recipes.override(recipes.find(model, "none"), settings), dataset="synthetic_tiny"
    )
    last = list(Run(Job(recipe, found.card, store, seed=7, threads=1)))[-1]
    assert isinstance(last, Finished)
    test = last.record.metrics
    return {
        "test_auc": test.test.auc,
        "test_logloss": test.calibrated.logloss,
        "train_loss": last.record.curve[-1].train_loss,
        "last_stage_erank_share": erank_share(last.record),
    }


def erank_share(record: Record) -> float | None:
    """Effective rank of the last stage, batch form, over its limit: no noise need be simulated."""
    spectra = list(record.spectra("best").batch.values())
    if not spectra or spectra[-1] is None:
        return None
    return spectra[-1].erank.mean / min(spectra[-1].rows, spectra[-1].columns)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("golden")


@pytest.mark.parametrize("model", models.names())
def test_golden_run(model: str, folder: Path) -> None:
    golden = json.loads(GOLDEN.read_text())
    assert golden["numerics"] == NUMERICS, "NUMERICS was bumped: write golden_run.json again"
    assert model in golden, (
        f"no numbers of '{model}' yet: add them with `python -m tests.runs.test_golden_run`"
    )
    advice = (
        "the numbers of a run changed: bump NUMERICS in benchmark/records/record.py and write"
        " golden_run.json again"
    )
    assert numbers(model, folder) == pytest.approx(
        golden[model], abs=SENSITIVE.get(model, TOLERANCE)
    ), advice


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        found = {m: numbers(m, Path(made)) for m in models.names()}
    GOLDEN.write_text(json.dumps({"numerics": NUMERICS} | found, indent=1) + "\n")
