"""How a table fits a width: which columns stand side by side, and how wide each is."""

from collections.abc import Sequence

from rich.cells import cell_len
from rich.table import Table as RichTable
from rich.text import Text

from benchmark.reports.document import Table
from benchmark.utils.escape import printable

PADDING = 2
"""Spaces around a column."""
PROSE = 40
"""Longer cells are sentences, which are broken between words; names and numbers never are."""
NARROW_PROSE = 24


def laid_out(table: Table, width: int) -> list[RichTable]:
    """A table as parts that fit `width` one below the other, each with the column that names the
    rows."""
    lines = [[printable(cell) for cell in line] for line in (table.head, *table.rows)]
    columns = list(zip(*lines, strict=True))
    if not columns:
        return []
    least = [_least(column) for column in columns]
    return [_part(columns, block, least, width) for block in blocks(least, table.key, width)]


def blocks(least: Sequence[int], key: int, width: int) -> list[list[int]]:
    """The columns of each part, by their least widths: as many as fit, at least one beside `key`.

    Example::

        blocks([10, 20, 20, 5], key=0, width=36)    # [[0, 1], [0, 2], [0, 3]]
    """
    parts = [[key]]
    for column in (each for each in range(len(least)) if each != key):
        wider = sorted([*parts[-1], column])
        fits = sum(least[each] + PADDING for each in wider) <= width
        if fits or parts[-1] == [key]:
            parts[-1] = wider
        else:
            parts.append(sorted([key, column]))
    return parts


def _part(
    columns: Sequence[Sequence[str]], block: Sequence[int], least: Sequence[int], width: int
) -> RichTable:
    """Some columns; what is left of the width goes to those that need more."""
    part = RichTable(box=None)
    spare = width - sum(least[column] + PADDING for column in block)
    for column in block:
        whole = max(map(cell_len, columns[column]))
        given = max(0, min(spare, whole - least[column]))
        spare -= given
        part.add_column(Text(columns[column][0]), width=least[column] + given, overflow="fold")
    for cells in list(zip(*columns, strict=True))[1:]:
        part.add_row(*(_shown(cells[column]) for column in block))
    return part


def _least(column: Sequence[str]) -> int:
    """The least width of a column: of a word of its head, and of its cells, unless sentences."""
    head, *cells = column
    words = [word for cell in (head, *cells) for word in cell.split() if cell_len(cell) > PROSE]
    names = [cell for cell in cells if cell_len(cell) <= PROSE]
    sizes = [cell_len(text) for text in (*head.split(), *words, *names)]
    return max((NARROW_PROSE if words else 1, *sizes))


def _shown(cell: str) -> Text:
    """A cell without its Markdown: `*emphasis*` in italics, and code without its marks."""
    plain = cell.replace("`", "")
    emphasised = len(plain) > 2 and plain.startswith("*") and plain.endswith("*")
    return Text(plain[1:-1], "italic") if emphasised else Text(plain)
