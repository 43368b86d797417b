"""The fourteen days of KuaiRand, on files of the owners' form."""

import random
from pathlib import Path

import polars as pl
import pytest

from benchmark.data import catalog
from benchmark.data.sources.kuairand import DETAILS, KEYS, USERS, VIDEOS, kuairand_14d
from benchmark.errors import BenchmarkError
from tests.data.sources.owners import frames_of, write_csv

LOG = [*KEYS, *DETAILS, "play_time_ms", "is_like", "profile_stay_time", "is_rand"]


def exposure(day: int, user: int, video: int, time: int, **more: object) -> dict[str, object]:
    keys = {"date": day, "user_id": user, "video_id": video, "time_ms": time}
    return keys | {"play_time_ms": 9, "is_like": 1} | more


ROWS = [
    exposure(20220424, 1, 7, 0),
    exposure(20220425, 1, 7, 30, hourmin=2359, is_click=1, duration_ms=1500),
    exposure(20220504, 2, 7, 20, hourmin=100, tab=4),
    exposure(20220425, 2, 7, 20, hourmin=0),
    exposure(20220425, 1, 8, 20, hourmin=900, long_view=1),
    exposure(20220505, 1, 7, 40, is_click=1),
    exposure(20220506, 10, 7, 50),
    exposure(20220506, 2, 7, 50),
    exposure(20220507, 2, 8, 60, is_click=1),
    exposure(20220508, 2, 8, 70),
    exposure(20220509, 2, 8, 80),
]
PEOPLE = [
    {"user_id": 1, "user_active_degree": "full_active", "follow_user_num": 514},
    {"user_id": 2, "fans_user_num_range": "[100,1k)", "onehot_feat4": ""},
    {"user_id": 10},
    {"user_id": 11},
]
CLIPS = [
    {"video_id": 7, "upload_dt": "2022-04-10", "tag": "12,3", "music_type": "9.0"},
    {"video_id": 8, "upload_dt": "2022-04-25", "tag": ""},
]


def write(folder: Path, ending: str = "", log=ROWS, people=PEOPLE, clips=CLIPS) -> dict[str, Path]:
    return {
        "log": write_csv(folder / f"log.csv{ending}", LOG, log),
        "users": write_csv(folder / f"users.csv{ending}", USERS, people),
        "videos": write_csv(folder / f"videos.csv{ending}", VIDEOS, clips),
    }


def test_days_order_and_splits_by_hand(tmp_path):
    frames = frames_of(kuairand_14d, write(tmp_path))
    found = {
        split: list(frame.select("user_id", "video_id", "tab").iter_rows())
        for split, frame in frames.items()
    }
    assert found == {
        "train": [(1, 8, 0), (2, 7, 0), (2, 7, 4), (1, 7, 0)],
        "valid": [(1, 7, 0), (2, 7, 0), (10, 7, 0)],
        "test": [(2, 8, 0), (2, 8, 0)],
    }


def test_fields_by_hand(tmp_path):
    first, *_, last = frames_of(kuairand_14d, write(tmp_path))["train"].to_dicts()
    picked = ("freshness_days", "hour", "weekday", "tag", "is_click", "long_view", "duration_ms")
    assert [last[name] for name in picked] == [15, 23, 1, "12", 1, 0, 1500]
    assert [first[name] for name in picked] == [0, 9, 1, None, 0, 1, 0]
    assert (first["user_active_degree"], first["follow_user_num"]) == ("full_active", "514")
    second = frames_of(kuairand_14d, write(tmp_path))["test"].to_dicts()[0]
    assert (second["fans_user_num_range"], second["onehot_feat4"]) == ("[100,1k)", None)
    assert second["weekday"] == 6


def test_neither_order_nor_packing_of_the_files_matters(tmp_path):
    expected = frames_of(kuairand_14d, write(tmp_path))
    for shuffle in range(4):
        mixed = random.Random(shuffle)
        found = frames_of(
            kuairand_14d,
            write(
                tmp_path,
                ".gz",
                log=mixed.sample(ROWS, len(ROWS)),
                people=mixed.sample(PEOPLE, len(PEOPLE)),
                clips=mixed.sample(CLIPS, len(CLIPS)),
            ),
        )
        assert all(found[split].equals(expected[split]) for split in expected)


@pytest.mark.parametrize("name", ["kuairand_14d", "kuairand_14d_long"])
def test_the_cards_use_nothing_that_is_known_after_the_click(tmp_path, name):
    columns = set(frames_of(kuairand_14d, write(tmp_path))["train"].columns)
    table = catalog.find_card(name).card.table
    assert table is not None
    features = {*table.dense, *table.sparse}
    assert features == columns - {"is_click", "long_view"}
    assert not features & {"play_time_ms", "is_like", "profile_stay_time", "time_ms", "date"}
    assert len(table.dense) == 6 and len(table.sparse) == 36


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"log": [*ROWS, exposure(20220501, 3, 7, 1)]}, "users.csv: user_id 3 is missing"),
        ({"log": [*ROWS, exposure(20220501, 1, 9, 1)]}, "videos.csv: video_id 9 is missing"),
        ({"log": [exposure("x", 1, 7, 1)]}, "log.csv, line 2, column 'date': 'x', expected a who"),
        ({"log": [exposure(20220501, 1, 7, "")]}, "line 2, column 'time_ms': missing, expected"),
        ({"people": [*PEOPLE, PEOPLE[0]]}, "users.csv: user_id 1 occurs more than once"),
    ],
)
def test_faults_name_the_file(tmp_path, changes, fault):
    with pytest.raises(BenchmarkError, match=fault):
        kuairand_14d(write(tmp_path, **changes))


def test_a_missing_column_is_named(tmp_path):
    files = write(tmp_path)
    pl.read_csv(files["log"]).drop("tab", "hourmin").write_csv(files["log"])
    with pytest.raises(BenchmarkError, match=r"log.csv has no column 'hourmin', 'tab'; it has: "):
        kuairand_14d(files)
    files["log"].write_text("")
    with pytest.raises(BenchmarkError, match=r"log.csv is empty"):
        kuairand_14d(files)
