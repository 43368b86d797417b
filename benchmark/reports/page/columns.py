"""The columns of the page's boards."""

from collections.abc import Callable
from statistics import mean
from typing import NamedTuple

from benchmark.reports.leaderboard import columns as leaderboard
from benchmark.reports.leaderboard.boards import Quote
from benchmark.reports.leaderboard.tracks import AUC, LOGLOSS, Measure
from benchmark.reports.page.rows import Bar, Row
from benchmark.reports.words import seeds_in_words

Value = float | str | None


class Column(NamedTuple):
    """A column: what it means, its text, the value it is sorted by, what is drawn below the text,
    and whether it is shown before a reader chooses columns."""

    title: str
    meaning: str
    text: Callable[[Row], str]
    value: Callable[[Row], Value]
    shown: bool = False
    bar: Callable[[Row], Bar | None] = lambda row: None


def _number(title: str, meaning: str, name: str, form: str, shown: bool = False) -> Column:
    """The column `name` of a track's table in a number format; empty where it is None."""

    def text(row: Row) -> str:
        value = row.line[name]
        return "" if value is None else format(value, form)

    return Column(title, meaning, text, lambda row: row.line[name], shown)


def _ranks(measure: Measure, shown: bool) -> Column:
    rank, first, last = (f"{measure.name}_{part}" for part in ("rank", "first", "last"))

    def text(row: Row) -> str:
        if not row.ranked:
            return f"not ranked: {row.line['apart']}"
        return f"{row.line[rank]} ({row.line[first]} to {row.line[last]})"

    return Column(
        f"rank by {measure.title}",
        "rank (rank interval): rows of one rank are shaded alike",
        text,
        lambda row: row.line[rank],
        shown,
        lambda row: row.rank_bar(measure),
    )


def _value(measure: Measure) -> Column:
    return Column(
        f"test {measure.title}",
        "mean ± sd over the seeds, on the test split",
        lambda row: leaderboard.VALUES[measure].cell(row.line),
        lambda row: row.line[measure.name],
        True,
    )


def _from_best(measure: Measure, shown: bool) -> Column:
    low, high = (f"{measure.name}_{part}" for part in ("low", "high"))

    def text(row: Row) -> str:
        ends = row.line[low], row.line[high]
        return "" if None in ends else " to ".join(f"{end:+.5f}" if end else "0" for end in ends)

    return Column(
        f"{measure.title} less the best other, 95 %",
        "Hsu's intervals, which hold together for the table; the line is 0, the scale is linear"
        " near it and logarithmic beyond",
        text,
        lambda row: row.line[high],
        shown,
        lambda row: row.best_bar(measure),
    )


def _published(row: Row, of: Callable[[Quote], float]) -> str:
    split = ", another split" if row.board.other_split else ""
    each = (f"{of(quote):.5f} ({quote.published.source}{split})" for quote in row.quotes)
    return "; ".join(each)


def _gaps(row: Row) -> str:
    return "; ".join(f"{quote.gap:+.5f}" for quote in row.quotes if quote.gap is not None)


COLUMNS = (
    _ranks(AUC, True),
    _value(AUC),
    _from_best(AUC, True),
    Column(
        "published AUC",
        "what others published of this recipe, and where; sources are below the table",
        lambda row: _published(row, lambda quote: quote.auc),
        lambda row: max((quote.auc for quote in row.quotes), default=None),
        True,
    ),
    Column(
        "ours less published",
        "our AUC less theirs; no reproduction gap where their rows are others",
        _gaps,
        lambda row: max((quote.gap or 0.0 for quote in row.quotes), default=None),
    ),
    _ranks(LOGLOSS, False),
    _value(LOGLOSS),
    _from_best(LOGLOSS, False),
    Column(
        "published LogLoss",
        "what others published of this recipe, and where",
        lambda row: _published(row, lambda quote: quote.published.logloss),
        lambda row: min((quote.published.logloss for quote in row.quotes), default=None),
    ),
    _number("gAUC", "AUC per group, weighted by rows", "gauc", ".5f", True),
    _number(
        "rank ratio", "of the last stage, trained, batch form; noise = 1", "rank_ratio", ".3f", True
    ),
    _number(
        "dense parameters",
        "without embedding and head",
        "dense_parameters",
        ",d",
        True,
    ),
    _number("head parameters", "of the head", "head_parameters", ",d"),
    _number("embedding parameters", "tables, dense fields' vectors", "embedding_parameters", ",d"),
    _number("embedding width", "embedding size", "embedding_dim", "d"),
    _number("FLOPs", "forward matmul FLOPs of one sample", "flops_per_sample", ",d"),
    Column(
        "train seconds",
        "mean over the seeds, as each run found the machine",
        lambda row: f"{_seconds(row):,.0f}",
        lambda row: _seconds(row),
    ),
    _number("train samples/s", "as each run found the machine", "train_samples_per_s", ",.0f"),
    _number("NE", "LogLoss over the entropy of the base rate", "ne", ".5f"),
    _number("calibration", "mean prediction over mean label", "calibration", ".3f"),
    _number("ECE", "expected calibration error", "ece", ".5f"),
    Column(
        "provenance",
        "where the values of the recipe come from; rows are ranked within one kind",
        lambda row: row.track.provenance,
        lambda row: row.track.provenance,
    ),
    Column(
        "seeds",
        "the seeds of the row",
        lambda row: seeds_in_words(row.line["seeds"]),
        lambda row: len(row.line["seeds"]),
        True,
    ),
)


def _seconds(row: Row) -> float:
    return mean(run.cost.train_seconds for run in row.runs)
