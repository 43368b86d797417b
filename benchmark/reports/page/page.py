"""The page of all results: one HTML file that needs no server and no network, and shows its tables
without JavaScript too."""

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup, escape

from benchmark import __version__
from benchmark.records.archive import Runs
from benchmark.reports.document import Report, Table
from benchmark.reports.figures.style import PALETTE
from benchmark.reports.leaderboard import columns as leaderboard
from benchmark.reports.leaderboard.boards import Board, Refused
from benchmark.reports.leaderboard.text import FLOPS, RULES
from benchmark.reports.leaderboard.tracks import Track
from benchmark.reports.page import charts, recipes
from benchmark.reports.page.columns import COLUMNS
from benchmark.reports.page.rows import Row, of_board, of_track
from benchmark.utils.escape import printable

COMMAND = "python -m benchmark report"
SCRIPTS = (
    *("vendor/d3.min.js", "vendor/plot.umd.min.js"),
    *("assets/tables.js", "assets/plots.js", "assets/compare.js", "assets/views.js"),
)
LICENCES = ("vendor/d3.LICENSE", "vendor/plot.LICENSE")
MARKS = (
    (re.compile(r"`([^`]+)`"), r"<code>\1</code>"),
    (re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*"), r"<b>\1</b>"),
    (re.compile(r"\*(?=\S)([^*]+?)(?<=\S)\*"), r"<i>\1</i>"),
)
"""What reports use of Markdown within a line."""


@dataclass(frozen=True)
class Section:
    """The reports of a study, each of a data set."""

    name: str
    reports: tuple[Report, ...]


@dataclass(frozen=True)
class Content:
    """What the page shows: boards and the runs of their rows, how far boards agree, recipes that no
    board shows, the verdicts on claims, and the reports of studies."""

    boards: Sequence[Board]
    across: Report | None
    runs: Sequence[Runs]
    refused: Sequence[Refused]
    claims: Report
    studies: Sequence[Section]


def html(content: Content) -> str:
    """The page; the same bytes for the same content."""
    rows = {board.dataset: of_board(board, content.runs) for board in content.boards}
    script = "\n".join(map(_asset, SCRIPTS))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_asset),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    environment.filters["marked"] = marked
    return environment.get_template("assets/page.html").render(
        version=__version__,
        content=content,
        rows=rows,
        columns=COLUMNS,
        leaderboard=leaderboard,
        recipes=recipes,
        remarks_of=_remarks,
        of_track=of_track,
        flops=FLOPS,
        about=RULES.strip().split("\n\n"),
        style=Markup(_asset("assets/page.css")),
        script=Markup(script),
        digest=digest,
        licences=[_asset(name) for name in LICENCES],
        data=_data(content, rows),
    )


def marked(text: str) -> Markup:
    """Text as HTML, with code, bold and italics as Markdown marks them within a line.

    Example::

        marked("**law** of <b>")    # <b>law</b> of &lt;b&gt;
    """
    safe = str(escape(printable(text)))
    for mark, tags in MARKS:
        safe = mark.sub(tags, safe)
    return Markup(safe)


def _shown(value: Any) -> Any:
    """Control characters are shown, not obeyed."""
    return printable(value) if type(value) is str else value


def _asset(name: str) -> str:
    return (files("benchmark.reports.page") / name).read_text(encoding="utf-8")


def _remarks(board: Board, track: Track) -> list[str]:
    """What stands below a track's tables of the leaderboard."""
    tables: Iterable[Table] = leaderboard.track_tables(board, track, leaderboard.NARROW)
    return [f"{table.title}: {remark}" for table in tables for remark in table.remarks]


def _data(content: Content, rows: dict[str, list[Row]]) -> dict[str, Any]:
    every = [row for each in rows.values() for row in each]
    scaling = [study.reports for study in content.studies if study.name == "scaling"]
    return {
        "palette": PALETTE,
        "boards": list(rows),
        "oracles": {board.dataset: board.oracle for board in content.boards},
        "rows": {row.anchor: charts.of_row(row) for row in every},
        "pairs": {board: charts.pairs(each) for board, each in rows.items()},
        "claims": content.claims.numbers.get("verdicts", []),
        "ladders": {
            report.numbers["dataset"]: report.numbers["laws"]
            for reports in scaling
            for report in reports
            if "laws" in report.numbers
        },
    }
