"""Check records beside each other: seeds left out, copies, sums of other runs, and gaps between
test and validation that chance does not make."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import count
from math import hypot, sqrt
from statistics import median

import numpy as np
from scipy.stats import rankdata

from benchmark import registry
from benchmark.data.card import SPLITS, SplitRule
from benchmark.errors import BenchmarkError
from benchmark.measure.metrics import auc_error
from benchmark.model import is_convex
from benchmark.recipes.recipe import Train
from benchmark.records import scores
from benchmark.records.record import Record
from benchmark.utils.arrays import ClassScores, Vector
from benchmark.utils.files import canonical_sha256
from benchmark.utils.paths import shown
from benchmark.verify.case import Case, Finding
from benchmark.verify.data import OpenData
from benchmark.verify.quality import STANDARD_ERRORS
from benchmark.verify.twins import are_twins

COPY = 0.9995
"""Correlation of two runs' ranks of the test rows within their class. Honest runs reach .9975."""
OWN = 1e-4
"""Least share of the variance of a run's logits, within their class, that those of the others do
not give. Honest runs keep .0014 and more beside 270 others; a mean of others keeps what float16
rounds away, 5e-8."""
ORDERED_AUC, RELATED = 0.6, 0.2
"""Two recipes with such an AUC rank the rows of a class more alike than this; honest ones .5."""

RIDGE = 1e-9


def findings(cases: Sequence[Case], open_data: OpenData) -> Iterator[Finding]:
    """What is wrong with these records together."""
    yield from _seeds([case for case in cases if case.ranked])
    yield from _copies(cases)
    by_rows = defaultdict(list)
    for case in filter(_is_sound, cases):
        by_rows[case.record.data.arrays].append(case)
    for same_rows in by_rows.values():
        yield from _gaps(same_rows, open_data)
        yield from _logits([case for case in same_rows if case.ranked])


def _is_sound(case: Case) -> bool:
    """Whether a record has a known model and the scores of its rows, as the next checks need."""
    data, model = case.record.data, case.record.recipe["model"]["name"]
    splits = [(data.positives.get(split, 0), data.rows.get(split, 0)) for split in SPLITS]
    clicks, rows = splits[-1]
    if scores.counts(case.scores.best) != (clicks, rows - clicks):
        return False
    aucs = case.record.metrics.test.auc, case.record.metrics.valid.auc
    known = model in registry.models.names() and all(0 <= auc <= 1 for auc in aucs)
    return known and all(0 < c < n for c, n in splits)


def _seeds(ranked: Sequence[Case]) -> Iterator[Finding]:
    """Seeds are 0 to n - 1, so that none is left out for its result."""
    rows = defaultdict(list)
    for case in ranked:
        rows[case.record.recipe_id].append(case)
    for row in rows.values():
        seeds = {case.record.seed for case in row}
        missing = next(seed for seed in count() if seed not in seeds)
        for case in row:
            if case.record.seed > missing:
                why = f"its recipe has no ranked run of seed {missing}: seeds are 0 to n - 1"
                yield Finding(case.path, "seed", why)


def _copies(cases: Sequence[Case]) -> Iterator[Finding]:
    """Runs given out as two: only a run of the same model, steps, data and seed has the same
    scores. Runs that differ only in settings that bind nowhere may end alike."""
    first: dict[str, Case] = {}
    for case in cases:
        original = first.setdefault(case.record.digests.scores, case)
        if original is not case and not _may_end_alike(original.record, case.record):
            yield Finding(case.path, "scores", f"its scores are those of {shown(original.path)}")


def _may_end_alike(one: Record, other: Record) -> bool:
    if _steps(one) != _steps(other):
        return False
    models = [_model(record) for record in (one, other)]
    return models[0] == models[1] or are_twins(one, other)


def _model(record: Record) -> str:
    """The digest of what is computed: the model, and the precision of its products."""
    return canonical_sha256([record.recipe["model"], record.precision])


def _steps(record: Record) -> tuple[object, ...]:
    """The settings, rows and seed that decide each step: only tables have a choice of optimizer."""
    slack = Train.slack if record.tables else Train.slack | {"optimizer"}
    train = {key: value for key, value in record.recipe["train"].items() if key not in slack}
    every = record.data.rows.get("train", 0)
    rows = min(record.train_rows or every, every)
    return canonical_sha256(train), record.data.arrays, rows, record.seed


def _gaps(cases: Sequence[Case], open_data: OpenData) -> Iterator[Finding]:
    """Test less validation, against that of other recipes where the rows were not drawn alike."""
    random = _random(cases[0].record.dataset, open_data)
    gaps = {case.path: (_auc_gap(case), _logloss_gap(case)) for case in cases}
    for case in cases:
        ranked = [other for other in cases if other.ranked and not _same_recipe(case, other)]
        others = [] if random else [gaps[other.path] for other in ranked]
        if not (random or others):
            why = "test metrics not held against validation: no other recipe is ranked here"
            yield Finding(case.path, "scores", why, failed=False)
            continue
        source = "of a random split" if random else f"the median of {len(others)} other runs"
        for at, name in enumerate(("AUC", "LogLoss")):
            own, error = gaps[case.path][at]
            theirs = [each[at] for each in others] or [(0.0, 0.0)]
            usual, their_error = (median(values) for values in zip(*theirs, strict=True))
            limit = STANDARD_ERRORS * hypot(error, their_error)
            if abs(own - usual) > limit:
                apart = f"over {STANDARD_ERRORS} standard errors ({limit:.2g}) from {usual:+.5f}"
                why = f"test {name} is {own:+.5f} off validation, {apart}, {source}"
                yield Finding(case.path, "scores", why)


def _random(dataset: str, open_data: OpenData) -> bool:
    """Whether validation and test rows are known to be drawn alike."""
    with suppress(BenchmarkError):
        if card := open_data(dataset).card:
            rule = card.table.split if card.table else SplitRule()
            return rule is not None and rule.method in ("stratified", "random")
    return False


def _auc_gap(case: Case) -> tuple[float, float]:
    """The gap and its standard error."""
    quality, data = case.record.metrics, case.record.data
    parts = {"test": quality.test.auc, "valid": quality.valid.auc}
    errors = [auc_error(auc, data.positives[at], data.rows[at]) for at, auc in parts.items()]
    return parts["test"] - parts["valid"], hypot(*errors)


def _logloss_gap(case: Case) -> tuple[float, float]:
    quality, rows = case.record.metrics, case.record.data.rows
    valid = quality.valid_logloss or quality.valid
    sd = scores.loss_sd(case.scores.best_logloss or case.scores.best)
    error = sd * sqrt(1 / rows["test"] + 1 / rows["valid"])
    return quality.calibrated.logloss - valid.logloss, error


def _logits(ranked: Sequence[Case]) -> Iterator[Finding]:
    """Logits row by row: of other runs, or in another order than the data's."""
    cases, logits = [], []
    for case in ranked:
        by_class = case.scores.rows()
        if by_class is not None and all(np.ptp(part) > 0 for part in by_class):
            cases.append(case)
            logits.append(by_class)
    if len(cases) < 2:
        return
    again = np.array([[_is_again(one, other) for other in cases] for one in cases])
    alike = _correlation(
        [(rankdata(positive), rankdata(negative)) for positive, negative in logits]
    )
    yield from _order(cases, alike)
    copies = list(_alike(cases, np.where(again, 0, alike)))
    yield from copies
    first = np.unique(again.argmax(axis=1)).tolist()
    if not copies and 2 * len(first) <= sum(map(len, logits[0])):
        yield from _sums([cases[at] for at in first], _correlation([logits[at] for at in first]))


def _is_again(one: Case, other: Case) -> bool:
    """Runs that may well agree: a run and itself, and seeds of one convex model."""
    convex = is_convex(registry.models.get(one.record.recipe["model"]["name"]))
    return one is other or (convex and _same_recipe(one, other))


def _same_recipe(one: Case, other: Case) -> bool:
    return one.record.recipe_id == other.record.recipe_id


def _correlation(by_class: Sequence[ClassScores]) -> Vector:
    """Correlation within the classes, [runs, runs], of a number a row."""
    centred = np.stack([np.concatenate([x - x.mean() for x in each]) for each in by_class])
    correlation: Vector = np.corrcoef(centred)
    return correlation


def _alike(cases: Sequence[Case], alike: Vector) -> Iterator[Finding]:
    for case, row in zip(cases, alike, strict=True):
        near = int(row.argmax())
        if row[near] > COPY:
            theirs = f"{shown(cases[near].path)} (correlation {row[near]:.6f})"
            yield Finding(case.path, "scores", f"its logits order the rows as those of {theirs}")


def _order(cases: Sequence[Case], alike: Vector) -> Iterator[Finding]:
    able = [at for at, case in enumerate(cases) if case.record.metrics.test.auc >= ORDERED_AUC]
    for at in able:
        others = [alike[at, to] for to in able if not _same_recipe(cases[at], cases[to])]
        if others and max(others) < RELATED:
            why = f"their order within a class is unrelated to other recipes' ({max(others):.3f})"
            yield Finding(cases[at].path, "scores", f"its logits are not in row order: {why}")


def _sums(cases: Sequence[Case], correlation: Vector) -> Iterator[Finding]:
    """Logits that are a weighted sum of those of other runs, by least squares."""
    inverse = np.linalg.inv(correlation + RIDGE * np.eye(len(cases)))
    for at, case in enumerate(cases):
        own, weights = 1 / inverse[at, at], np.abs(inverse[at])
        if own < OWN:
            largest = [to for to in np.argsort(-weights).tolist() if to != at][:3]
            names = ", ".join(shown(cases[to].path) for to in largest)
            share = f"{own:.1g} of its logits' variance is its own"
            why = f"{share}, the rest is a sum of other runs', of {names} above all"
            yield Finding(case.path, "scores", why)
