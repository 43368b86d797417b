"""Real rows through the hub's client: zips of them on a server of the hub's shape."""

import json
import subprocess
import sys

import numpy as np
import pytest

from benchmark.data import catalog
from benchmark.data.card import SPLITS, TableSpec
from tests.data.hub import Hub, serving, write_card, zipped
from tests.data.tables import ignore, real_data


def in_three_parts(lines: list[str], header: str) -> dict[str, str]:
    """train.csv, valid.csv and test.csv with eight, one and one tenth of the lines."""
    cuts = [len(lines) * 8 // 10, len(lines) * 9 // 10]
    parts = (lines[: cuts[0]], lines[cuts[0] : cuts[1]], lines[cuts[1] :])
    return {
        f"{split}.csv": header + "".join(part) for split, part in zip(SPLITS, parts, strict=True)
    }


def criteo() -> dict[str, str]:
    return in_three_parts(
        real_data("criteo_kaggle/train.txt").read_text().splitlines(keepends=True), ""
    )


def avazu() -> dict[str, str]:
    header, *lines = real_data("avazu_kaggle/train.csv").read_text().splitlines(keepends=True)
    return in_three_parts(lines, header)


def frappe() -> dict[str, str]:
    return {f"{split}.csv": real_data(f"frappe_x1r/{split}.csv").read_text() for split in SPLITS}


def toml_of(table: TableSpec) -> str:
    """What a card says of columns and encoding."""
    kept = ("separator", "header", "label", "dense", "sparse", "min_count", "dense_rule")
    lines = [f"{key} = {json.dumps(getattr(table, key))}" for key in kept]
    lines += [
        f"derive.{name} = {{ rule = '{d.rule}', of = '{d.of}' }}"
        for name, d in table.derive.items()
    ]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("name", "texts_of"),
    [("criteo_kaggle", criteo), ("avazu_kaggle", avazu), ("frappe_x1r", frappe)],
)
def test_data_prepare_fetches_checks_and_encodes_real_rows(tmp_path, monkeypatch, name, texts_of):
    texts = texts_of()
    table = catalog.find_card(name).card.table
    headers = 0 if table.header else 1
    rows = {split: texts[f"{split}.csv"].count("\n") - headers for split in SPLITS}
    card = write_card(tmp_path / "card", texts, rows, toml_of(table))
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    with serving(Hub({"we/Mine/Mine.zip": zipped(texts)})) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        done = subprocess.run(
            [sys.executable, "-m", "benchmark", "data", "prepare", str(card)],
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr
    assert (
        f"mine is ready: {rows['train']:,} / {rows['valid']:,} / {rows['test']:,} rows"
        in done.stdout
    )
    _, store = catalog.open_data(str(card), data_root=None, notify=ignore, fetch=False)
    train = store.split("train")
    position = (
        texts["train.csv"].splitlines()[0].split(table.separator).index(table.label)
        if headers
        else 0
    )
    labels = [
        line.split(table.separator)[position] for line in texts["train.csv"].splitlines()[headers:]
    ]
    np.testing.assert_array_equal(train.label, np.array([float(label) for label in labels]))
    assert (train.sparse.max(axis=0) < np.array(store.schema.cardinalities)).all()
