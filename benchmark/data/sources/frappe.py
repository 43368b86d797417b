"""Frappe with negatives of its own in train, the same from every copy of the BARS split."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl

from benchmark.data.sources import owned
from benchmark.errors import BenchmarkError
from benchmark.registry import sources
from benchmark.utils.arrays import Integers

SEED = 2605
NEGATIVES = 2
"""Negatives of each positive in its own context, over all splits together."""
CONTEXT = [
    *("user", "daytime", "weekday", "isweekend", "homework", "cost", "weather", "country", "city")
]
COLUMNS = ["label", "user", "item", *CONTEXT[1:]]


@sources.register("frappe_x1r")
def frappe_x1r(files: Mapping[str, Path]) -> Mapping[str, pl.LazyFrame]:
    """The rows of valid and test in file order, and train with its negatives drawn anew.

    `files` names train, valid and test, of whose train only the positives are read. In the official
    files each positive has two negatives of its user and context, spread over the splits, and no
    (user, item) is negative twice. So the contexts of train's negatives are known: those of all
    positives, twice, less those of the negatives in valid and test. Their items are drawn for each
    user without repetition, uniformly among the items of all positives that the user never used and
    that are no negative of the user in valid or test, by numpy's Philox with seed 2605: user after
    user, each one's contexts in order. Then the same draws shuffle train. No order of rows in
    train, and none of its negatives, changes the result. Raises BenchmarkError for a broken row,
    and for files that are not split so."""
    frames = {
        split: owned.with_integers(owned.columns(path, COLUMNS), COLUMNS, path, first_line=2)
        for split, path in files.items()
    }
    positives = frames["train"].filter(label=1)
    rows = pl.concat([positives, frames["valid"], frames["test"]])
    draws = np.random.Philox(SEED)
    train = pl.concat([positives, _negatives(rows, _contexts(rows, files["train"]), draws)])
    shuffled = train.sort(COLUMNS)[_order(draws, train.height)]
    return {split: frame.lazy() for split, frame in (frames | {"train": shuffled}).items()}


def _contexts(rows: pl.DataFrame, path: Path) -> pl.DataFrame:
    """The contexts of the negatives that `rows`, all but these, lack, sorted."""
    lacking = NEGATIVES * pl.col("label").sum() - (pl.col("label") == 0).sum()
    counts = rows.group_by(CONTEXT).agg(lacking.alias("count")).sort(CONTEXT)
    if (counts["count"] < 0).any():
        fault = f"lacks positives of contexts that have more than {NEGATIVES} negatives for each"
        raise BenchmarkError(f"{path} {fault} in valid and test; fetch the three files again")
    return counts.filter(pl.col("count") > 0).select(pl.col(CONTEXT).repeat_by("count").explode())


def _negatives(rows: pl.DataFrame, contexts: pl.DataFrame, draws: np.random.Philox) -> pl.DataFrame:
    """Negatives with these contexts, and items that `rows` do not pair with their user."""
    items = rows.filter(label=1)["item"].unique().sort().to_numpy()
    known = dict(rows.group_by("user").agg("item").iter_rows())
    drawn = []
    for user, count in contexts.group_by("user").len().sort("user").iter_rows():
        free = np.setdiff1d(items, known[user])
        if len(free) < count:
            fault = f"user {user} needs {count} negatives, but {len(free)} items are left"
            raise BenchmarkError(f"frappe_x1r: {fault}; fetch the three files again")
        drawn.append(free[_order(draws, len(free))[:count]])
    item = pl.Series("item", np.concatenate(drawn))
    return contexts.with_columns(item, label=pl.lit(0, pl.Int64)).select(COLUMNS)


def _order(draws: np.random.Philox, count: int) -> Integers:
    """A random order of `count` things, from raw draws, as these are the same in every numpy."""
    return np.argsort(draws.random_raw(count), kind="stable")
