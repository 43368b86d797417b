"""The README and the pages of docs/, as tests read them: prose, and the snippets in it."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmark.utils.paths import ROOT

DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS]
FENCE = re.compile(
    r"(?:^<!-- (?P<mark>not run|tested by)[: ]*(?P<why>.*?) -->\n)?"
    r"^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    flags=re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Snippet:
    """A fenced block; `mark` is "not run" or "tested by" where a comment above it says so."""

    page: Path
    number: int
    language: str
    text: str
    mark: str
    why: str

    @property
    def place(self) -> str:
        return f"{self.page.name}, block {self.number}"

    def commands(self) -> Iterator[list[str]]:
        """The words of each command of a shell block, one after another, without redirections."""
        for line in self.text.replace("\\\n", "").splitlines():
            for part in line.split("&&"):
                if words := shlex.split(part.partition(" > ")[0], comments=True):
                    yield words


def snippets(page: Path) -> list[Snippet]:
    found = FENCE.finditer(page.read_text(encoding="utf-8"))
    return [
        Snippet(page, number, each["language"], each["text"], each["mark"] or "", each["why"] or "")
        for number, each in enumerate(found, start=1)
    ]


def prose(page: Path) -> str:
    """The page without its snippets."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def benchmark_words(words: list[str]) -> list[str] | None:
    """What follows `python -m benchmark` or `ctrbench`; None for another command."""
    match words:
        case ["python", "-m", "benchmark", *rest] | ["ctrbench", *rest]:
            return rest
    return None
