"""The cards of the published splits, and real rows that take the whole way from a hub."""

import hashlib
from pathlib import Path

import pytest

from benchmark.data import catalog
from benchmark.data.store import Store
from tests.data.hub import ROWS, zipped
from tests.data.tables import ignore, real_data


def open_data(card: str) -> Store:
    return catalog.open_data(card, data_root=None, notify=ignore)[1]


@pytest.mark.parametrize(
    ("name", "fields", "dim", "min_count"),
    [
        ("criteo_x1", (13, 26), 10, 1),
        ("criteo_x4_001", (0, 39), 16, 10),
        ("criteo_x4_002", (0, 39), 40, 2),
        ("avazu_x1", (0, 22), 10, 1),
        ("avazu_x4_001", (0, 24), 16, 2),
        ("avazu_x4_002", (0, 24), 40, 1),
        ("frappe_x1", (0, 10), 10, 1),
        ("movielenslatest_x1", (0, 3), 10, 1),
    ],
)
def test_the_cards_of_the_published_splits(name, fields, dim, min_count):
    card = catalog.find_card(name).card
    assert (len(card.table.dense), len(card.table.sparse)) == fields
    assert (card.embedding_dim, card.table.min_count) == (dim, min_count)
    assert card.hub.repo.startswith("reczoo/") and card.hub.file == f"{card.hub.name}.zip"
    assert card.terms and card.citation
    sums = [expected.md5 for expected in card.expected.values()]
    assert len(set(sums)) == 3 and all(len(md5) == 32 for md5 in sums)


def real_card(name: str, folder: Path, texts: dict[str, str]) -> str:
    """The built-in card on the hub of `serving`, with the rows and md5 of these texts."""
    text = (catalog.CARDS / f"{name}.toml").read_text().partition("[expected")[0]
    hub = catalog.find_card(name).card.hub
    for old, new in ((f'"{name}"', '"mine"'), (hub.repo, "we/Mine"), (hub.file, "Mine.zip")):
        text = text.replace(old, new)
    lines = [
        line for line in text.splitlines() if not line.startswith(("revision", "published_rows"))
    ]
    for split in ROWS:
        content = texts[f"{split}.csv"]
        md5 = hashlib.md5(content.encode(), usedforsecurity=False).hexdigest()
        lines += [f"[expected.{split}]", f"rows = {content.count(chr(10)) - 1}", f'md5 = "{md5}"']
    path = folder / "real.toml"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def split_lines(header: str, lines: list[str]) -> dict[str, str]:
    """The lines as the csv files of three splits, 8:1:1 in their order."""
    tenth = len(lines) // 10
    parts = {
        "train": lines[: 8 * tenth],
        "valid": lines[8 * tenth : 9 * tenth],
        "test": lines[9 * tenth :],
    }
    return {f"{split}.csv": "\n".join([header, *part]) + "\n" for split, part in parts.items()}


def test_the_real_frappe_rows_from_a_hub(tmp_path, card, hub):
    """The train file is the resampled one, but every token of the published one is in it."""
    folder = real_data("frappe_x1r")
    texts = {f"{split}.csv": (folder / f"{split}.csv").read_text() for split in ROWS}
    hub.files = {"we/Mine/Mine.zip": zipped(texts)}
    store = open_data(real_card("frappe_x1", tmp_path, texts))
    published = catalog.find_card("frappe_x1").card
    assert store.fingerprint.rows == {
        split: fact.rows for split, fact in published.expected.items()
    }
    assert not list(catalog.differences(published, store.fingerprint))


@pytest.mark.parametrize(("name", "fields"), [("criteo_x1", 39), ("criteo_x4_001", 39)])
def test_the_real_criteo_rows_from_a_hub(tmp_path, card, hub, name, fields):
    lines = real_data("criteo_kaggle/train.txt").read_text().splitlines()[:5000]
    header = ",".join(["label", *(f"I{i}" for i in range(1, 14)), *(f"C{i}" for i in range(1, 27))])
    texts = split_lines(header, [line.replace("\t", ",") for line in lines])
    hub.files = {"we/Mine/Mine.zip": zipped(texts)}
    store = open_data(real_card(name, tmp_path, texts))
    assert store.fingerprint.rows == {"train": 4000, "valid": 500, "test": 500}
    assert store.schema.num_fields == fields


def test_the_real_avazu_rows_from_a_hub(tmp_path, card, hub):
    header, *lines = real_data("avazu_kaggle/train.csv").read_text().splitlines()[:5001]
    texts = split_lines(header, lines)
    hub.files = {"we/Mine/Mine.zip": zipped(texts)}
    store = open_data(real_card("avazu_x4_001", tmp_path, texts))
    assert store.fingerprint.rows == {"train": 4000, "valid": 500, "test": 500}
    assert store.schema.num_fields == 24
