"""Tables that fit the terminal, whatever its width."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from benchmark.reports.document import Table
from benchmark.terminal.layout import PADDING, blocks, laid_out

BOARD = Table(
    "",
    ("rank", "recipe", "test AUC", "the model's parameters", "why"),
    (
        ("", "*oracle*", "0.82882", "", ""),
        ("1", "rankelastor_published", "0.72458 ± 0.00957", "361,257", "a sentence of words " * 4),
        ("2", "rankelastor_small", "0.71337 ± 0.00339", "[red]", "`code`"),
    ),
    key=1,
)


def printed(table: Table, width: int) -> str:
    file = io.StringIO()
    for part in laid_out(table, width):
        Console(width=width, file=file).print(part)
    return file.getvalue()


@pytest.mark.parametrize(("width", "parts"), [(60, 2), (80, 2), (160, 1)])
def test_names_and_numbers_are_whole_and_rows_are_named_in_each_part(width, parts) -> None:
    text = printed(BOARD, width)
    assert max(map(len, text.splitlines())) <= width
    assert len(laid_out(BOARD, width)) == parts
    for name in ("rankelastor_published", "rankelastor_small"):
        assert text.count(f" {name} ") == parts
    for cell in ("0.72458 ± 0.00957", "0.71337 ± 0.00339", "361,257", "[red]"):
        assert text.count(f" {cell} ") == 1


def test_markdown_is_not_shown() -> None:
    text = printed(BOARD, 60)
    assert " oracle " in text and " code " in text and "*" not in text and "`" not in text


@given(st.lists(st.integers(1, 40), min_size=1, max_size=9), st.integers(10, 120), st.data())
def test_every_column_stands_once_and_no_part_is_too_wide_without_need(least, width, data) -> None:
    key = data.draw(st.integers(0, len(least) - 1))
    parts = blocks(least, key, width)
    others = [column for part in parts for column in part if column != key]
    assert others == [column for column in range(len(least)) if column != key]
    assert all(part.count(key) == 1 for part in parts)
    for part in parts:
        needed = sum(least[column] + PADDING for column in part)
        assert needed <= width or len(set(part) - {key}) <= 1
