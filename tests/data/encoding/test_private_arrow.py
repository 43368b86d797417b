"""Parts of libraries that are not in their documented interface, each named by one test."""

import inspect

import numpy as np
import polars as pl
import pyarrow as pa


def test_arrow_keeps_strings_as_views_of_sixteen_bytes() -> None:
    """`packed` reads Arrow's views: the length, then up to twelve bytes padded with zeros."""
    array = pl.Series(["ab", "12345678"]).to_arrow(compat_level=pl.CompatLevel.newest())
    assert array.type == pa.string_view()
    views = np.frombuffer(array.buffers()[1], np.uint8).reshape(-1, 16)
    assert views[0].tolist() == [2, 0, 0, 0, *b"ab", *[0] * 10]
    assert views[1].tolist() == [8, 0, 0, 0, *b"12345678", 0, 0, 0, 0]


def test_polars_takes_views_without_a_data_buffer() -> None:
    """`unpacked` builds an array of short strings from the views alone."""
    view = np.array([2, 0, 0, 0, *b"ab", *[0] * 10], np.uint8)
    array = pa.Array.from_buffers(pa.string_view(), 1, [None, pa.py_buffer(view)])
    assert pl.Series(array).to_list() == ["ab"]


def test_polars_numbers_the_categories_of_a_random_name_from_zero() -> None:
    """`Dictionary` takes the physical values of a Categorical as positions in `Categories`."""
    categories = pl.Categories.random()
    dtype = pl.Categorical(categories)
    tokens = pl.Series(["first of them", "second of them", "first of them"]).cast(dtype)
    assert tokens.to_physical().to_list() == [0, 1, 0]
    assert categories.to_series().to_list() == ["first of them", "second of them"]


def test_the_hub_client_downloads_the_rest_of_a_file() -> None:
    """`fetch` calls `http_get`: `hf_hub_download` removes a partial file when it fails."""
    from huggingface_hub.file_download import http_get

    assert {"temp_file", "resume_size", "headers", "expected_size"} <= set(
        inspect.signature(http_get).parameters
    )
