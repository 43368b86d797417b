"""The boards as Markdown, CSV, JSON and the README's part; the same bytes for the same boards."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from typing import Any

import polars as pl

from benchmark import __version__
from benchmark.recipes.files import UNLISTED
from benchmark.records.archive import Archive
from benchmark.reports.document import Document, Table, with_part
from benchmark.reports.leaderboard import across, columns
from benchmark.reports.leaderboard.boards import Board, Refused
from benchmark.reports.leaderboard.tracks import Track
from benchmark.reports.words import derived
from benchmark.utils import escape
from benchmark.utils.paths import RESULTS

COMMAND = "python -m benchmark leaderboard"
RULES = """
**Rank interval**: from 1 + the number of significantly better rows of the table to n less that of
worse ones, by Welch's t-test over the seeds of every pair of rows and Holm over all pairs at 5 %.
**Rank**: the smallest lower end among a row and those below it. Beside them the value less the best
of the *other* rows: Hsu's multiple comparisons with the best, 95 % for all rows of a table at once;
an end of 0 says that the row is not better than the best other one, or not worse.

Only recipes whose values come from one kind of source, with one number of tries, are ranked against
each other. Rows with fewer than five seeds, or with other seeds or data than the rest, are not
ranked. The fixed track holds the embedding size of the data set's card, as BARS does (and models
without one); rows of other sizes compete in the free track.

AUC and gAUC are of the weights with the best validation AUC; LogLoss, NE, calibration and ECE of
those with the best validation LogLoss. *oracle* is the true click probability, where it is known,
*naive rates* the log-odds of the training rows' click rate and what the rates of the named ids add
to them (`benchmark/measure/naive.py`): what every model should beat.
Rank ratio: the effective rank of the last stage over that of noise of the same shape, mean over its
tokens (validation rows x width, centred). Train samples/s are as each run found them, whatever else
the machine was doing.
"""
"""How the tables are to be read."""
TITLE = f"""# Leaderboard

Benchmark {__version__}. Made from `results/records` by `python -m benchmark leaderboard`; do not
edit. One row is one committed recipe: mean ± sd over its seeds, on this test split alone.
{RULES}"""
FLOPS = (
    "FLOPs are forward matrix-multiply FLOPs of one sample: multiply-add = 2, elementwise work"
    " counts 0."
)
REFUSED = "`verify` objects to records of these recipes, so they are in no table."
README_PART = "leaderboard"
"""Name of the part of the README that `with_part` replaces."""


def documents(
    boards: Sequence[Board], archive: Archive, refused: Sequence[Refused] = ()
) -> list[Document]:
    """The tables among the results, and the README of a project, which has a place for them, beside
    its folder `results`."""
    texts = {"md": markdown(boards, refused), "csv": as_csv(boards), "json": as_json(boards)}
    contents = {archive.results / f"leaderboard.{form}": text for form, text in texts.items()}
    folder = archive.results.resolve()
    readme = folder.with_name("README.md")
    own = folder.name == RESULTS.name and readme.is_file()
    text = readme.read_text(encoding="utf-8") if own else ""
    if f"<!-- {README_PART} -->" in text:
        listed = [board for board in boards if board.dataset not in UNLISTED]
        contents[readme] = with_part(text, README_PART, readme_part(listed))
    return [Document(path, content, COMMAND) for path, content in contents.items()]


def markdown(boards: Sequence[Board], refused: Sequence[Refused] = ()) -> str:
    tables = TITLE + "".join(f"\n{_board(board)}" for board in boards) + _across(boards)
    lines = "".join(f"\n- {escape.markdown(each.line)}" for each in refused)
    return f"{tables}\n## Refused\n\n{REFUSED}\n{lines}\n" if lines else tables


def as_csv(boards: Iterable[Board]) -> str:
    """Every row with all its columns."""
    rows, text = table(boards), io.StringIO()
    if rows.is_empty():
        return ""
    csv.writer(text, lineterminator="\n").writerows([rows.columns, *rows.rows()])
    return text.getvalue()


def table(boards: Iterable[Board]) -> pl.DataFrame:
    """Every row of all tracks with all its columns; without a board it has none."""
    tables = [_csv_table(board, track) for board in boards for track in board.tracks]
    return pl.concat(tables, how="vertical_relaxed") if tables else pl.DataFrame()


def _csv_table(board: Board, track: Track) -> pl.DataFrame:
    (auc, logloss), naive = board.oracle or (None, None), board.naive
    context = {
        "benchmark": __version__,
        "dataset": board.dataset,
        "track": track.kind,
        "provenance": track.provenance,
        "oracle_auc": auc,
        "oracle_logloss": logloss,
        "naive_auc": naive and naive.auc,
        "naive_gauc": naive and naive.gauc,
        "naive_logloss": naive and naive.logloss,
        "caveat": "; ".join(board.caveats),
    }
    same = (pl.lit(value).alias(name) for name, value in context.items())
    return track.table.select(*same, pl.all()).with_columns(
        pl.col("seeds").cast(pl.List(pl.String)).list.join(" "), pl.col("notes").list.join("; ")
    )


def as_json(boards: Sequence[Board]) -> str:
    numbers: dict[str, Any] = {"benchmark": __version__, "boards": [*map(_plain, boards)]}
    if report := across.report(boards):
        numbers |= report.numbers
    return json.dumps(numbers, indent=1, ensure_ascii=False) + "\n"


def readme_part(boards: Sequence[Board]) -> str:
    """The rows of rank 1 of every board, and what is doubtful about its data."""
    caveats = "".join(
        f"- {board.dataset}: *{escape.markdown(caveat)}*\n"
        for board in boards
        for caveat in board.caveats
    )
    head = f"Benchmark {__version__}, test split, mean ± sd over seeds.\n"
    return "\n".join(("", head, columns.first_rows(boards).markdown(), caveats))


def terminal(board: Board) -> Iterable[Table]:
    """The narrow tables of a board, with whole titles."""
    for track in board.tracks:
        for table in columns.track_tables(board, track, columns.NARROW):
            title = f"{board.dataset}, {columns.track_title(track).lower()}. {table.title}"
            yield replace(table, title=title)


def _board(board: Board) -> str:
    caveats = (f"\n**{escape.markdown(caveat)}**\n" for caveat in board.caveats)
    parts = [f"## {board.dataset}\n", *caveats]
    protocol = escape.markdown(" ".join((*board.protocol, FLOPS)))
    parts.append(f"\n{protocol}\n")
    for track in board.tracks:
        parts.append(f"\n### {columns.track_title(track)}\n")
        parts.extend(_track(board, track, columns.WHOLE))
        if track.further:
            parts.append(f"\n#### {columns.FURTHER}\n")
            parts.extend(_track(board, track.further, columns.WHOLE))
    notes = {(line["recipe"], note) for line in board.lines for note in line["notes"]}
    parts.extend(f"\n{recipe}: {escape.markdown(note)}\n" for recipe, note in sorted(notes))
    if board.quotes:
        table = columns.quote_table(board)
        remarks = escape.markdown(" ".join(columns.quote_remarks(board)))
        parts.append(f"\n### {table.title}\n\n{remarks}\n\n{table.markdown()}")
    return "".join(parts)


def _across(boards: Sequence[Board]) -> str:
    """The section of rows that several boards rank; empty where there is none."""
    report = across.report(boards)
    if report is None:
        return ""
    head = (f"\n## {report.title}\n", *(f"\n{escape.markdown(each)}\n" for each in report.remarks))
    tables = (f"\n**{table.title}.**\n\n{table.markdown()}" for table in report.tables)
    return "".join((*head, *tables))


def _track(board: Board, track: Track, layout: columns.Layout) -> Iterable[str]:
    for table in columns.track_tables(board, track, layout):
        words = escape.markdown(" ".join((f"**{table.title}.**", *table.remarks)))
        yield f"\n{words}\n\n{table.markdown()}"


def _plain_track(track: Track) -> dict[str, Any]:
    return {
        "kind": track.kind,
        "embedding_dim": track.embedding_dim,
        "provenance": track.provenance,
        "rows": track.table.to_dicts(),
        "seeds": track.seeds,
        "detectable": track.detectable,
        "test_rows": track.sampled and derived(asdict(track.sampled)),
        "further": track.further and _plain_track(track.further),
    }


def _plain(board: Board) -> dict[str, Any]:
    return {
        "dataset": board.dataset,
        "caveats": board.caveats,
        "oracle": board.oracle and dict(zip(("auc", "logloss"), board.oracle, strict=True)),
        "naive": board.naive and board.naive.model_dump(mode="json"),
        "protocol": [*board.protocol, FLOPS],
        "tracks": [_plain_track(track) for track in board.tracks],
        "published": [
            quote.published.model_dump(mode="json", exclude_none=True)
            | {
                "our_auc": quote.ours and quote.ours["auc"],
                "our_seeds": quote.ours and quote.ours["seeds"],
                "difference": quote.gap,
                "difference_in_sd": None if board.other_split else quote.gap_in_sd,
            }
            for quote in board.quotes
        ],
        "published_on_other_split": board.other_split,
    }
