"""The boards as Markdown, CSV, JSON and the README's part; the same bytes for the same boards."""

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import asdict, fields
from typing import Any

from benchmark import __version__
from benchmark.reports.document import Table
from benchmark.reports.leaderboard import columns as cells
from benchmark.reports.leaderboard.boards import Board
from benchmark.reports.leaderboard.rows import Row
from benchmark.reports.leaderboard.tracks import Standing

TITLE = f"""# Leaderboard

Benchmark {__version__}. Made from `results/records` by `python -m benchmark leaderboard`; do not
edit. One row is one committed recipe: mean ± sd over its seeds. **Rank = 1 + the number of rows
significantly better** in test AUC, so equal ranks are ties: Welch's t-test over the seeds of every
pair of rows, Holm over all pairs at 5 %. Beside it stands how far a row's AUC is from the best
row's, with the 95 % interval of a bootstrap over test rows and seeds. Rows with fewer than five
seeds, or with other seeds or data than the rest, are not ranked. The fixed track holds the
embedding size of the data set's card, as BARS does (and models without one); rows of other sizes
compete in the free track.

*oracle* is the true click probability, where it is known. erank / limit is the mean effective rank
per sample of the last stage over its largest possible value, on the validation probe (for `lr` that
is 1 by its shape); collapse is its ratio to that of the tokens, or of the embedding where there are
none. Trials and hours are those of the tuning study that chose a row's values. Train samples/s are
as each run found them, whatever else the machine was doing.
"""
FLOPS = (
    "FLOPs are forward matrix-multiply FLOPs of one sample: multiply-add = 2, elementwise work"
    " counts 0."
)
START, END = "<!-- leaderboard -->", "<!-- /leaderboard -->"


def markdown(boards: Iterable[Board]) -> str:
    return TITLE + "".join(f"\n{_board(board)}" for board in boards)


def as_csv(boards: Iterable[Board]) -> str:
    """Every row with all its fields, one line each."""
    text = io.StringIO()
    writer: csv.DictWriter[str] | None = None
    for board in boards:
        for track in board.tracks:
            for standing in track.standings:
                line = {
                    "benchmark": __version__,
                    "dataset": board.dataset,
                    "track": track.kind,
                } | _line(standing)
                auc, logloss = board.oracle or (None, None)
                line |= {
                    "oracle_auc": auc,
                    "oracle_logloss": logloss,
                    "caveat": "; ".join(board.caveats),
                }
                if writer is None:
                    writer = csv.DictWriter(text, list(line), lineterminator="\n")
                    writer.writeheader()
                writer.writerow(
                    {name: "" if value is None else value for name, value in line.items()}
                )
    return text.getvalue()


def as_json(boards: Iterable[Board]) -> str:
    found = {"benchmark": __version__, "boards": [_plain(board) for board in boards]}
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def readme_part(boards: Iterable[Board]) -> str:
    """The narrow tables of every board, between the two marks."""
    parts = [
        f"{START}\n\nBenchmark {__version__}, test split, mean ± sd over seeds; *oracle*: the true"
        " click probability.\n"
    ]
    for board in boards:
        caveats = "".join(f"; *{caveat}*" for caveat in board.caveats)
        for track in board.tracks:
            parts.append(f"\n**{board.dataset}**, {cells.track_title(track).lower()}{caveats}\n")
            parts.extend(f"\n{remark}\n" for remark in cells.track_remarks(track))
            parts.extend(_tables(cells.track_tables(board, track, cells.NARROW)))
    return "".join((*parts, f"\n{END}"))


def with_readme_part(readme: str, boards: Iterable[Board]) -> str:
    """The text with its part replaced; as it is where it has none."""
    before, start, rest = readme.partition(START)
    _, end, after = rest.partition(END)
    return before + readme_part(boards) + after if start and end else readme


def _board(board: Board) -> str:
    parts = [f"## {board.dataset}\n", *(f"\n**{caveat}**\n" for caveat in board.caveats)]
    parts.append(f"\n{' '.join((*board.protocol, FLOPS))}\n")
    for track in board.tracks:
        parts.append(f"\n### {cells.track_title(track)}\n")
        parts.extend(f"\n{remark}\n" for remark in cells.track_remarks(track))
        parts.extend(_tables(cells.track_tables(board, track, cells.WHOLE)))
    parts.extend(f"\n{recipe}: {note}\n" for recipe, note in sorted(_notes(board)))
    if board.quotes:
        table = cells.quote_table(board)
        parts.append(
            f"\n### {table.title}\n\n{' '.join(cells.quote_remarks(board))}\n\n{table.markdown()}"
        )
    return "".join(parts)


def _tables(tables: Iterable[Table]) -> Iterable[str]:
    for table in tables:
        yield (f"\n{table.title}:\n" if table.title else "") + f"\n{table.markdown()}"


def _notes(board: Board) -> set[tuple[str, str]]:
    return {(row.recipe, note) for row in board.rows for note in row.notes}


def _line(standing: Standing) -> dict[str, Any]:
    row, found = standing.row, standing.from_best
    values: dict[str, Any] = {"rank": standing.rank, "apart": standing.apart}
    values |= {field.name: getattr(row, field.name) for field in fields(Row)}
    values |= {"seeds": " ".join(map(str, row.seeds)), "notes": "; ".join(row.notes)}
    return values | {
        "from_best": found and found.value,
        "from_best_low": found and found.low,
        "from_best_high": found and found.high,
        "from_best_p": found and found.p,
        "other_budget": standing.other_budget,
    }


def _plain(board: Board) -> dict[str, Any]:
    return {
        "dataset": board.dataset,
        "caveats": board.caveats,
        "oracle": board.oracle and dict(zip(("auc", "logloss"), board.oracle, strict=True)),
        "protocol": [*board.protocol, FLOPS],
        "tracks": [asdict(track) for track in board.tracks],
        "published": [
            quote.published.model_dump(mode="json", exclude_none=True)
            | {
                "our_auc": quote.ours and quote.ours.auc,
                "our_seeds": quote.ours and quote.ours.seeds,
            }
            | {
                "difference": quote.gap,
                "difference_in_sd": None if board.other_split else quote.gap_in_sd,
            }
            for quote in board.quotes
        ],
        "published_on_other_split": board.other_split,
    }
