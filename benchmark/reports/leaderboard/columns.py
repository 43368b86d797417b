"""The columns of the tables, whole and narrow, and their text."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from benchmark.reports.document import Cells, Table
from benchmark.reports.leaderboard.boards import Board, Quote
from benchmark.reports.leaderboard.rows import Row
from benchmark.reports.leaderboard.tracks import Standing, Track


@dataclass(frozen=True)
class Column:
    title: str
    cell: Callable[[Standing], str]
    oracle: Callable[[float, float], str] = lambda auc, logloss: ""


RANK = Column("rank", lambda standing: "" if standing.rank is None else str(standing.rank))
RECIPE = Column("recipe", lambda standing: standing.row.recipe, lambda auc, logloss: "*oracle*")
QUALITY = (
    Column(
        "test AUC", lambda s: _with_sd(s.row.auc, s.row.auc_sd), lambda auc, logloss: f"{auc:.5f}"
    ),
    Column(
        "LogLoss",
        lambda s: _with_sd(s.row.logloss, s.row.logloss_sd),
        lambda auc, logloss: f"{logloss:.5f}",
    ),
)
FROM_BEST = Column("AUC from the best row's [95 %]", lambda s: _from_best(s))
ERANK = Column("erank / limit", lambda standing: _number(standing.row.erank, 3))
SEEDS = Column("seeds", lambda standing: str(len(standing.row.seeds)))
WHY = Column("why", lambda standing: standing.apart)
DETAILS = (
    Column("NE", lambda s: f"{s.row.ne:.5f}"),
    Column("calibration", lambda s: f"{s.row.calibration:.3f}"),
    ERANK,
    Column("collapse", lambda s: _number(s.row.collapse, 3)),
    Column("parameters (embedding / dense / head)", lambda s: _parts(s.row)),
    Column("FLOPs/sample", lambda s: f"{s.row.flops_per_sample:,}"),
    Column("train samples/s", lambda s: f"{s.row.train_samples_per_s:,.0f}"),
    Column("trials", lambda s: _trials(s)),
    Column("hours", lambda s: _number(s.row.hours, 1)),
    SEEDS,
)
PARAMETERS = Column("parameters", lambda s: f"{s.row.parameters:,}")

WHOLE = RANK, RECIPE, *QUALITY, FROM_BEST, *DETAILS
NARROW = RANK, RECIPE, *QUALITY, FROM_BEST, ERANK, PARAMETERS, SEEDS


def track_tables(board: Board, track: Track, columns: Sequence[Column]) -> Iterable[Table]:
    """Of ranked rows and, apart, of the others; each only where there are any, the first with the
    oracle."""
    apart = [standing for standing in track.standings if standing.rank is None]
    unranked = [column for column in columns if column not in (RANK, FROM_BEST)] + [WHY]
    oracle = board.oracle
    for title, standings, shown in (
        ("", track.ranked, list(columns)),
        ("Not ranked", apart, unranked),
    ):
        if standings:
            rows = [
                tuple(_cell(column, standing, track) for column in shown) for standing in standings
            ]
            if oracle is not None:
                rows.insert(0, tuple(column.oracle(*oracle) for column in shown))
                oracle = None
            yield Table(title, tuple(column.title for column in shown), tuple(rows))


def track_title(track: Track) -> str:
    if track.kind == "free":
        return "Free track: any other embedding size"
    return f"Fixed track: embedding size {track.embedding_dim}"


def track_remarks(track: Track) -> Iterable[str]:
    if track.detectable is not None:
        rows = len(track.ranked)
        yield (
            f"Ranked over seeds {', '.join(map(str, track.seeds))}: {rows * (rows - 1) // 2} pairs"
            f" of {rows} rows. Between two rows of the table's root mean square sd, a true AUC"
            f" difference of {track.detectable:.5f} is found with a power of 80 %."
        )
    if not track.by_rows:
        yield (
            "No differences from the best row: a bootstrap over test rows needs the logit of each,"
            " but a scores file here holds bins (as those of more than 100,000 test rows do) or is"
            " missing."
        )
    if any(standing.other_budget for standing in track.standings):
        yield (
            "† tuned with another number of trials than most rows of this table, or no number is"
            " that of most."
        )


def quote_table(board: Board) -> Table:
    """What others published on this or nearly this data set, and the AUC here less theirs."""
    gap = "difference" if board.other_split else "reproduction gap"
    head = "model", "source", "protocol", "AUC", "LogLoss", "recipe here", "AUC here (seeds)", gap
    return Table(
        "Published by others, never ranked",
        head if board.other_split else (*head, "gap in their seed sd"),
        tuple(_quote(quote, with_sd=not board.other_split) for quote in board.quotes),
    )


def quote_remarks(board: Board) -> Iterable[str]:
    if board.other_split:
        name = board.quotes[0].published.dataset
        yield (
            f"These are numbers of {name}, another split: here are {board.other_split}. So the"
            " difference, ours less theirs, holds what that changes and is no reproduction gap."
        )
    else:
        yield "The reproduction gap is our AUC less theirs, on the same split."
    for key, source in sorted(
        {quote.published.source: quote.source for quote in board.quotes}.items()
    ):
        yield f"{key}: {source.title}, {source.link}; {source.runs}."


def _quote(quote: Quote, *, with_sd: bool) -> Cells:
    row, ours = quote.published, quote.ours
    size = "" if row.embedding_dim is None else f"embedding size {row.embedding_dim}"
    cells = (
        row.model,
        row.source,
        "; ".join(part for part in (size, row.protocol) if part),
        _with_sd(quote.auc, row.auc_sd),
        f"{row.logloss:.5f}",
        (row.recipe or "") if ours is None else ours.recipe,
        "" if ours is None else f"{ours.auc:.5f} ({len(ours.seeds)})",
        "" if quote.gap is None else f"{quote.gap:+.5f}",
    )
    return (
        (*cells, "" if quote.gap_in_sd is None else f"{quote.gap_in_sd:+.1f}") if with_sd else cells
    )


def _cell(column: Column, standing: Standing, track: Track) -> str:
    row = standing.row
    if column is RECIPE and sum(other.row.recipe == row.recipe for other in track.standings) > 1:
        return (
            f"{row.recipe} (numerics {row.numerics}, recipe {row.recipe_digest[:8]}, data"
            f" {row.data_digest[:8]})"
        )
    return column.cell(standing)


def _from_best(standing: Standing) -> str:
    found = standing.from_best
    return "" if found is None else f"{found.value:+.5f} [{found.low:+.5f}, {found.high:+.5f}]"


def _trials(standing: Standing) -> str:
    row = standing.row
    found = "none" if row.tuned is None else "unknown" if row.trials is None else str(row.trials)
    return found + ("†" if standing.other_budget else "")


def _parts(row: Row) -> str:
    return f"{row.embedding_parameters:,} / {row.dense_parameters:,} / {row.head_parameters:,}"


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _with_sd(value: float, sd: float | None) -> str:
    return f"{value:.5f}" if sd is None else f"{value:.5f} ± {sd:.5f}"
