"""The raw Kaggle files at hand, counted by another way."""

import datetime
import math
from collections import Counter
from collections.abc import Iterable

import numpy as np

from benchmark.data import catalog
from benchmark.data.card import SPLITS, Derived, SplitRule
from benchmark.data.encoding.splits import assign
from benchmark.data.store import Store
from tests.data.tables import (
    encode_files,
    ignore,
    real_data,
)
from tests.data.test_kaggle import (
    AVAZU,
    CATEGORIES,
    DENSE,
    table_of,
)


def assert_as_counted(store: Store, name: str, tokens: Iterable[str], assigned: np.ndarray) -> None:
    """Holds a field against tokens of all rows in file order, counted in plain Python on train;
    min_count is 2."""
    tokens, field = list(tokens), store.schema.sparse.index(name)
    counts = Counter(
        token for token, split in zip(tokens, assigned, strict=True) if split == 0 and token
    )
    kept = sorted(
        (token for token in counts if counts[token] >= 2), key=lambda token: (-counts[token], token)
    )
    id_of = {token: number for number, token in enumerate(kept, start=1)}
    assert store.schema.cardinalities[field] == len(kept) + 2
    expected = np.array([id_of.get(token, len(kept) + 1) for token in tokens])
    for number, split in enumerate(SPLITS):
        np.testing.assert_array_equal(
            store.split(split).sparse[:, field], expected[assigned == number]
        )


def assert_labels(store: Store, labels: list[str], assigned: np.ndarray) -> None:
    for number, split in enumerate(SPLITS):
        expected = [
            int(label) for label, part in zip(labels, assigned, strict=True) if part == number
        ]
        assert store.split(split).label.tolist() == expected
        assert store.fingerprint.positives[split] == sum(expected)


def bucket_of(text: str) -> str:
    """Bucket 0 counts as missing."""
    value = float(text or 0)
    return str(math.floor(math.log(value) ** 2) if value > 2 else int(value) or "")


def test_real_criteo_rows(tmp_path):
    path = real_data("criteo_kaggle/train.txt")
    _, store = catalog.open_data("criteo_kaggle", data_root=path.parents[1], notify=ignore)
    labels, *columns = zip(
        *(line.split("\t") for line in path.read_text().splitlines()), strict=True
    )
    assigned = assign(np.array(labels, np.uint8), SplitRule())
    assert sum(store.fingerprint.rows.values()) == len(labels) == 19_017
    assert_labels(store, labels, assigned)
    for name, tokens in zip(CATEGORIES, columns[13:], strict=True):
        assert_as_counted(store, name, tokens, assigned)
    numbers = [[float(text or 0) for text in column] for column in columns[:13]]
    dense = np.array(
        [[math.copysign(math.log1p(abs(v)), v) for v in column] for column in numbers]
    ).T
    for number, split in enumerate(SPLITS):
        np.testing.assert_allclose(store.split(split).dense, dense[assigned == number], rtol=1e-6)

    buckets = {name: Derived(rule="squared_log_bucket", of=name) for name in DENSE}
    table = table_of("criteo_kaggle").model_copy(
        update={"dense": (), "sparse": (*DENSE, *CATEGORIES), "derive": buckets}
    )
    (tmp_path / "train.txt").symlink_to(path)
    bucketed = encode_files(tmp_path, table)
    assert bucketed.schema.cardinalities[13:] == store.schema.cardinalities
    for name, values in zip(DENSE, columns, strict=False):
        assert_as_counted(bucketed, name, map(bucket_of, values), assigned)


def test_real_avazu_rows():
    path = real_data("avazu_kaggle/train.csv")
    _, store = catalog.open_data("avazu_kaggle", data_root=path.parents[1], notify=ignore)
    header, *rows = (line.split(",") for line in path.read_text().splitlines())
    assert header == AVAZU
    columns = dict(zip(header, zip(*rows, strict=True), strict=True))
    assigned = assign(np.array(columns["click"], np.uint8), SplitRule())
    assert sum(store.fingerprint.rows.values()) == len(rows) == 32_490
    assert_labels(store, columns["click"], assigned)
    times = [datetime.datetime.strptime(hour, "%y%m%d%H") for hour in columns["hour"]]
    columns["hour"] = [time.strftime("%H") for time in times]
    columns["weekday"] = [time.strftime("%w") for time in times]
    columns["weekend"] = ["1" if time.strftime("%a") in ("Sat", "Sun") else "0" for time in times]
    assert len(store.schema.sparse) == 24
    for name in store.schema.sparse:
        assert_as_counted(store, name, columns[name], assigned)
