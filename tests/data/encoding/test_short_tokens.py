import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.data.encoding.short_tokens import KeyTable, packed, unpacked

TEXT = st.text(alphabet="a0\0é€\x01", max_size=10)
FAMILIES = {
    "counted": [str(number) for number in range(50_000)],
    "last byte": [f"aaaaaaa{chr(code)}" for code in range(1, 128)],
    "first byte": [f"{chr(code)}aaaaaaa" for code in range(1, 128)],
    "two ends": [f"{chr(a)}aaaaaa{chr(b)}" for a in range(32, 127) for b in range(32, 127)],
    "hexadecimal": [f"{number * 2_654_435_761 % 2**32:08x}" for number in range(50_000)],
}


def series(tokens: list[str | None]) -> pl.Series:
    return pl.Series(tokens, dtype=pl.String)


def keys_of(tokens: list[str]) -> np.ndarray:
    return np.array([int.from_bytes(token.encode(), "little") for token in tokens], np.uint64)


def test_a_key_is_the_bytes_of_its_token_from_the_lowest_up():
    keys, long = packed(series(["a", "ab", "", None, "12345678", "é"]))
    assert keys.tolist() == [0x61, 0x6261, 0, 0, 0x3837363534333231, 0xA9C3]
    assert not long.any()


def test_tokens_without_a_key_are_named():
    tokens = ["123456789", "thirteen bytes", "a\0", "\0", "a\0b", "1234567é", "12345678"]
    keys, long = packed(series(tokens))
    assert long.tolist() == [True, True, True, True, False, True, False]
    assert (keys[long] == 0).all()


@settings(deadline=None)
@given(tokens=st.lists(st.one_of(st.none(), TEXT), max_size=40), cut=st.integers(0, 10))
def test_unpacked_keys_are_the_tokens_again(tokens, cut):
    keys, long = packed(series(tokens)[cut:])
    short = [token or "" for token, left in zip(tokens[cut:], long, strict=True) if not left]
    assert unpacked(keys[~long]).to_list() == short
    for token, left in zip(tokens[cut:], long, strict=True):
        assert left == (token is not None and (len(token.encode()) > 8 or token.endswith("\0")))


def test_chunks_make_no_difference():
    parts = [series(["b", None]), series(["a", "123456789"])]
    whole = packed(pl.concat(parts, rechunk=True))
    for result, expected in zip(packed(pl.concat(parts, rechunk=False)), whole, strict=True):
        np.testing.assert_array_equal(result, expected)


@settings(deadline=None)
@given(parts=st.lists(st.lists(st.integers(1, 2**64 - 2), max_size=400), max_size=6))
def test_a_table_is_a_dictionary(parts):
    table, expected = KeyTable(), dict[int, int]()
    for part in parts:
        fresh = sorted({*part} - {*expected})
        numbers = np.arange(len(expected) + 1, len(expected) + len(fresh) + 1, dtype=np.int32)
        table.put(np.array(fresh, np.uint64), numbers)
        expected |= dict(zip(fresh, numbers.tolist(), strict=True))
    queries = [0, 1, *(near for part in parts for key in part for near in (key, key ^ 1))]
    assert table.get(np.array(queries, np.uint64)).tolist() == [
        expected.get(key, 0) for key in queries
    ]
    keys, numbers = table.items()
    assert dict(zip(keys.tolist(), numbers.tolist(), strict=True)) == expected


@pytest.mark.parametrize("family", FAMILIES)
def test_tokens_that_are_much_alike_are_told_apart_in_few_probes(family, monkeypatch):
    keys = keys_of(FAMILIES[family])
    table = KeyTable()
    table.put(keys, np.arange(1, len(keys) + 1, dtype=np.int32))
    looked_at = []

    def counting(values, places):
        looked_at.append(len(places))
        return values.take(places)

    monkeypatch.setattr("benchmark.data.encoding.short_tokens._at", counting)
    assert table.get(keys).tolist() == list(range(1, len(keys) + 1))
    assert sum(looked_at) < 12 * len(keys)
