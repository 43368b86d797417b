"""What is printed is data: no markup, emoji or control character of a record comes through."""

import pytest

from benchmark.reports.document import Table
from benchmark.terminal import console
from benchmark.terminal.run import result_table
from tests.factories import make_ranked_record

EVIL = "rows of [/data/raw] [red] :smile: \x1b[2J"
SHOWN = r"rows of [/data/raw] [red] :smile: \x1b[2J"


@pytest.mark.parametrize("place", ["title", "head", "rows", "remarks"])
def test_every_part_of_a_table(capsys, place) -> None:
    parts = {"title": "t", "head": ("a" * 60,), "rows": (("b",),), "remarks": ("c",)}
    evil = {"title": EVIL, "head": (EVIL,), "rows": ((EVIL,),), "remarks": (EVIL,)}
    console.print_table(Table(**parts | {place: evil[place]}))
    assert SHOWN in " ".join(capsys.readouterr().out.split())  # narrow tables break lines


def test_the_table_of_a_run_and_lines(capsys) -> None:
    made = make_ranked_record(caveat=EVIL, notes=(EVIL,), warnings=(EVIL,))
    console.out.print(result_table([made], 160))
    console.say(EVIL)
    console.notice(EVIL)
    printed = capsys.readouterr()
    assert " ".join(printed.out.split()).count(SHOWN) == 4 and SHOWN in printed.err
