"""What of a record follows from the rows of its data set, where they can be had here."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from math import isclose
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.data.card import Card
from benchmark.data.store import Store
from benchmark.measure.metrics import grouped_auc
from benchmark.measure.tables import id_counts
from benchmark.measure.trajectory import Density
from benchmark.recipes import recipe as recipes
from benchmark.records import comparable, scores
from benchmark.records.environment import current
from benchmark.records.record import Record, StageSpectra, scores_path
from benchmark.runs.probe import PROBE_ROWS, Probe, Views
from benchmark.verify import proof, quality

CLOSE = 1e-4
"""Of untrained spectra: another processor rounds otherwise, and another seed differs by far
more."""
MOVED = 0.02
"""Largest share of a histogram's samples that rounding moves over the edges of bins."""


@dataclass(frozen=True)
class Data:
    """Today's card of a data set and, where its rows can be had here, their store."""

    card: Card | None
    store: Store | None
    why_not: str = ""


def card(record: Record, today: Card) -> Iterator[str]:
    """What the card alone tells."""
    stated = record.metrics.oracle_auc, record.metrics.oracle_logloss
    if stated != ((today.oracle.auc, today.oracle.logloss) if today.oracle else (None, None)):
        yield "the oracle's metrics are not those of the card"
    if record.caveat != today.caveat:
        yield "the caveat is not that of the card"
    if record.probe_rows != min(record.data.rows["valid"], PROBE_ROWS):
        yield f"probe_rows is {record.probe_rows}"
    grouped = today.table is not None and today.table.group is not None
    for name, metrics in (
        ("test", record.metrics.test),
        *(("valid", point.valid) for point in record.curve),
    ):
        if not grouped and metrics.gauc is not None:
            yield f"{name}: gauc is {metrics.gauc}, but the data set has no group column"


def rows(record: Record, path: Path, store: Store) -> Iterator[str]:
    """What the rows tell; nothing more where they are not those of the record."""
    unlike = list(comparable.data(record, store.fingerprint))
    yield from (f"stale: {fault}; run it again" for fault in unlike)
    if unlike:
        return
    yield from _grouped_auc(record, path, store)
    seen = _seen(store.folder, record.train_rows)
    if record.tables and [table.seen for table in record.tables] != list(seen):
        yield "the ids of the tables that are seen in training are not those of the training rows"


def untrained(record: Record, store: Store) -> Iterator[str]:
    """The model is built again from its seed and looked at before any training: so the seed is no
    mere statement."""
    views = _views(json.dumps(record.recipe["model"]), record.dataset, record.seed, store.folder)
    for stage in record.spectra:
        found = views.token[stage.stage], views.batch[stage.stage]
        density = views.density[stage.stage]
        if not (
            _close((stage.initial, stage.initial_batch), found) and _same_histograms(stage, density)
        ):
            yield f"{stage.stage}: seed {record.seed} gives other spectra of the untrained model"


def same_versions(record: Record) -> bool:
    """Whether the record's numbers were made with today's versions of what makes them."""
    return all(
        record.environment.versions.get(name) == version
        for name, version in current().versions.items()
    )


def _grouped_auc(record: Record, path: Path, store: Store) -> Iterator[str]:
    arrays, test = scores.load(scores_path(path)), store.split("test")
    if test.group is None or scores.form(arrays) == "bins":
        return
    logit = np.empty(len(test), dtype=np.float32)
    logit[test.label == 1], logit[test.label == 0] = arrays["positive"], arrays["negative"]
    derived, stated = (
        grouped_auc(logit.astype(np.float64), test.label, test.group),
        record.metrics.test.gauc,
    )
    if derived is None or stated is None:
        same = derived is stated
    else:
        same = isclose(derived, stated, rel_tol=quality.TOLERANCE)
    if not same:
        yield f"metrics.test.gauc is {stated}, the scores give {derived}"


@lru_cache(maxsize=256)
def _views(table: str, dataset: str, seed: int, folder: Path) -> Views:
    """`table` is the recipe's [model] as JSON: runs that differ in training alone begin alike."""
    store = Store.open(folder)
    torch.manual_seed(seed)
    model = recipes.parse({"model": json.loads(table)}, dataset, "recipe").build(store.schema).model
    return Probe(model, store.split("valid"), torch.device("cpu")).views()


@lru_cache(maxsize=64)
def _seen(folder: Path, train_rows: int | None) -> tuple[int, ...]:
    store = Store.open(folder)
    counts = id_counts(store.split("train").sparse[:train_rows], store.schema.cardinalities)
    return tuple(int(np.count_nonzero(count)) for count in counts)


def _close(stated: tuple[Any, ...], found: tuple[Any, ...]) -> bool:
    one, other = (
        _numbers([each and asdict(each) for each in spectra]) for spectra in (stated, found)
    )
    return len(one) == len(other) and bool(np.allclose(one, other, rtol=CLOSE, atol=CLOSE))


def _numbers(value: Any) -> NDArray[np.float64]:
    return np.array(
        [-1.0 if leaf is None else leaf for *_, leaf in proof.leaves(value)], dtype=np.float64
    )


def _same_histograms(stage: StageSpectra, density: Density) -> bool:
    stated = stage.initial_density
    if stated is None or stated.stage != density.stage:
        return False
    pairs = ((stated.rank, density.rank), (stated.shift, density.shift))
    return all(
        len(one) == len(other)
        and np.abs(np.array(one) - np.array(other)).sum() <= 2 * MOVED * max(1, sum(other))
        for one, other in pairs
    )
