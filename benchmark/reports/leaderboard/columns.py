"""The tables of a board as text: whole ones for its file, narrow ones for README and terminal."""

from collections.abc import Callable, Iterable, Sequence
from math import comb
from typing import NamedTuple

import polars as pl

from benchmark.reports.document import Table
from benchmark.reports.leaderboard.boards import Board
from benchmark.reports.leaderboard.tracks import Line, Track


class Column(NamedTuple):
    """A column of the shown tables: its title, and its text from the columns of a track's table."""

    title: str
    cell: Callable[[Line], str]


def _number(title: str, name: str, form: str) -> Column:
    """The column `name` in a number format; empty where it is None."""
    return Column(title, lambda line: "" if line[name] is None else format(line[name], form))


def _from_best(line: Line) -> str:
    gap = line["from_best"]
    return f"{gap['value']:+.5f} [{gap['low']:+.5f}, {gap['high']:+.5f}]" if gap else ""


def _trials(line: Line) -> str:
    trials = "unknown" if line["trials"] is None else str(line["trials"])
    mark = "†" if line["other_budget"] else ""
    return ("none" if line["tuned"] is None else trials) + mark


PARTS = "embedding_parameters", "dense_parameters", "head_parameters"

RANK = _number("rank", "rank", "d")
RECIPE = Column("recipe", lambda line: str(line["label"]))
AUC = Column("test AUC", lambda line: _with_sd(line["auc"], line["auc_sd"]))
LOGLOSS = Column("LogLoss", lambda line: _with_sd(line["logloss"], line["logloss_sd"]))
FROM_BEST = Column("AUC from the best row's [95 %]", _from_best)
ERANK = _number("erank / limit", "erank", ".3f")
PARAMETERS = Column("parameters", lambda line: f"{sum(line[part] for part in PARTS):,}")
SEEDS = Column("seeds", lambda line: str(len(line["seeds"])))
WHY = Column("why", lambda line: str(line["apart"]))

WHOLE = (
    RANK,
    RECIPE,
    AUC,
    LOGLOSS,
    FROM_BEST,
    _number("NE", "ne", ".5f"),
    _number("calibration", "calibration", ".3f"),
    ERANK,
    _number("collapse", "collapse", ".3f"),
    Column(
        "parameters (embedding / dense / head)",
        lambda line: " / ".join(f"{line[part]:,}" for part in PARTS),
    ),
    _number("FLOPs/sample", "flops_per_sample", ",d"),
    _number("train samples/s", "train_samples_per_s", ",.0f"),
    Column("trials", _trials),
    _number("hours", "hours", ".1f"),
    SEEDS,
)
NARROW = RANK, RECIPE, AUC, LOGLOSS, FROM_BEST, ERANK, PARAMETERS, SEEDS


def track_tables(board: Board, track: Track, columns: Sequence[Column]) -> Iterable[Table]:
    """The table of ranked rows, with the oracle, and the table of those that are not ranked."""
    digests = (pl.col(name).str.head(8) for name in ("recipe_digest", "data_digest"))
    identity = pl.format("{} (numerics {}, recipe {}, data {})", "recipe", "numerics", *digests)
    name = pl.when(pl.len().over("recipe") > 1).then(identity).otherwise("recipe")
    lines = track.table.with_columns(label=name).to_dicts()
    ranked = [line for line in lines if line["rank"] is not None]
    apart = [line for line in lines if line["rank"] is None]
    unranked = [column for column in columns if column not in (RANK, FROM_BEST)] + [WHY]
    oracle: dict[Column, str] = {}
    if board.oracle:
        auc, logloss = board.oracle
        oracle = {RECIPE: "*oracle*", AUC: f"{auc:.5f}", LOGLOSS: f"{logloss:.5f}"}
    for title, group, shown in (("", ranked, columns), ("Not ranked", apart, unranked)):
        if group:
            rows = [tuple(column.cell(line) for column in shown) for line in group]
            if oracle:
                rows.insert(0, tuple(oracle.get(column, "") for column in shown))
                oracle = {}
            yield Table(title, tuple(column.title for column in shown), tuple(rows))


def track_title(track: Track) -> str:
    if track.kind == "free":
        return "Free track: any other embedding size"
    return f"Fixed track: embedding size {track.embedding_dim}"


def track_remarks(track: Track) -> Iterable[str]:
    if track.detectable is not None:
        rows = track.table["rank"].count()
        yield (
            f"Ranked over seeds {', '.join(map(str, track.seeds))}: {comb(rows, 2)} pairs of {rows}"
            " rows. Between two rows of the table's root mean square sd, a true AUC difference of"
            f" {track.detectable:.5f} is found with a power of 80 %."
        )
    if not track.by_rows:
        yield (
            "No differences from the best row: a bootstrap over test rows needs the logit of each,"
            " but a scores file here holds bins (as those of more than 100,000 test rows do) or is"
            " missing."
        )
    if track.table["other_budget"].any():
        yield (
            "† tuned with another number of trials than most rows of this table, or no number is"
            " that of most."
        )


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
