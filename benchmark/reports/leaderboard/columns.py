"""The tables of a board as text: whole ones for its file, narrow ones for the
terminal, the first rows for the README."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import comb
from typing import NamedTuple

import polars as pl

from benchmark.reports.document import Cells, Table
from benchmark.reports.leaderboard.boards import Board
from benchmark.reports.leaderboard.tracks import AUC, LOGLOSS, MEASURES, PLACE, Line, Measure, Track


class Column(NamedTuple):
    """A column of the shown tables: its title, and its text from the columns of a track's table."""

    title: str
    cell: Callable[[Line], str]


def _number(title: str, name: str, form: str) -> Column:
    """The column `name` in a number format; empty where it is None."""
    return Column(title, lambda line: "" if line[name] is None else format(line[name], form))


FURTHER = "The rows that have more seeds, ranked over those alone"

PARTS = "embedding_parameters", "dense_parameters", "head_parameters"

RECIPE = Column("recipe", lambda line: str(line["label"]))
VALUES = {
    AUC: Column("test AUC", lambda line: _with_sd(line["auc"], line["auc_sd"])),
    LOGLOSS: Column(
        "test LogLoss",
        lambda line: (
            _with_sd(line["logloss"], line["logloss_sd"]) + ("‡" if line["one_monitor"] else "")
        ),
    ),
}
GAUC = _number("gAUC", "gauc", ".5f")
RANK_RATIO = _number("rank ratio", "rank_ratio", ".3f")
PARAMETERS = Column("parameters", lambda line: f"{sum(line[part] for part in PARTS):,}")
SEEDS = Column("seeds", lambda line: str(len(line["seeds"])))
WHY = Column("why", lambda line: str(line["apart"]))
UNRANKED = RECIPE, *VALUES.values(), GAUC, RANK_RATIO, PARAMETERS, SEEDS, WHY

Layout = dict[Measure, tuple[Column, ...]]
"""The columns of a measure's table after those of its ranks."""
WHOLE: Layout = {
    AUC: (
        GAUC,
        RANK_RATIO,
        Column(
            "parameters (embedding / dense / head)",
            lambda line: " / ".join(f"{line[part]:,}" for part in PARTS),
        ),
        _number("matmul FLOPs/sample", "flops_per_sample", ",d"),
        _number("train samples/s", "train_samples_per_s", ",.0f"),
        SEEDS,
    ),
    LOGLOSS: (
        _number("NE", "ne", ".5f"),
        _number("calibration", "calibration", ".3f"),
        _number("ECE", "ece", ".5f"),
        SEEDS,
    ),
}
SHOWN = 3
"""Most rows of one rank that a line of `first_rows` names."""
NARROW: Layout = {AUC: (GAUC, RANK_RATIO, PARAMETERS, SEEDS), LOGLOSS: ()}


def track_tables(board: Board, track: Track, layout: Layout) -> Iterable[Table]:
    """The table of ranked rows by each measure, and that of the other rows, with oracle and
    naive rates."""
    digests = (pl.col(name).str.head(8) for name in ("recipe_digest", "data_digest"))
    identity = pl.format("{} (numerics {}, recipe {}, data {})", "recipe", "numerics", *digests)
    name = pl.when(pl.len().over("recipe") > 1).then(identity).otherwise("recipe")
    table = track.table.with_columns(label=name)
    for measure in MEASURES:
        by_value = measure.sign * pl.col(measure.name)
        ranked = table.filter(apart="").sort(by_value, descending=True, maintain_order=True)
        columns = *_place(measure), *layout[measure]
        remarks = tuple(_remarks(track, measure))
        yield from _table(f"By test {measure.title}", board, columns, ranked, remarks)
    yield from _table("Not ranked", board, UNRANKED, table.filter(pl.col("apart") != ""))


def _place(measure: Measure) -> Sequence[Column]:
    """Rank, rank interval, recipe, value, and distance from the best other row."""
    first, last, low, high = (f"{measure.name}_{part}" for part in PLACE[1:])
    return (
        _number("rank", f"{measure.name}_rank", "d"),
        Column("rank interval", lambda line: f"{line[first]} to {line[last]}"),
        RECIPE,
        VALUES[measure],
        Column(
            f"{measure.title} less the best other row's, 95 %",
            lambda line: "" if line[low] is None else f"[{_end(line[low])}, {_end(line[high])}]",
        ),
    )


def _end(value: float) -> str:
    return f"{value:+.5f}" if value else "0"


def _table(
    title: str, board: Board, columns: Sequence[Column], table: pl.DataFrame, remarks: Cells = ()
) -> Iterable[Table]:
    """No table without rows; gAUC where a row has it; first the rows of no recipe."""
    if table.is_empty():
        return
    shown = [column for column in columns if column is not GAUC or table["gauc"].count()]
    rows = [tuple(column.cell(line) for column in shown) for line in table.to_dicts()]
    above = [tuple(cells.get(column, "") for column in shown) for cells in _references(board)]
    head = tuple(column.title for column in shown)
    yield Table(title, head, (*above, *rows), remarks, key=shown.index(RECIPE))


def _references(board: Board) -> Iterable[dict[Column, str]]:
    """The rows of no recipe, which are not ranked: the oracle and the naive rates, where known."""
    auc, logloss = VALUES.values()
    if board.oracle:
        yield {RECIPE: "*oracle*"} | _texts(dict(zip((auc, logloss), board.oracle, strict=True)))
    if board.naive:
        numbers = {auc: board.naive.auc, logloss: board.naive.logloss, GAUC: board.naive.gauc}
        yield {RECIPE: f"*naive rates of {', '.join(board.naive.fields)}*"} | _texts(numbers)


def _texts(numbers: Mapping[Column, float | None]) -> dict[Column, str]:
    return {column: "" if value is None else f"{value:.5f}" for column, value in numbers.items()}


def track_title(track: Track) -> str:
    size = f"Fixed track: embedding size {track.embedding_dim}"
    kind = "Free track: any other embedding size" if track.kind == "free" else size
    return f"{kind}; {track.provenance}"


def _remarks(track: Track, measure: Measure) -> Iterable[str]:
    if track.detectable:
        rows, detectable = track.table.filter(apart="").height, track.detectable[measure.name]
        found = (f"{difference:.5f} with {seeds}" for seeds, difference in detectable.items())
        yield (
            f"Ranked over seeds {', '.join(map(str, track.seeds))}: {rows} rows, pairs:"
            f" {comb(rows, 2)}. Between two rows of the table's root mean square sd, the smallest"
            f" true difference that is found with a power of 80 % is {', '.join(found)} seeds."
        )
    if measure == AUC and (sampled := track.sampled):
        yield (
            f"The choice of the test rows adds a standard error of {sampled.error:.5f} to a"
            " difference (median over pairs; DeLong, means over seeds), which no rank includes: of"
            f" {sampled.found} pairs that differ over seeds, {sampled.kept} differ with it too."
        )
    if measure == LOGLOSS and track.table.filter(apart="")["one_monitor"].any():
        yield (
            "‡ of the epoch that the recipe's only monitor chose; all others of the epoch with the"
            " best validation LogLoss."
        )


def first_rows(boards: Iterable[Board]) -> Table:
    """The rows of rank 1 of every track, a line each, beside what is known without a recipe."""
    title = "Rows of rank 1"
    head = "data set", "track", "rows", *(f"rank 1 by test {each.title}" for each in MEASURES)
    rows = (
        (
            board.dataset,
            track_title(track),
            str(track.table.filter(apart="").height),
            *(_first(board, track, measure) for measure in MEASURES),
        )
        for board in boards
        for track in board.tracks
    )
    return Table(title, head, tuple(rows))


def _first(board: Board, track: Track, measure: Measure) -> str:
    """The rows of rank 1, the best named first, and the oracle or naive rates."""
    value = VALUES[measure]
    ranked = track.table.filter(pl.col("apart") == "", pl.col(f"{measure.name}_rank") == 1)
    ordered = ranked.sort(measure.sign * pl.col(measure.name), descending=True, maintain_order=True)
    names = [f"{line['recipe']} {value.cell(line)}" for line in ordered.to_dicts()]
    more = [f"{len(names) - SHOWN} more"] if len(names) > SHOWN else []
    known = [f"{cells[RECIPE]} {cells[value]}" for cells in _references(board)]
    return "; ".join((*(names[:SHOWN] or ["none"]), *more, *known))


def quote_table(board: Board) -> Table:
    """The published results on this or nearly this data set, and the AUC here less theirs."""
    gaps = ("difference",) if board.other_split else ("reproduction gap", "gap in their seed sd")
    head = "model", "source", "protocol", "AUC", "LogLoss", "recipe here", "AUC here (seeds)", *gaps
    rows = []
    for quote in board.quotes:
        theirs, ours = quote.published, quote.ours
        size = "" if theirs.embedding_dim is None else f"embedding size {theirs.embedding_dim}"
        grid = "" if theirs.grid is None else f"best of {theirs.grid} settings"
        cells = (
            theirs.model,
            theirs.source,
            "; ".join(filter(None, (size, theirs.protocol, grid))),
            _with_sd(quote.auc, theirs.auc_sd),
            f"{theirs.logloss:.5f}",
            theirs.recipe or "",
            "" if ours is None else f"{ours['auc']:.5f} ({len(ours['seeds'])})",
            "" if quote.gap is None else f"{quote.gap:+.5f}",
            "" if quote.gap_in_sd is None else f"{quote.gap_in_sd:+.1f}",
        )
        rows.append(cells[: len(head)])
    return Table("Published by others, never ranked", head, tuple(rows))


def quote_remarks(board: Board) -> Iterable[str]:
    if board.other_split:
        name = board.quotes[0].published.dataset
        yield (
            f"These are numbers of {name}, another split: here are {board.other_split}. So the"
            " difference, ours less theirs, holds what that changes and is no reproduction gap."
        )
    else:
        yield "The reproduction gap is our AUC less theirs, on the same split."
    sources = {quote.published.source: quote.source for quote in board.quotes}
    for key, source in sorted(sources.items()):
        yield f"{key}: {source.title}, {source.link}; {source.runs}."


def _with_sd(value: float, sd: float | None) -> str:
    return f"{value:.5f}" if sd is None else f"{value:.5f} ± {sd:.5f}"
