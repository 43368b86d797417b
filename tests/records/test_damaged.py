"""Every JSON file that the project wrote, mutated: its reader gives an answer or a short line."""

import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmark.data import catalog
from benchmark.data.sources import local
from benchmark.data.store import Store
from benchmark.errors import BenchmarkError
from benchmark.recipes import recipe as recipes
from benchmark.records import manifest, record, tuning
from benchmark.records.archive import Archive
from benchmark.runs import saved_model
from benchmark.speed import measurements
from benchmark.training.checkpoint import Checkpoint, Checkpoints
from benchmark.utils.files import canonical_sha256
from benchmark.utils.paths import ROOT
from tests.factories import keep, make_record

OTHERS: list[Any] = [None, True, -1, 1.5, "", "../../x", [], {}, [[0]], {"a": {}}]


def mutations(content: dict[str, Any], draws: random.Random) -> Iterator[str]:
    """Truncations, and keys at any depth that are deleted, twice there, or of another type."""
    text = json.dumps(content)
    yield from (text[: draws.randrange(len(text))] for _ in range(4))
    yield from ("[]", '""', text + "x", text[:-1] + ', "format": 1, "format": 1}')
    for _ in range(40):
        altered = json.loads(text)
        inner: Any = altered
        while True:
            key = draws.choice(list(inner) if isinstance(inner, dict) else range(len(inner)))
            if not (inner[key] and isinstance(inner[key], dict | list) and draws.random() < 0.7):
                break
            inner = inner[key]
        if draws.random() < 0.3:
            del inner[key]
        else:
            inner[key] = draws.choice(OTHERS)
        yield json.dumps(altered)


def resealed(text: str, seal: str) -> str:
    """The same with a checksum as a forger would give it."""
    try:
        content = json.loads(text)
        content.pop(seal)
        return json.dumps(content | {seal: canonical_sha256(content)})
    except (ValueError, AttributeError, TypeError, KeyError):
        return text


def faults(path: Path, read: Callable[[], object], seal: str = "") -> int:
    """Mutate the file, read it each time and count how often it is refused."""
    original, draws, refused = path.read_text(), random.Random(0), 0
    for text in mutations(json.loads(original), draws):
        path.write_text(resealed(text, seal) if seal else text)
        try:
            read()
        except BenchmarkError as error:
            refused += 1
            assert "\n" not in str(error) and len(str(error)) < 600, error
    path.write_text(original)
    read()
    return refused


@pytest.fixture
def store(tmp_path, monkeypatch) -> Store:
    monkeypatch.chdir(tmp_path)
    _, found = catalog.open_data("synthetic_tiny", data_root=None, notify=lambda _: None)
    return found


def test_records_tuning_studies_figures_and_the_manifest(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("seed-0.json")
    keep(make_record(), path)
    assert faults(path, lambda: record.load(path)) > 20
    for name, read in (
        ("manifest.json", lambda: manifest.load(Path())),
        ("studies/tuning/kuairand_14d/dcnv2.json", lambda: tuning.load(Path("dcnv2.json"))),
    ):
        copied = Path(Path(name).name)
        copied.write_text((ROOT / "results" / name).read_text())
        assert faults(copied, read) > 20
    figures = Path("speed/train-criteo_x1-dcnv2.json")
    figures.parent.mkdir()
    figures.write_text((ROOT / "results" / figures).read_text())
    assert faults(figures, lambda: measurements.load_topic("train", Archive(Path()))) > 20


def test_stores_and_saved_models(store, tmp_path) -> None:
    copied = Path("store")
    shutil.copytree(store.folder, copied)
    assert faults(copied / "manifest.json", lambda: Store.open(copied), seal="digest") > 20
    model = Path("model")
    recipe = recipes.parse({"model": {"name": "lr"}, "train": {}}, "synthetic_tiny", "recipe")
    made = make_record(recipe=recipe.resolved(), recipe_digest=recipe.digest())
    saved_model.save(recipe.build(store.schema).model, made, store, model)
    assert faults(model / "seal.json", lambda: saved_model.load(model), seal="sha256") > 20


def test_checkpoints_are_refused_with_a_notice(tmp_path) -> None:
    told: list[str] = []
    checkpoints = Checkpoints(tmp_path, {"torch": "2"}, "source", told.append)
    weights = {"w": torch.zeros(2)}
    checkpoints.write(Checkpoint(3, {"curve": []}, weights, {2: weights}))
    [seal] = tmp_path.rglob("seal.json")
    assert faults(seal, checkpoints.latest, seal="sha256") == 0
    assert len(told) > 20 and all("\n" not in each and len(each) < 600 for each in told)


def test_sums_of_the_cache_are_computed_again(tmp_path) -> None:
    memory, rows = tmp_path / "md5.json", tmp_path / "rows.csv"
    rows.write_text("a\n")
    expected = local.md5_sums({"all": rows}, memory)
    original = memory.read_text()
    for text in mutations(json.loads(original), random.Random(0)):
        memory.write_text(text)
        assert local.md5_sums({"all": rows}, memory) == expected
