"""Check a record against its data set: the card, and the rows where they are available."""

import functools
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import lru_cache
from math import isclose
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from benchmark.data import catalog, inventory
from benchmark.data.card import Card
from benchmark.data.store import Store
from benchmark.errors import BenchmarkError, MissingData
from benchmark.measure.metrics import grouped_auc
from benchmark.measure.spectrum import Spectrum, id_counts
from benchmark.measure.trajectory import Density
from benchmark.recipes import recipe as recipes
from benchmark.records import comparable, scores
from benchmark.records.record import Record, scores_path
from benchmark.runs.probe import PROBE_ROWS, Probe, Views
from benchmark.utils.types import Notify
from benchmark.verify import proof, quality

CLOSE = 1e-4
"""Tolerance of untrained spectra, which processors round differently; seeds differ by far more."""
MOVED = 0.02
"""Largest share of a histogram's samples that rounding moves over the edges of bins."""


class Data(NamedTuple):
    """Today's card of a data set and its store, where its rows are available."""

    card: Card | None
    store: Store | None
    why_not: str = ""


OpenData = Callable[[str], Data]


def opener(data_root: Path | None, notify: Notify) -> OpenData:
    """Make a function that opens each data set once and hashes every array again, without fetching
    any: a data set without files here is checked in part."""

    @functools.cache
    def open_data(name: str) -> Data:
        if name not in catalog.card_names():
            return Data(None, None, f"{name} is no built-in data set, so its card is not available")
        card = catalog.find_card(name).card
        try:
            _, store = catalog.open_data(name, data_root=data_root, notify=notify, fetch=False)
        except MissingData as error:
            return Data(card, None, str(error))
        if faults := list(inventory.check(card, store.folder)):
            raise BenchmarkError("\n".join(faults))
        return Data(card, store)

    return open_data


def card(record: Record, today: Card) -> Iterator[str]:
    """Yield what contradicts the card."""
    stated = record.metrics.oracle_auc, record.metrics.oracle_logloss
    if stated != ((today.oracle.auc, today.oracle.logloss) if today.oracle else (None, None)):
        yield "the oracle's metrics are not those of the card"
    if record.caveat != today.caveat:
        yield "the caveat is not that of the card"
    if record.probe_rows != min(record.data.rows["valid"], PROBE_ROWS):
        yield f"probe_rows is {record.probe_rows}"
    if today.table is None or today.table.group is None:
        for each in (record.metrics.test, *(point.valid for point in record.curve)):
            if each.gauc is not None:
                yield f"gauc is {each.gauc}, but the data set has no group column"


def rows(record: Record, path: Path, store: Store) -> Iterator[str]:
    """Yield what contradicts the rows; for other rows than the record's, only that they differ."""
    if faults := list(comparable.stale(comparable.data(record, store.fingerprint))):
        yield from faults
        return
    yield from _grouped_auc(record, path, store)
    seen = _seen(store.folder, record.train_rows)
    if record.tables and [table.seen for table in record.tables] != list(seen):
        yield "the ids of the tables that are seen in training are not those of the training rows"


def untrained(record: Record, store: Store) -> Iterator[str]:
    """Yield what contradicts the untrained model, built again from the seed, which this proves."""
    views = _views(json.dumps(record.recipe["model"]), record.dataset, record.seed, store.folder)
    for stage in record.spectra:
        name = stage.stage
        stated = _numbers(stage.initial, stage.initial_batch)
        derived = _numbers(views.token[name], views.batch[name])
        same = len(stated) == len(derived) and np.allclose(stated, derived, rtol=CLOSE, atol=CLOSE)
        if not (same and _same_histograms(stage.initial_density, views.density[name])):
            yield f"{name}: seed {record.seed} gives other spectra of the untrained model"


def _grouped_auc(record: Record, path: Path, store: Store) -> Iterator[str]:
    arrays, test = scores.load(scores_path(path)), store.split("test")
    if test.group is None or scores.form(arrays) == "bins":
        return
    logit = np.empty(len(test), dtype=np.float32)
    logit[test.label == 1], logit[test.label == 0] = arrays["positive"], arrays["negative"]
    derived = grouped_auc(logit.astype(np.float64), test.label, test.group)
    stated = record.metrics.test.gauc
    numbers = (-1.0 if value is None else value for value in (derived, stated))
    if not isclose(*numbers, rel_tol=quality.TOLERANCE):
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


def _numbers(*spectra: Spectrum | None) -> list[float]:
    """Every number of the spectra; -1 for one that is None."""
    leaves = proof.leaves([each and asdict(each) for each in spectra])
    return [-1.0 if value is None else value for *_, value in leaves]


def _same_histograms(stated: Density | None, density: Density) -> bool:
    if stated is None or stated.stage != density.stage:
        return False
    for one, other in ((stated.rank, density.rank), (stated.shift, density.shift)):
        if len(one) != len(other):
            return False
        if np.abs(np.array(one) - np.array(other)).sum() > 2 * MOVED * max(1, sum(other)):
            return False
    return True
