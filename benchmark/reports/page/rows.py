"""The rows of the page's boards, with the runs that each was made from."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import asinh
from statistics import median
from typing import NamedTuple

from benchmark.records.archive import Runs
from benchmark.reports.leaderboard.boards import Board, Quote
from benchmark.reports.leaderboard.tracks import Line, Measure, Track


class Bar(NamedTuple):
    """An interval and a point to draw in a cell, in percent of its width."""

    low: float
    high: float
    at: float


@dataclass(frozen=True)
class Row:
    """A recipe on the board of a data set; `anchor` is its link in the page."""

    board: Board
    track: Track
    line: Line
    runs: Runs
    anchor: str

    @property
    def quotes(self) -> list[Quote]:
        """What others published of this recipe."""
        return [quote for quote in self.board.quotes if quote.ours == self.line]

    @property
    def ranked(self) -> bool:
        return not self.line["apart"]

    def rank_bar(self, measure: Measure) -> Bar | None:
        """The rank interval among the ranked rows of the track; None for a row without one."""
        rank, *ends = (self.line[f"{measure.name}_{part}"] for part in ("rank", "first", "last"))
        if rank is None:
            return None
        rows = self.track.table.filter(apart="").height
        first, last = ends
        return Bar(100 * (first - 1) / rows, 100 * last / rows, 100 * (rank - 0.5) / rows)

    def best_bar(self, measure: Measure) -> Bar | None:
        """The interval of the value less the best other row's, and 0, on one scale for the track:
        linear near 0, logarithmic beyond the median width; None without such an interval."""
        names = [f"{measure.name}_{part}" for part in ("low", "high")]
        own = [self.line[name] for name in names]
        ends = self.track.table.select(names).drop_nulls().rows()
        if None in own or not ends:
            return None
        unit = median(high - low for low, high in ends) or 1.0
        left = asinh(min(low for low, _ in ends) / unit)
        right = asinh(max(high for _, high in ends) / unit)
        span = (right - left) or 1.0
        low, high, zero = (100 * (asinh(end / unit) - left) / span for end in (*own, 0.0))
        return Bar(low, high, zero)

    def tie(self, measure: Measure) -> str:
        """`a` and `b` in turn for groups of rows of one rank; empty for a row without a rank."""
        rank = self.line[f"{measure.name}_rank"]
        if rank is None:
            return ""
        better = self.track.table[f"{measure.name}_rank"].drop_nulls()
        return "ab"[len({each for each in better if each < rank}) % 2]


def of_board(board: Board, entries: Iterable[Runs]) -> list[Row]:
    """The rows in the order of the board's tracks, each with its runs over the seeds it states."""
    by_identity = {_of_runs(runs): runs for runs in entries if runs[0].dataset == board.dataset}
    named = Counter(line["recipe"] for line in board.lines)
    rows = []
    for track in board.tracks:
        for line in track.table.to_dicts():
            runs = [run for run in by_identity[_of_line(line)] if run.seed in line["seeds"]]
            rows.append(Row(board, track, line, runs, _anchor(board, line, named)))
    return rows


def _anchor(board: Board, line: Line, named: Counter[str]) -> str:
    """`<data set>/<recipe>`, with parts of its digests where several rows have that name."""
    other = f"@{line['recipe_digest'][:8]}-{line['data_digest'][:8]}-{line['numerics']}"
    return f"{board.dataset}/{line['recipe']}" + other * (named[line["recipe"]] > 1)


def _of_runs(runs: Runs) -> tuple[str, str, str, int]:
    first = runs[0]
    return first.name or "", first.recipe_digest, first.data.arrays, first.numerics


def _of_line(line: Line) -> tuple[str, str, str, int]:
    return line["recipe"], line["recipe_digest"], line["data_digest"], line["numerics"]


def of_track(rows: Sequence[Row], track: Track) -> list[Row]:
    return [row for row in rows if row.track is track]
