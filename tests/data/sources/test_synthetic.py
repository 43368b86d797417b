"""The planted rows: where they depend on nothing but (size, i), what they are drawn from, and how
they are encoded."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss, roc_auc_score

from benchmark.data import catalog
from benchmark.data.card import SPLITS
from benchmark.data.sources import synthetic
from benchmark.data.sources.synthetic import (
    DENSE,
    FIELDS,
    RANK,
    SPARSE,
    Field,
    Rows,
    generate,
    planted,
)
from benchmark.data.store import Store, StoreWriter
from benchmark.errors import BenchmarkError
from benchmark.measure.metrics import sigmoid

TINY = synthetic.SIZES["synthetic_tiny"]
SMALL = synthetic.SIZES["synthetic"]
MISSING = (116, 0, 55, 56, 7, 57, 11, 0, 11, 116, 11, 196, 56)
CARDS = {name: catalog.find_card(name).card for name in synthetic.SIZES}
each_size = pytest.mark.parametrize("name", synthetic.SIZES, scope="module")
"""Tests of one size follow each other, as the fields of one size alone are kept."""


@pytest.fixture(scope="module")
def small() -> Rows:
    return generate(SMALL, 0, 60_000)


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    folder = tmp_path_factory.mktemp("synthetic") / "store"
    synthetic.write(CARDS["synthetic_tiny"], StoreWriter(folder), lambda _: None)
    return Store.open(folder)


def assert_same(result: Rows, expected: Rows) -> None:
    for field in fields(Rows):
        np.testing.assert_array_equal(getattr(result, field.name), getattr(expected, field.name))


def joined(parts: list[Rows]) -> Rows:
    return Rows(
        *(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Rows))
    )


@settings(deadline=None, max_examples=40)
@given(start=st.integers(0, 10**12), lengths=st.lists(st.integers(0, 70), min_size=1, max_size=5))
def test_rows_do_not_depend_on_chunks(start, lengths):
    ends = np.cumsum([start, *lengths]).tolist()
    whole = generate(TINY, ends[0], ends[-1])
    assert_same(joined([generate(TINY, a, b) for a, b in pairwise(ends)]), whole)


def test_rows_do_not_depend_on_threads_or_total():
    whole = generate(TINY, 0, 4000)
    with ThreadPoolExecutor(4) as pool:
        parts = list(
            pool.map(lambda first: generate(TINY, first, first + 250), range(0, 4000, 250))
        )
    assert_same(joined(parts), whole)
    assert_same(generate(replace(TINY, rows=(3, 2, 1)), 0, 4000), whole)


def test_another_seed_makes_other_rows():
    other = generate(replace(TINY, seed=1), 0, 100)
    assert not np.array_equal(other.sparse, generate(TINY, 0, 100).sparse)


@each_size
def test_first_rows_are_frozen(name):
    assert CARDS[name].source.endswith(synthetic.first_rows_md5(synthetic.SIZES[name]))


def test_write_refuses_an_altered_generator(tmp_path, monkeypatch):
    monkeypatch.setitem(synthetic.SIZES, "synthetic_tiny", replace(TINY, seed=1))
    with pytest.raises(BenchmarkError, match="the generator was changed"):
        synthetic.write(CARDS["synthetic_tiny"], StoreWriter(tmp_path / "store"), lambda _: None)
    assert not (tmp_path / "store").exists()


def test_oracle_is_that_of_the_test_rows():
    test = generate(TINY, *TINY.spans()["test"])
    oracle = CARDS["synthetic_tiny"].oracle
    assert oracle is not None
    assert oracle.auc == pytest.approx(roc_auc_score(test.label, test.logit), abs=1e-9)
    assert oracle.logloss == pytest.approx(log_loss(test.label, sigmoid(test.logit)), abs=1e-9)


@each_size
def test_a_quarter_is_positive(name):
    assert 0.23 < generate(synthetic.SIZES[name], 0, 20_000).label.mean() < 0.27


def test_labels_are_draws_of_the_true_probability(small):
    p = sigmoid(small.logit)
    for part in np.array_split(np.argsort(p), 10):
        sd = np.sqrt((p[part] * (1 - p[part])).sum())
        assert abs(small.label[part].sum() - p[part].sum()) < 4 * sd


def test_orders_have_their_planted_variance(small):
    assert small.logit.mean() == pytest.approx(-1.6, abs=0.03)
    assert small.logit.var() == pytest.approx(0.8**2 + 1.4**2 + 0.4**2, rel=0.05)


@each_size
def test_card_states_what_few_dimensions_lose(name):
    """By the singular values of each pair's interaction, a matrix over the values of two fields
    weighted by their probabilities (Eckart and Young)."""
    columns = dict(zip(FIELDS, planted(synthetic.SIZES[name]), strict=True))
    squares = np.zeros(RANK)
    for group, of_group in synthetic._GROUPS.items():
        for (i, left), (j, right) in combinations(enumerate(group.split()), 2):
            first, second = weighted(columns[left]), weighted(columns[right])
            core = np.zeros((RANK, RANK))
            for k, of_coordinate in enumerate(synthetic._STRENGTHS):
                core[(k + i) % RANK, (k + j) % RANK] = of_group * of_coordinate
            left_triangle, right_triangle = (np.linalg.qr(u, mode="r") for u in (first, second))
            squares += np.linalg.svd(left_triangle @ core @ right_triangle.T, compute_uv=False) ** 2
    lost = 1 - squares.cumsum() / squares.sum()
    np.testing.assert_allclose(lost[:-1], CARDS[name].rank_losses, atol=5e-4)
    assert squares[-1] > 0.05 * squares.sum()


def weighted(field: Field) -> np.ndarray:
    """The latent vectors [n, rank], each times the root of its value's probability."""
    p = np.diff(field.cumulative, prepend=0) / field.cumulative[-1]
    return (field.latent * np.sqrt(p)).T


@each_size
def test_coordinates_are_standard_and_fade_with_rarity(name):
    size = synthetic.SIZES[name]
    for j, field in enumerate(planted(size)):
        p = np.diff(field.cumulative, prepend=0) / field.cumulative[-1]
        for score in (field.effect, *field.latent):
            assert (p * score).sum() == pytest.approx(0, abs=1e-9)
            assert (p * score**2).sum() == pytest.approx(1)
        inner = weighted(field).T @ weighted(field)
        np.testing.assert_allclose(inner, np.eye(len(field.latent)), atol=1e-9)
        if j >= len(DENSE) and p.min() < size.half_signal / 100:
            rare = np.abs(field.latent[:, p < size.half_signal / 100]).max()
            assert rare < 0.1 * np.abs(field.latent).max()
        assert len(field.latent) == (1 if j < len(DENSE) else min(RANK, len(p) - 1))


def test_sparse_values_are_zipf_with_a_rare_tail(small):
    tokens = small.sparse[:, SPARSE.index("C26")]
    frequent = SMALL.vocabulary[1]
    mass = (1 / (np.arange(frequent) + 2)).sum() * 33 / 32
    for k in (0, 1, 5, 50):
        expected = len(tokens) / (k + 2) / mass
        assert abs((tokens == k).sum() - expected) < 5 * np.sqrt(expected)
    tail = tokens[tokens >= frequent]
    assert len(tail) == pytest.approx(len(tokens) / 33, rel=0.15)
    assert max(Counter(tail.tolist()).values()) < 10


def test_vocabularies_grow_from_field_to_field():
    sizes = [len(field.cumulative) for field in planted(SMALL)[len(DENSE) :]]
    assert sizes == sorted(sizes)
    assert (sizes[0], sizes[-1]) == (4, 9 * 2500)


def test_dense_values_are_whole_skewed_and_missing_at_their_shares(small):
    for j, share in enumerate(MISSING):
        column = small.dense[:, j]
        present = column[~np.isnan(column)]
        expected = share / 256
        assert abs(np.isnan(column).mean() - expected) <= 5 * np.sqrt(
            expected * (1 - expected) / len(column)
        )
        assert (present == np.floor(present)).all()
        assert present.mean() > np.median(present)
    assert np.nanmin(small.dense[:, DENSE.index("I2")]) == -2


def test_vocabulary_by_hand():
    ids, frequent = synthetic.vocabulary(np.array([3, 0, 5, 3, 1, 2]), min_count=2)
    assert ids.tolist() == [2, 5, 1, 3, 5, 4]
    assert frequent.tolist() == [2, 0, 3, 5]


def test_store_holds_the_encoded_rows(store):
    assert store.schema.dense + store.schema.sparse == DENSE + SPARSE
    for split, (start, stop) in TINY.spans().items():
        rows, arrays = generate(TINY, start, stop), store.split(split)
        np.testing.assert_array_equal(arrays.label, rows.label)
        v = rows.dense
        expected = np.where(np.isnan(v), 0, np.sign(v) * np.log1p(np.abs(v)))
        np.testing.assert_allclose(arrays.dense, expected, rtol=1e-6)


def test_store_counts_its_vocabulary_on_train(store):
    tokens = {split: generate(TINY, *span).sparse for split, span in TINY.spans().items()}
    for j, cardinality in enumerate(store.schema.cardinalities):
        counted = Counter(tokens["train"][:, j].tolist())
        frequent_ids = sorted(
            (t for t, n in counted.items() if n >= synthetic.MIN_COUNT),
            key=lambda t: (-counted[t], t),
        )
        assert cardinality == len(frequent_ids) + 2
        ids = {token: place for place, token in enumerate(frequent_ids, start=1)}
        for split in SPLITS:
            expected = [
                ids.get(token, cardinality - 1) for token in tokens[split][:500, j].tolist()
            ]
            assert store.split(split).sparse[:500, j].tolist() == expected


def test_some_rare_tokens_are_out_of_vocabulary(store):
    last = store.schema.cardinalities[-1] - 1
    assert 0 < (store.split("test").sparse[:, -1] == last).mean() < 0.05


def test_store_is_what_the_card_says(store):
    card = CARDS["synthetic_tiny"]
    assert store.oracle == card.oracle
    for split in SPLITS:
        assert store.fingerprint.rows[split] == card.expected[split].rows
        assert store.fingerprint.positives[split] == card.expected[split].positives
