"""Check a record against its data set: the card, and the rows where they are available."""

import functools
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from benchmark.data import catalog, expectations, inventory
from benchmark.data.card import Card
from benchmark.data.store import Store
from benchmark.errors import BenchmarkError, MissingData
from benchmark.measure.metrics import grouped_auc
from benchmark.measure.spectrum import Spectrum, StageSpectra, id_counts
from benchmark.recipes import recipe as recipes
from benchmark.records import comparable
from benchmark.records.environment import current
from benchmark.records.measured import FORMS
from benchmark.records.record import Record
from benchmark.records.scores import KeptScores
from benchmark.runs.probe import PROBE_ROWS, Probe
from benchmark.utils.types import Notify
from benchmark.verify import proof, quality

CLOSE = 1e-4
"""Tolerance of untrained spectra, which processors round differently; seeds differ by far more."""


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
    """Yield what contradicts the card, whose facts of its rows need no rows here."""
    yield from expectations.differences(today, record.data)
    yield from _origin(record, today)
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
    expectations.check(today, record.data)


def _origin(record: Record, today: Card) -> Iterator[str]:
    """The columns, and the digests or versions by which the card names its files."""
    pinned = [today.generator, today.streamed and today.streamed.revision]
    pinned += [expected.md5 for expected in today.expected.values()]
    for pin in filter(None, pinned):
        if pin not in record.data.sources.values():
            yield f"its data were not made from {pin}, which the card names"
    stated = record.data.dense, record.data.sparse
    if today.table is not None and stated != (today.table.dense, today.table.sparse):
        yield "its columns are not those of the card"


def rows(record: Record, kept: KeptScores, store: Store) -> Iterator[str]:
    """Yield what contradicts the rows; for other rows than the record's, only that they differ."""
    if faults := list(comparable.stale(comparable.data(record, store.fingerprint))):
        yield from faults
        return
    yield from _grouped_auc(record, kept, store)
    seen = _seen(store.folder, record.train_rows)
    if record.tables and [table.seen for table in record.tables] != list(seen):
        yield "the ids of the tables that are seen in training are not those of the training rows"


def untrained(record: Record, store: Store) -> Iterator[str]:
    """Yield what contradicts the untrained model, built again from the seed, which this proves."""
    derived = _spectra(
        json.dumps(record.recipe["model"]), record.dataset, record.seed, store.folder
    )
    stated_with, here = (str(each.versions) for each in (record.environment, current()))
    made = "" if stated_with == here else f"; it states {stated_with}, here are {here}"
    for form, (stage, spectrum) in ((f, each) for f in FORMS for each in derived[f].items()):
        stated, expected = _numbers(record.spectra("initial")[form][stage]), _numbers(spectrum)
        same = len(stated) == len(expected)
        if not (same and np.allclose(stated, expected, rtol=CLOSE, atol=CLOSE)):
            yield f"{stage}: seed {record.seed} gives other spectra of the untrained model{made}"


def _grouped_auc(record: Record, kept: KeptScores, store: Store) -> Iterator[str]:
    test, by_class = store.split("test"), kept.rows()
    if test.group is None or by_class is None:
        return
    logit = np.empty(len(test), dtype=np.float32)
    logit[test.label == 1], logit[test.label == 0] = by_class
    derived, stated = grouped_auc(logit, test.label, test.group), record.metrics.test.gauc
    if not quality.same(stated, derived):
        yield f"metrics.test.gauc is {stated}, the scores give {derived}"


@lru_cache(maxsize=256)
def _spectra(table: str, dataset: str, seed: int, folder: Path) -> StageSpectra:
    """`table` is the recipe's [model] as JSON: runs that differ in training alone begin alike."""
    store = Store.open(folder)
    torch.manual_seed(seed)
    model = recipes.parse({"model": json.loads(table)}, dataset, "recipe").build(store.schema).model
    return Probe(model, store.split("valid"), torch.device("cpu")).spectra()


@lru_cache(maxsize=64)
def _seen(folder: Path, train_rows: int | None) -> tuple[int, ...]:
    store = Store.open(folder)
    counts = id_counts(store.split("train").sparse[:train_rows], store.schema.cardinalities)
    return tuple(int(np.count_nonzero(count)) for count in counts)


def _numbers(spectrum: Spectrum | None) -> list[float]:
    """Every number of a spectrum; -1 for one that is None."""
    leaves = proof.leaves(spectrum and asdict(spectrum))
    return [-1.0 if value is None else value for *_, value in leaves]
