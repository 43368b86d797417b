"""Records -> the leaderboard's files."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmark.records.archive import Archive
from benchmark.records.record import Record
from benchmark.reports.leaderboard import published
from benchmark.reports.leaderboard import text as leaderboard_text
from benchmark.reports.leaderboard.boards import Board, boards


def load_boards(results: Path) -> list[Board]:
    """Of every ranked record below `results`. Raises BenchmarkError for one that cannot be read."""
    return boards(Archive(results).ranked(), results, published.load(results))


def files(records: Iterable[Record], results: Path) -> dict[Path, str]:
    """The generated files and their contents."""
    return texts(boards(records, results, published.load(results)), results)


def texts(found: Sequence[Board], results: Path) -> dict[Path, str]:
    """The tables in `results`, and the README beside that folder where it has a place for them."""
    contents = {
        results / "leaderboard.md": leaderboard_text.markdown(found),
        results / "leaderboard.csv": leaderboard_text.as_csv(found),
        results / "leaderboard.json": leaderboard_text.as_json(found),
    }
    readme = results.parent / "README.md"
    if readme.is_file() and leaderboard_text.START in (text := readme.read_text(encoding="utf-8")):
        contents[readme] = leaderboard_text.with_readme_part(text, found)
    return contents
