"""MovieLens-1M, KuaiRand and Frappe at hand: rows, digests and naive rates are the cards'."""

import csv
import gzip
import random
from collections import Counter

import numpy as np
import polars as pl
import pytest

from benchmark.data import catalog, inventory
from benchmark.data.card import SPLITS
from benchmark.data.sources import kuairand
from benchmark.measure import naive
from benchmark.measure.metrics import auc
from tests.data.sources.owners import frames_of
from tests.data.tables import ignore, real_data


@pytest.mark.parametrize(
    ("name", "folder", "positives"),
    [
        ("movielens_1m", "movielens_1m", 575_281),
        ("movielens_1m_autoint", "movielens_1m", 575_281),
        ("kuairand_14d", "kuairand_14d", 100_900),
        ("kuairand_14d_long", "kuairand_14d", 70_963),
        ("frappe_x1r", "frappe_x1r", 96_203),
    ],
)
def test_the_card_is_right(name, folder, positives):
    """Rows and positives of each split are checked when the store is opened."""
    folder = real_data(folder)
    messages: list[str] = []
    found, store = catalog.open_data(name, data_root=folder.parent, notify=messages.append)
    assert not [message for message in messages if "warning" in message]
    assert found.card.arrays == store.fingerprint.arrays
    assert not list(inventory.check(found.card, store.folder))
    assert not list(naive.faults(found.card, store))
    assert sum(store.fingerprint.positives.values()) == positives


def test_movielens_beside_a_plain_count():
    """The naive rates of users and movies in Python's own dictionaries: AUC .8628."""
    lines = real_data("movielens_1m/ratings.dat").read_text("latin-1").splitlines()
    ratings = (line.split("::") for line in lines)
    kept = [
        (f"u{user}", f"m{movie}", int(stars) > 3)
        for user, movie, stars, _ in ratings
        if stars != "3"
    ]
    random.seed(2019)
    random.shuffle(kept)
    train, test = kept[: int(0.8 * len(kept))], kept[int(0.9 * len(kept)) :]
    rows = Counter(key for *keys, _ in train for key in keys)
    clicks = Counter(key for *keys, is_liked in train if is_liked for key in keys)
    base = sum(is_liked for *_, is_liked in train) / len(train)

    def log_odds(key: str) -> float:
        rate = (clicks[key] + 5 * base) / (rows[key] + 5)
        return float(np.log(rate / (1 - rate)))

    score = np.array([log_odds(user) + log_odds(movie) for user, movie, _ in test])
    label = np.array([is_liked for *_, is_liked in test], np.uint8)
    assert len(train) == 591_209 and len(test) == 73_902
    assert auc(score, label) == pytest.approx(
        catalog.find_card("movielens_1m").card.naive.auc, abs=1e-7
    )
    assert round(auc(score, label), 4) == 0.8628


def test_kuairand_beside_the_files_read_another_way():
    folder = real_data("kuairand_14d")
    path = folder / "log_standard_4_22_to_5_08_pure.csv.gz"
    videos = folder / "video_features_basic_pure.csv"
    users = folder / "user_features_pure.csv"
    frames = frames_of(kuairand.kuairand_14d, {"log": path, "users": users, "videos": videos})
    with gzip.open(path, "rt") as file:
        log = list(csv.DictReader(file))
    with videos.open() as file:
        authors = {row["video_id"]: row["author_id"] for row in csv.DictReader(file)}
    days = {"train": "20220504", "valid": "20220506", "test": "20220508"}
    last = "20220424"
    for split in SPLITS:
        rows = [row for row in log if last < row["date"] <= days[split]]
        last, frame = days[split], frames[split]
        keys = sorted((int(row["time_ms"]), int(row["user_id"])) for row in rows)
        assert frame["user_id"].to_list() == [user for _, user in keys]
        expected = Counter((row["video_id"], authors[row["video_id"]]) for row in rows)
        found = frame.select(pl.col("video_id").cast(pl.String), "author_id").rows()
        assert Counter(found) == expected
        assert frame["is_click"].sum() == sum(row["is_click"] == "1" for row in rows)


def test_frappe_keeps_the_official_rows():
    folder = real_data("frappe_x1r")
    found, store = catalog.open_data("frappe_x1r", data_root=folder.parent, notify=ignore)
    official = {split: pl.read_csv(folder / f"{split}.csv") for split in SPLITS}
    for split in ("valid", "test"):
        assert store.split(split).label.tolist() == official[split]["label"].to_list()
    assert store.split("train").positives == official["train"]["label"].sum() == 67_604
    assert found.card.caveat == "official valid and test, train negatives resampled"
