"""MovieLens-1M by AutoInt's rule, from GroupLens' `ratings.dat`, `users.dat` and `movies.dat`."""

import random
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from benchmark.data.sources import owned
from benchmark.errors import BenchmarkError
from benchmark.registry import sources

SEED = 2019
GENRES = 3
"""Single genres that are fields of their own."""


@sources.register("movielens_1m")
def movielens_1m(files: Mapping[str, Path]) -> Mapping[str, pl.LazyFrame]:
    """Ratings of 3 are dropped and the others are the label, 1 above 3; the rows in file order are
    shuffled by Python's generator with seed 2019 and cut 80 / 10 / 10, as AutoInt does
    (Song et al., CIKM 2019).

    `files` names ratings, users and movies. The columns are label, user_id, movie_id, gender, age,
    occupation, zip, year (the last number in brackets of the title), genres (the set as it is
    written) and genre1 to genre3, its first three (missing: null). Times are not read. Raises
    BenchmarkError for a broken line, another rating than 1 to 5, and an unknown user or movie."""
    rows = _ratings(files["ratings"])
    rows = owned.joined(rows, _users(files["users"]), "user_id", files["users"])
    rows = owned.joined(rows, _movies(files["movies"]), "movie_id", files["movies"])
    order = list(range(rows.height))
    random.Random(SEED).shuffle(order)
    rows, cuts = rows[order], [rows.height * tenths // 10 for tenths in (0, 8, 9, 10)]
    parts = zip(("train", "valid", "test"), cuts, cuts[1:], strict=False)
    return {split: rows[first:last].lazy() for split, first, last in parts}


def _ratings(path: Path) -> pl.DataFrame:
    rows = _columns(path, ["user_id", "movie_id", "rating", "time"])
    stars = owned.with_integers(rows, ["rating"], path, first_line=1)["rating"]
    if (broken := ~stars.is_between(1, 5)).any():
        row = int(broken.arg_true()[0])
        raise BenchmarkError(f"{path}, line {row + 1}: rating {stars[row]}, expected 1 to 5")
    label = (stars > 3).cast(pl.UInt8)
    return rows.select(label.alias("label"), "user_id", "movie_id").filter(stars != 3)


def _users(path: Path) -> pl.DataFrame:
    return _columns(path, ["user_id", "gender", "age", "occupation", "zip"])


def _movies(path: Path) -> pl.DataFrame:
    rows = _columns(path, ["movie_id", "title", "genres"])
    genres = pl.col("genres").str.split("|")
    single = (genres.list.get(i, null_on_oob=True).alias(f"genre{i + 1}") for i in range(GENRES))
    year = pl.col("title").str.extract(r".*\((\d+)\)").alias("year")
    return rows.select("movie_id", year, "genres", *single)


def _columns(path: Path, names: list[str]) -> pl.DataFrame:
    return owned.columns(path, names, header=names, separator="::", encoding="latin-1")
