"""Data as text: no markup of Markdown, HTML or a terminal comes through."""

import pytest

from benchmark.reports.document import Report, Table, with_part
from benchmark.utils.escape import markdown, printable


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a <!-- /leaderboard --> b", "a &#60;!-- /leaderboard --> b"),
        ("<script>", "&#60;script>"),
        ("&lt;b> AT&T", "&#38;lt;b> AT&T"),
        ("a | b", "a &#124; b"),
        ("[x](javascript:y) ![i](z) f(x)", "[x]&#40;javascript:y) ![i]&#40;z) f(x)"),
        ("one\n\n# two", "one # two"),
        ("1 <= 2 < 3, [0, 1], rank_ratio", "1 <= 2 < 3, [0, 1], rank_ratio"),
        ("\x1b[2J", r"\x1b[2J"),
    ],
)
def test_markdown(text, escaped) -> None:
    assert markdown(text) == escaped


@pytest.mark.parametrize(
    ("text", "shown"),
    [("\x1b]0;t\x07", r"\x1b]0;t\x07"), ("a\rb", r"a\rb"), ("\u202eab", r"\u202eab")],
)
def test_printable(text, shown) -> None:
    assert printable(text) == shown
    assert printable("é ± ─ \t\n") == "é ± ─ \t\n"


def test_every_part_of_a_report_is_escaped_and_its_place_stays_one() -> None:
    evil = "x <!-- /board --> |\n"
    table = Table(evil, (evil,), ((evil,),), (evil,))
    text = Report(evil, (evil,), (table,), {}).markdown()
    assert "<!--" not in text and text.count("&#60;!-- /board -->") == 6
    page = "a\n<!-- board -->\nold\n<!-- /board -->\nb\n"
    once = with_part(page, "board", text)
    assert with_part(once, "board", text) == once
