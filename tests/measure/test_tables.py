import numpy as np
import pytest

from benchmark.data.schema import Schema
from benchmark.measure import spectrum
from benchmark.measure.spectrum import (
    TableRank,
    id_counts,
    mean_over_fields,
    rank_metrics,
    table_spectra,
)

SCHEMA = Schema(("price",), ("user", "item", "ad"), (4, 6, 3))


def test_ids_are_counted_field_by_field(monkeypatch) -> None:
    monkeypatch.setattr(spectrum, "COUNT_CHUNK", 2)
    sparse = np.array([[1, 5, 2], [1, 0, 2], [3, 5, 2]], dtype=np.int32)
    counts = id_counts(sparse, SCHEMA.cardinalities)
    assert [count.tolist() for count in counts] == [[0, 2, 0, 1], [1, 0, 0, 0, 0, 2], [0, 0, 3]]


def test_by_hand() -> None:
    table = np.full((13, 2), 99.0, dtype=np.float32)
    table[[1, 3]] = [[3.0, 0.0], [0.0, 1.0]]
    table[[4, 9]] = 0.0
    table[12] = [3.0, 4.0]
    counts = [np.array([0, 1, 0, 9]), np.array([1, 0, 0, 0, 0, 2]), np.array([0, 0, 3])]
    user, item, ad = table_spectra(table, SCHEMA, counts)
    assert (user.field, user.cardinality, user.seen, user.columns, user.limit) == (
        "user",
        4,
        2,
        2,
        2,
    )
    assert user.plain is not None
    assert user.plain.ia == pytest.approx(4 / 3, rel=1e-12)
    assert user.plain.erank == pytest.approx(
        np.exp(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25))), rel=1e-12
    )
    assert user.weighted == TableRank(pytest.approx(2.0), pytest.approx(2.0))
    assert (item.plain, item.weighted) == (None, None)
    assert ad.limit == 1
    assert ad.plain == ad.weighted == TableRank(pytest.approx(1.0), pytest.approx(1.0))


def test_a_field_that_training_never_saw_has_no_rank() -> None:
    result = table_spectra(
        np.ones((13, 2)), SCHEMA, [np.zeros(n, dtype=np.int64) for n in SCHEMA.cardinalities]
    )
    assert [(field.seen, field.limit, field.plain, field.weighted) for field in result] == [
        (0, 0, None, None)
    ] * 3


def test_chunks_agree_with_one_svd(monkeypatch) -> None:
    monkeypatch.setattr(spectrum, "CHUNK", 7)
    generator = np.random.default_rng(1)
    schema = Schema((), ("user",), (60,))
    table = generator.normal(size=(60, 8)) * 2.0 ** -np.arange(8)
    count = generator.integers(0, 4, 60)
    (result,) = table_spectra(table, schema, [count])
    seen = count > 0
    for rank, rows in (
        (result.plain, table[seen]),
        (result.weighted, table[seen] * np.sqrt(count[seen])[:, None]),
    ):
        expected = rank_metrics(np.linalg.svd(rows, compute_uv=False))
        assert rank == TableRank(
            pytest.approx(expected["erank"], abs=1e-9), pytest.approx(expected["ia"], abs=1e-9)
        )


def test_the_mean_leaves_out_fields_without_a_rank() -> None:
    assert mean_over_fields([TableRank(2.0, 1.0), None, TableRank(4.0, 2.0)]) == TableRank(3.0, 1.5)
    assert mean_over_fields([None]) is None
