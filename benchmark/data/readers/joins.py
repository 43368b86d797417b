"""Side files, held in memory, whose columns are added to the rows by a key."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import polars as pl

from benchmark.data.card import Join, TableSpec
from benchmark.data.readers.inputs import Input
from benchmark.data.readers.text import Parse
from benchmark.data.rules import present
from benchmark.errors import BenchmarkError

_File = TypeVar("_File")
KEY = "\0key"  # no column of a file has this name


@dataclass(frozen=True)
class Side:
    """One side file: the text of the key in the column KEY, once, and the columns that are used."""

    name: str
    on: str
    """The column of the rows that holds the key."""
    rows: pl.DataFrame

    @property
    def columns(self) -> list[str]:
        return [name for name in self.rows.columns if name != KEY]

    def attach(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The same rows with the side file's columns; missing where the file lacks the key."""
        key = pl.col(self.on).cast(pl.String)
        left = rows.join(self.rows, left_on=key, right_on=KEY, how="left", maintain_order="left")
        return left.drop(KEY)


def read_sides(
    table: TableSpec,
    files: Mapping[str, Sequence[_File]],
    read: Callable[[_File, TableSpec], Input],
) -> list[Side]:
    """Read the side files of a table, found by `table.side_files`, each by `read`. Raises
    BenchmarkError for a file that lacks a column or holds a key more than once."""
    used = set(table.needed(table.columns))
    return [
        _read_side(table, join, [partial(read, file) for file in files[label]], used)
        for join, label in zip(table.join, table.side_files, strict=True)
    ]


def _read_side(
    table: TableSpec,
    join: Join,
    files: Sequence[Callable[[TableSpec], Input]],
    used: Iterable[str],
) -> Side:
    like_table = table.format if table.format in ("csv", "parquet") else "csv"
    spec = table.without_choices().model_copy(
        update={
            "label": KEY,
            "join": (),
            "format": join.format or like_table,
            "header": join.header,
            "separator": join.separator or table.separator,
        }
    )
    key, frames = join.on[-1], []
    parts = [read(spec) for read in files]
    for part in parts:
        names = part.columns()
        chosen = names if join.columns is None else join.columns
        if missing := [name for name in (key, *chosen) if name not in names]:
            absent, listed = ", ".join(map(repr, missing)), ", ".join(names)
            raise BenchmarkError(f"{part.name} has no column {absent}; it has: {listed}")
        wanted = [name for name in chosen if name in used and name != key]
        for _, parse in part.read([key, *wanted]):
            frames.append(parse([]).select(pl.col(key).cast(pl.String).alias(KEY), *wanted))
    if not frames:
        raise BenchmarkError(f"{parts[0].name} holds no rows")
    rows = pl.concat(frames)
    rows = rows.filter(present(rows[KEY]) & ~rows[KEY].is_in(table.missing))
    for row in rows.filter(pl.col(KEY).is_duplicated()).head(1).iter_rows(named=True):
        fault = f"the key {row[KEY]!r} in column '{key}' is there more than once"
        raise BenchmarkError(f"{parts[0].name}: {fault}; a join needs one row a key")
    return Side(parts[0].name, join.on[0], rows)


def joined(part: Input, sides: Sequence[Side]) -> Input:
    """The input with the columns of the side files, in the same rows."""
    if not sides:
        return part
    columns = partial(_columns, part, sides)
    return replace(part, columns=columns, read=partial(_read, part, sides))


def _columns(part: Input, sides: Sequence[Side]) -> list[str]:
    """Raises BenchmarkError for a key that all rows lack, and for a column of two files."""
    owners = dict.fromkeys(part.columns(), part.name)
    for side in sides:
        if side.on not in owners and not part.ragged:
            hint = f"it has: {', '.join(owners)}; correct the key `on` of the join"
            raise BenchmarkError(
                f"{part.name} has no column '{side.on}', the key of {side.name}; {hint}"
            )
        if twice := [name for name in side.columns if name in owners]:
            hint = "leave it out of one, or name what the join adds in its key `columns`"
            both = f"{owners[twice[0]]} and {side.name} both have '{twice[0]}'"
            raise BenchmarkError(f"{both}; {hint}")
        owners |= dict.fromkeys(side.columns, side.name)
    return list(owners)


def _read(
    part: Input, sides: Sequence[Side], selection: Sequence[str]
) -> Iterator[tuple[int, Parse]]:
    given = {name for side in sides for name in side.columns}
    wanted = dict.fromkeys([*selection, *(side.on for side in sides)])
    own = [name for name in wanted if name not in given]
    for first, parse in part.read(own):
        yield first, partial(_parsed, parse, sides, selection)


def _parsed(
    parse: Parse, sides: Sequence[Side], selection: Sequence[str], numeric: Sequence[str]
) -> pl.DataFrame:
    keys = {side.on for side in sides}
    rows = parse([name for name in numeric if name not in keys])
    for side in sides:
        rows = side.attach(rows)
    return rows.select(selection)
