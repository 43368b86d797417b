"""Records -> the leaderboard's files."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from benchmark.files import write_text
from benchmark.records import leaderboard_text, published
from benchmark.records.leaderboard_boards import Board, boards
from benchmark.records.record import Record, load, record_files


def load_boards(results: Path) -> list[Board]:
    """Of every ranked record below `results`. Raises BenchmarkError for one that cannot be read."""
    return boards([load(path) for path in record_files(results)], results, published.load(results))


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


def differing(contents: Mapping[Path, str]) -> list[Path]:
    """The files that are missing or hold something else."""
    return [path for path, text in contents.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]


def write(contents: Mapping[Path, str]) -> None:
    for path, text in contents.items():
        write_text(path, text)
