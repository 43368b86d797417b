"""AutoInt's rule for MovieLens-1M, on files of GroupLens' form."""

import random
from pathlib import Path

import pytest

from benchmark.data import catalog
from benchmark.data.sources.movielens import movielens_1m
from benchmark.errors import BenchmarkError
from tests.data.sources.owners import frames_of, write_lines
from tests.data.tables import ignore

USERS = ["1::F::1::10::48067", "2::M::56::16::70072-1234"]
MOVIES = [
    "10::Toy Story (1995)::Animation|Children's|Comedy|Drama",
    "20::Star Wars: Episode IV (A New Hope) (1977)::Sci-Fi",
    "30::Misérables, Les (1)::Drama|Musical",
    "40::Untitled::Drama",
]
STARS = [5, 3, 1, 4, 2, 3, 5, 4, 4, 1, 2, 5]
RATINGS = [f"{1 + i % 2}::{10 + 10 * (i % 4)}::{stars}::9783{i}" for i, stars in enumerate(STARS)]


def write(folder: Path, ending: str = "", **changes: list[str]) -> dict[str, Path]:
    texts = {"ratings": RATINGS, "users": USERS, "movies": MOVIES} | changes
    return {
        key: write_lines(folder / f"{key}.dat{ending}", lines, "latin-1")
        for key, lines in texts.items()
    }


def test_threes_are_dropped_and_the_order_is_that_of_pythons_generator(tmp_path):
    frames = frames_of(movielens_1m, write(tmp_path))
    assert {split: frame.height for split, frame in frames.items()} == {
        "train": 8,
        "valid": 1,
        "test": 1,
    }
    kept = [line.split("::")[:3] for line in RATINGS if "::3::" not in line]
    random.seed(2019)
    random.shuffle(kept)
    assert [
        (row["user_id"], row["movie_id"], row["label"])
        for frame in frames.values()
        for row in frame.iter_rows(named=True)
    ] == [(user, movie, int(int(stars) > 3)) for user, movie, stars in kept]


def test_every_field_by_hand(tmp_path):
    frames = frames_of(movielens_1m, write(tmp_path))
    rows = {
        row.pop("movie_id"): row
        for frame in frames.values()
        for row in frame.drop("label").iter_rows(named=True)
    }
    one = {"user_id": "1", "gender": "F", "age": "1", "occupation": "10", "zip": "48067"}
    two = {"user_id": "2", "gender": "M", "age": "56", "occupation": "16", "zip": "70072-1234"}
    genres = "Animation|Children's|Comedy|Drama"
    assert rows == {
        "10": one
        | {"year": "1995", "genres": genres}
        | {"genre1": "Animation", "genre2": "Children's", "genre3": "Comedy"},
        "20": two
        | {"year": "1977", "genres": "Sci-Fi", "genre1": "Sci-Fi", "genre2": None, "genre3": None},
        "30": one
        | {"year": "1", "genres": "Drama|Musical"}
        | {"genre1": "Drama", "genre2": "Musical", "genre3": None},
        "40": two
        | {"year": None, "genres": "Drama", "genre1": "Drama", "genre2": None, "genre3": None},
    }


def test_packed_files_give_the_same_rows(tmp_path):
    plain, packed = (frames_of(movielens_1m, write(tmp_path, end)) for end in ("", ".gz"))
    assert all(plain[split].equals(packed[split]) for split in plain)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        (
            {"ratings": [*RATINGS, "1::10::5"]},
            "ratings.dat, line 13: 3 fields instead of 4; the line is cut",
        ),
        ({"ratings": [RATINGS[0], "1::10::x::9"]}, "line 2, column 'rating': 'x', expected a whol"),
        ({"ratings": [RATINGS[0], "1::10::::9"]}, "line 2, column 'rating': missing, expected a"),
        ({"ratings": [RATINGS[0], "1::10::6::9"]}, "line 2: rating 6, expected 1 to 5"),
        ({"users": USERS[:1]}, "users.dat: user_id 2 is missing, of which there are rows"),
        ({"movies": MOVIES[1:]}, "movies.dat: movie_id 10 is missing"),
        ({"users": [*USERS, USERS[0]]}, "users.dat: user_id 1 occurs more than once"),
        ({"movies": ["10,Toy Story,Comedy"]}, "movies.dat, line 1: 1 field instead of 3"),
        ({"users": []}, "users.dat is empty"),
    ],
)
def test_faults_name_the_file(tmp_path, changes, fault):
    with pytest.raises(BenchmarkError, match=fault):
        movielens_1m(write(tmp_path, **changes))


def test_both_cards_find_the_files_in_the_folder_of_the_source(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    (tmp_path / "movielens_1m").mkdir()
    write(tmp_path / "movielens_1m", ratings=RATINGS * 20)
    for name in ("movielens_1m", "movielens_1m_autoint"):
        with pytest.raises(BenchmarkError, match=f"{name}: 160 rows in train, but its card expec"):
            catalog.open_data(name, data_root=tmp_path, notify=ignore)
