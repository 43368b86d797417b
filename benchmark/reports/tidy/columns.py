"""The columns of the tidy table of records: their names, types, meanings and values."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import polars as pl

from benchmark.measure.metrics import Metrics
from benchmark.measure.trajectory import ratios
from benchmark.recipes.recipe import dotted
from benchmark.records.archive import ADHOC, Place
from benchmark.records.environment import PACKAGES
from benchmark.records.measured import When
from benchmark.records.ranks import last_ratio
from benchmark.records.record import CALIBRATED, Record
from benchmark.reports.quantities import retention
from benchmark.utils.files import sha256

TEXT, COUNT, NUMBER, FLAG = pl.String(), pl.Int64(), pl.Float64(), pl.Boolean()
TIME = pl.Datetime("us", "UTC")

Part = Literal["valid", "test"]
PARTS: tuple[Part, ...] = ("test", "valid")

MEANINGS = {
    "auc": "AUC",
    "logloss": "LogLoss, in nats",
    "ne": "LogLoss over the entropy of the base rate",
    "calibration": "mean predicted probability over mean label",
    "ece": "expected calibration error",
    "gauc": "AUC per group, weighted by rows; null without a group column",
}


@dataclass(frozen=True)
class Kept:
    """A record, its path, and the results folder that it lies in."""

    run: Record
    path: Path
    results: Path

    @property
    def place(self) -> Place:
        place = Place.of(self.path)
        assert place is not None, "records are listed by their layout"
        return place


class Column(NamedTuple):
    """A column of the table: its name, type and meaning, and its value for a record."""

    name: str
    form: pl.DataType
    meaning: str
    of: Callable[[Kept], object]


def _metric(split: Part, metric: str, kept: Kept) -> float | None:
    """The value that the leaderboard shows: of the best epoch by LogLoss for what is calibrated."""
    quality = kept.run.metrics
    first: Metrics = getattr(quality, split)
    calibrated: Metrics = getattr(quality, f"{split}_logloss") or first
    value: float | None = getattr(calibrated if metric in CALIBRATED else first, metric)
    return value


def _other(split: Part, metric: str, kept: Kept) -> float | None:
    """The value at the other best epoch; None where the recipe watches one metric alone."""
    quality = kept.run.metrics
    calibrated: Metrics | None = getattr(quality, f"{split}_logloss")
    if calibrated is None:
        return None
    first: Metrics = getattr(quality, split)
    value: float | None = getattr(first if metric in CALIBRATED else calibrated, metric)
    return value


def _qualities() -> Iterator[Column]:
    names = [each.name for each in fields(Metrics)]
    for split in PARTS:
        for name in names:
            epoch = "LogLoss, where it is watched" if name in CALIBRATED else "the first monitor"
            meaning = f"{split}: {MEANINGS[name]}; at the best epoch by {epoch}"
            yield Column(f"{split}_{name}", NUMBER, meaning, partial(_metric, split, name))
    for split in PARTS:
        for name in names:
            by, monitor = ("auc", "AUC") if name in CALIBRATED else ("logloss", "LogLoss")
            meaning = f"`{split}_{name}` at the best epoch by {monitor}; null with one monitor"
            value = partial(_other, split, name)
            yield Column(f"{split}_{name}_at_{by}", NUMBER, meaning, value)


def _ratio(when: When, position: int, kept: Kept) -> float | None:
    values = list(ratios(kept.run.spectra(when).batch).values())
    return values[position] if values else None


def _field(path: str) -> Callable[[Kept], object]:
    """The value of a record's field by its dotted path; None from where a part of it is None."""

    def of(kept: Kept) -> object:
        value: object = kept.run
        for name in path.split("."):
            value = None if value is None else getattr(value, name)
        return value

    return of


def _version(package: str, kept: Kept) -> str | None:
    return kept.run.environment.versions.get(package)


def _train_rows(kept: Kept) -> int:
    return kept.run.train_rows or kept.run.data.rows["train"]


def _settings(kept: Kept) -> str:
    return json.dumps(dotted(kept.run.recipe), sort_keys=True)


COLUMNS = (
    Column("dataset", TEXT, "id of the data set", _field("dataset")),
    Column("study", TEXT, "null for a ranked record", lambda kept: kept.place.study or None),
    Column("recipe", TEXT, "committed recipe; null for any other", _field("name")),
    Column(
        "variant",
        TEXT,
        "folder of the study's variant or of the ad hoc run; null for a ranked record",
        lambda kept: kept.place.name if kept.place.study else None,
    ),
    Column("ad_hoc", FLAG, "of no study and not ranked", lambda kept: kept.place.study == ADHOC),
    Column("model", TEXT, "name of the model", lambda kept: kept.run.recipe["model"]["name"]),
    Column("seed", COUNT, "from 1000 on it is a trial's, no result", _field("seed")),
    Column("settings", TEXT, "hyperparameters and training settings as JSON", _settings),
    Column("provenance", TEXT, "where the values come from", _field("provenance.kind")),
    Column("tries", COUNT, "how many were tried, if known", _field("provenance.tries")),
    *_qualities(),
    Column(
        "oracle_auc",
        NUMBER,
        "test AUC of the true click probability, if known",
        _field("metrics.oracle_auc"),
    ),
    Column(
        "oracle_logloss",
        NUMBER,
        "test LogLoss of the true click probability, if known",
        _field("metrics.oracle_logloss"),
    ),
    Column("best_step", COUNT, "best step by the first monitor", _field("best.step")),
    Column("best_epoch", COUNT, "best epoch by the first monitor", _field("best.epoch")),
    Column(
        "best_step_logloss",
        COUNT,
        "best step by LogLoss; null with one monitor",
        _field("best_logloss.step"),
    ),
    Column(
        "best_epoch_logloss",
        COUNT,
        "best epoch by LogLoss; null with one monitor",
        _field("best_logloss.epoch"),
    ),
    Column("stopped_by", TEXT, "`patience` or `epochs`", _field("stopped_by")),
    Column(
        "rank_ratio",
        NUMBER,
        "rank ratio of the last stage, trained, batch form; null without stages",
        lambda kept: last_ratio(kept.run),
    ),
    Column("rank_ratio_untrained", NUMBER, "the same, untrained", partial(_ratio, "initial", -1)),
    Column("rank_ratio_first", NUMBER, "that of the first stage", partial(_ratio, "best", 0)),
    Column(
        "retention",
        NUMBER,
        "rank ratio of the last stage over the highest of an earlier one",
        lambda kept: retention(kept.run),
    ),
    Column("parameters", COUNT, "trainable parameters", _field("parameters.total")),
    Column(
        "embedding_parameters",
        COUNT,
        "those of tables and of the vectors of dense fields",
        _field("parameters.embedding"),
    ),
    Column("dense_parameters", COUNT, "the rest, without head", _field("parameters.dense")),
    Column("head_parameters", COUNT, "those of the head", _field("parameters.head")),
    Column(
        "flops_per_sample",
        COUNT,
        "forward matrix-multiply FLOPs of one row",
        _field("flops_per_sample"),
    ),
    Column("train_seconds", NUMBER, "seconds of training", _field("cost.train_seconds")),
    Column("total_seconds", NUMBER, "seconds of the run", _field("cost.total_seconds")),
    Column(
        "train_samples_per_s", NUMBER, "rows trained a second", _field("cost.train_samples_per_s")
    ),
    Column(
        "predict_samples_per_s",
        NUMBER,
        "rows predicted a second",
        _field("cost.predict_samples_per_s"),
    ),
    Column(
        "peak_memory_gib",
        NUMBER,
        "peak resident memory of the process, GiB",
        _field("cost.peak_memory_gib"),
    ),
    Column("train_rows", COUNT, "rows trained on", _train_rows),
    Column("valid_rows", COUNT, "validation rows", lambda kept: kept.run.data.rows["valid"]),
    Column("test_rows", COUNT, "test rows", lambda kept: kept.run.data.rows["test"]),
    Column("data_digest", TEXT, "SHA-256 of the encoded arrays", _field("data.arrays")),
    Column("caveat", TEXT, "caveat of the data set, or empty", _field("caveat")),
    Column("notes", TEXT, "warnings of the model", lambda kept: "; ".join(kept.run.notes)),
    Column("numerics", COUNT, "version of the numerics", _field("numerics")),
    Column("device", TEXT, "`cpu` or `cuda`", _field("device")),
    Column("threads", COUNT, "threads of the run", _field("threads")),
    Column("machine", TEXT, "system and processor", _field("environment.machine")),
    Column("benchmark", TEXT, "version of the benchmark", _field("environment.benchmark")),
    Column("commit", TEXT, "its commit, if known", _field("environment.commit")),
    Column("python", TEXT, "version of Python", _field("environment.python")),
    *(Column(name, TEXT, f"version of {name}", partial(_version, name)) for name in PACKAGES),
    Column("created", TIME, "end of the run", lambda k: datetime.fromisoformat(k.run.created)),
    Column("recipe_digest", TEXT, "SHA-256 of what was run", _field("recipe_digest")),
    Column(
        "record",
        TEXT,
        "path of the record below the results folder",
        lambda kept: kept.path.relative_to(kept.results).as_posix(),
    ),
    Column("record_sha256", TEXT, "SHA-256 of that file", lambda kept: sha256(kept.path)),
)
"""Every column, in order; docs/results.md lists them."""
