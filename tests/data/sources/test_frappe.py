"""Train negatives of frappe_x1r: the same from every copy of the split."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmark.data import catalog
from benchmark.data.card import SPLITS
from benchmark.data.sources.frappe import COLUMNS, CONTEXT, frappe_x1r
from benchmark.errors import BenchmarkError
from tests.data.sources.owners import frames_of
from tests.data.tables import assert_same_arrays


def planted(seed: int = 0) -> dict[str, pl.DataFrame]:
    """Four users with 12 items of their own and, in the context of each, two negatives whose items
    are other users', dealt out to the splits."""
    random, rows = np.random.default_rng(seed), []
    for user, first in ((5, 100), (30, 112), (4, 124), (17, 136)):
        positives = range(first, first + 12)
        negatives = random.permutation(np.setdiff1d(range(100, 148), positives))
        for i, item in enumerate(positives):
            context = [int(value) for value in random.integers(1, 3, len(CONTEXT) - 1)]
            rows.append([1, user, int(item), *context])
            rows += [[0, user, int(other), *context] for other in negatives[2 * i : 2 * i + 2]]
    frame = pl.DataFrame(rows, schema=COLUMNS, orient="row")[random.permutation(len(rows))]
    return {"train": frame[:100], "valid": frame[100:122], "test": frame[122:]}


def write(folder: Path, frames: dict[str, pl.DataFrame]) -> dict[str, Path]:
    folder.mkdir(exist_ok=True)
    for split, frame in frames.items():
        frame.write_csv(folder / f"{split}.csv")
    return {split: folder / f"{split}.csv" for split in SPLITS}


def copy_with_other_negatives(frames: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Train in reverse, with negatives of any items."""
    train = frames["train"].reverse()
    item = pl.when(pl.col("label") == 0).then(pl.lit(999)).otherwise("item").alias("item")
    return frames | {"train": train.with_columns(item)}


def test_any_copy_gives_the_same_rows(tmp_path):
    frames = planted()
    one = frames_of(frappe_x1r, write(tmp_path / "one", frames))
    other = frames_of(frappe_x1r, write(tmp_path / "other", copy_with_other_negatives(frames)))
    assert all(one[split].equals(other[split]) for split in SPLITS)
    mixed = {split: frame.reverse() for split, frame in frames.items()}
    reverse = frames_of(frappe_x1r, write(tmp_path / "mixed", mixed))
    assert reverse["train"].equals(one["train"])
    assert reverse["test"].equals(frames["test"].reverse())


@pytest.mark.parametrize("seed", range(5))
def test_the_rule_of_the_docstring(tmp_path, seed):
    frames = planted(seed)
    made = frames_of(frappe_x1r, write(tmp_path, frames))
    assert made["valid"].equals(frames["valid"]) and made["test"].equals(frames["test"])
    train, official = made["train"], frames["train"]
    assert train.filter(label=1).sort(COLUMNS).equals(official.filter(label=1).sort(COLUMNS))
    drawn, given = train.filter(label=0), official.filter(label=0)
    assert drawn.select(CONTEXT).sort(CONTEXT).equals(given.select(CONTEXT).sort(CONTEXT))
    others = pl.concat([frames["valid"], frames["test"], official.filter(label=1)])
    pairs = pl.concat([drawn, others]).select("user", "item")
    assert pairs.is_unique().all(), "none is drawn twice, used, or a negative elsewhere"
    positives = pl.concat(frames.values()).filter(label=1)
    assert set(drawn["item"]) <= set(positives["item"])
    assert not drawn.equals(drawn.sort(COLUMNS)), "train is shuffled"


def test_every_free_item_is_drawn_as_often(tmp_path):
    """One user lacks 400 negatives of 800 free items that others used: about half of each half."""
    contexts = [1] * (len(CONTEXT) - 1)
    own = [[1, 1, item, *contexts] for item in range(200)]
    others = [[1, 2 + item % 40, item, *contexts] for item in range(200, 1000)]
    theirs = [[0, user, item, *contexts] for user in range(2, 42) for item in range(40)]
    train = pl.DataFrame(own + others, schema=COLUMNS, orient="row")
    held_out = pl.DataFrame(theirs, schema=COLUMNS, orient="row")
    frames = {"train": train, "valid": held_out[:800], "test": held_out[800:]}
    drawn = frames_of(frappe_x1r, write(tmp_path, frames))["train"].filter(label=0)
    assert drawn.height == 400 and set(drawn["user"]) == {1}
    low = (drawn["item"] < 600).sum()
    assert abs(low - 200) < 5 * 10, "sd of the hypergeometric: 7"
    assert drawn["item"].min() >= 200


def test_splits_of_another_kind_are_refused(tmp_path):
    frames = planted()
    fewer = frames | {"train": frames["train"].filter(pl.col("user") != 5)}
    with pytest.raises(BenchmarkError, match=r"train.csv lacks positives of contexts that have mo"):
        frappe_x1r(write(tmp_path, fewer))
    few = {
        split: frame.filter(pl.col("user").is_in([4, 5]), label=1)
        for split, frame in frames.items()
    }
    with pytest.raises(BenchmarkError, match="user 4 needs 24 negatives, but 12 items are left"):
        frappe_x1r(write(tmp_path, few))


def test_the_store_of_any_copy_has_the_same_fingerprint(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    card = Path(catalog.find_card("frappe_x1r").path).read_text().split("\n[expected.train]")[0]
    lines = card.replace("frappe_x1r", "mine", 1).splitlines()
    arrays = next(line for line in lines if line.startswith("arrays"))
    stores, messages = [], []
    for name, frames in (("a", planted()), ("b", copy_with_other_negatives(planted()))):
        write(tmp_path / name, frames)
        (tmp_path / name / "card.toml").write_text("\n".join(lines))
        path = str(tmp_path / name / "card.toml")
        stores.append(catalog.open_data(path, data_root=None, notify=messages.append)[1])
        mine = f'arrays = "{stores[0].fingerprint.arrays}"'
        lines[lines.index(arrays)], arrays = mine, mine
    one, other = stores
    assert_same_arrays(one, other)
    assert one.folder != other.folder and one.fingerprint == other.fingerprint
    assert one.fingerprint.sources == {"source": "frappe_x1r"}
    warned = [message for message in messages if "warning" in message]
    assert len(warned) == 1 and "the encoded rows have the SHA-256" in warned[0]
