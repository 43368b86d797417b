"""Fourteen days of KuaiRand-Pure's standard log, from the owners' files."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from benchmark.data.sources import owned
from benchmark.registry import sources

DAYS = {"train": (20220425, 20220504), "valid": (20220505, 20220506), "test": (20220507, 20220508)}
"""First and last day of each split, as the log writes them."""
KEYS = ["time_ms", "user_id", "video_id"]
DETAILS = ["date", "hourmin", "tab", "is_click", "long_view", "duration_ms"]
"""The other columns of the log that are read: none that is known only after the click but for the
two labels. They order rows of the same keys, of which the log has thousands."""
USERS = [
    *("user_id", "user_active_degree", "is_live_streamer", "is_video_author"),
    *("follow_user_num", "follow_user_num_range", "fans_user_num", "fans_user_num_range"),
    *("friend_user_num", "friend_user_num_range", "register_days", "register_days_range"),
    *(f"onehot_feat{i}" for i in range(18)),
]
VIDEOS = [
    *("video_id", "author_id", "video_type", "upload_dt", "upload_type"),
    *("music_id", "music_type", "tag"),
]
DROPPED = ["time_ms", "date", "hourmin", "upload_dt"]


@sources.register("kuairand_14d")
def kuairand_14d(files: Mapping[str, Path]) -> Mapping[str, pl.LazyFrame]:
    """Exposures of 25 April to 8 May 2022 with the features of their user and video, sorted by
    time_ms, user_id and video_id (rows that agree in these by DETAILS) and split by day.

    `files` names log, users and videos; rows of other days are left out, so that a longer log gives
    the same. The columns are those of DETAILS, USERS and VIDEOS; from those DROPPED come
    freshness_days (the day of exposure less that of the upload), hour and weekday (Sunday is 0),
    and tag is the first of its list. Raises BenchmarkError for a broken row, and for a user or
    video without features."""
    path = files["log"]
    rows = owned.columns(path, [*KEYS, *DETAILS])
    rows = owned.with_integers(rows, [*KEYS, *DETAILS], path, first_line=2)
    rows = rows.filter(pl.col("date").is_between(DAYS["train"][0], DAYS["test"][1]))
    for key, name, columns in (("users", "user_id", USERS), ("videos", "video_id", VIDEOS)):
        features = owned.columns(files[key], columns)
        features = owned.with_integers(features, [name], files[key], first_line=2)
        rows = owned.joined(rows, features, name, files[key])
    day = pl.col("date").cast(pl.String).str.to_date("%Y%m%d")
    uploaded = pl.col("upload_dt").str.to_date("%Y-%m-%d", strict=False)
    rows = rows.sort(*KEYS, *DETAILS).with_columns(
        pl.col("tag").str.split(",").list.first(),
        (day - uploaded).dt.total_days().alias("freshness_days"),
        (pl.col("hourmin") // 100).alias("hour"),
        (day.dt.weekday() % 7).alias("weekday"),
    )
    return {
        split: rows.filter(pl.col("date").is_between(*days)).drop(DROPPED).lazy()
        for split, days in DAYS.items()
    }
