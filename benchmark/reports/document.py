"""A study's tables, for a file and for the terminal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from benchmark.utils.files import write_text

Cells = tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """A heading, a table under it (no column, no table) and remarks under that."""

    title: str
    head: Cells = ()
    rows: tuple[Cells, ...] = ()
    remarks: Cells = ()

    def markdown(self) -> str:
        lines = [self.head, tuple("---" for _ in self.head), *self.rows] if self.head else []
        table = "".join("| " + " | ".join(line) + " |\n" for line in lines)
        blocks = [f"## {self.title}\n", table, *(f"{remark}\n" for remark in self.remarks)]
        return "\n".join(block for block in blocks if block)


@dataclass(frozen=True)
class Report:
    """`numbers` are what the tables show, unrounded, as JSON values."""

    title: str
    remarks: Cells
    sections: tuple[Section, ...]
    numbers: dict[str, Any]

    def markdown(self) -> str:
        head = "\n".join((f"# {self.title}\n", *(f"{remark}\n" for remark in self.remarks)))
        return "\n".join((head, *(section.markdown() for section in self.sections)))


def with_sd(values: Sequence[float | None], digits: int) -> str:
    """`mean ± sd`; the mean alone of one value, nothing where a value is missing."""
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return ""
    shown = f"{mean(known):.{digits}f}"
    return shown if len(known) == 1 else f"{shown} ± {stdev(known):.{digits}f}"


def seeds_in_words(seeds: Sequence[int]) -> str:
    """`0-4`, or `0, 2, 5` where there is a gap."""
    if len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[-1] + 1)):
        return f"{seeds[0]}-{seeds[-1]}"
    return ", ".join(map(str, seeds))


DIGITS = 5
"""In which every machine finds the same fit; an optimum is flat, so that a difference in the last
bit of a loss moves it in the seventh digit."""


def derived(value: Any) -> Any:
    """A fitted number, or a structure of them, to DIGITS digits."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {key: derived(inner) for key, inner in value.items()}
    return [derived(inner) for inner in value] if isinstance(value, list | tuple) else value


def differing(contents: Mapping[Path, str]) -> list[Path]:
    """The files that are missing or hold something else."""
    return [
        path
        for path, text in contents.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]


def write(contents: Mapping[Path, str]) -> None:
    for path, text in contents.items():
        write_text(path, text)


def words(time: float | None) -> str:
    """E.g. `45 s`, `12 min`, `3.4 h`."""
    if time is None:
        return "unknown"
    if time < 100:
        return f"{time:.0f} s"
    return f"{time / 60:.0f} min" if time < 6000 else f"{time / 3600:.1f} h"
