"""Generated files: tables and reports, and documents to write or to check."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.errors import BenchmarkError
from benchmark.utils.escape import markdown
from benchmark.utils.files import write_text
from benchmark.utils.paths import shown

Cells = tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A titled table with remarks below it; without columns it is its title and remarks alone. The
    column number `key` names the rows."""

    title: str
    head: Cells = ()
    rows: tuple[Cells, ...] = ()
    remarks: Cells = ()
    key: int = 0

    def markdown(self) -> str:
        """The table alone, in Markdown."""
        lines = [self.head, tuple("---" for _ in self.head), *self.rows] if self.head else []
        return "".join("| " + " | ".join(map(markdown, line)) + " |\n" for line in lines)

    def section(self) -> str:
        """A Markdown section: heading, table, remarks."""
        remarks = (f"{markdown(remark)}\n" for remark in self.remarks)
        blocks = (f"## {markdown(self.title)}\n", self.markdown(), *remarks)
        return "\n".join(block for block in blocks if block)


@dataclass(frozen=True)
class Report:
    """Tables made from records; `numbers` are the numbers in them, unrounded, as JSON values."""

    title: str
    remarks: Cells
    tables: tuple[Table, ...]
    numbers: dict[str, Any]

    def markdown(self) -> str:
        remarks = (f"{markdown(remark)}\n" for remark in self.remarks)
        head = "\n".join((f"# {markdown(self.title)}\n", *remarks))
        return "\n".join((head, *(table.section() for table in self.tables)))

    def json(self) -> str:
        return json.dumps(self.numbers, indent=1) + "\n"

    def documents(self, path: Path, command: str) -> list["Document"]:
        """The report as `path`.md and its numbers as `path`.json."""
        contents = {".md": self.markdown(), ".json": self.json()}
        return [
            Document(path.with_name(path.name + end), text, command)
            for end, text in contents.items()
        ]


@dataclass(frozen=True)
class Document:
    """A generated file, and the command that makes it. `text` is None where nothing gives the file,
    so that it should not exist.

    Example::

        documents = report.documents(Path("results/claims"), "python -m benchmark claims")
        write(documents)   # results/claims.md and results/claims.json
        check(documents)   # BenchmarkError for each file that differs
    """

    path: Path
    text: str | None
    command: str

    def write(self) -> None:
        if self.text is not None:
            write_text(self.path, self.text)

    @property
    def fault(self) -> str:
        """What is wrong with the file, and what to do; empty where it holds exactly this text."""
        if self.text is None:
            return "is made from no record; remove it" if self.path.exists() else ""
        if self.path.is_file() and self.path.read_text(encoding="utf-8") == self.text:
            return ""
        return f"is missing, or not what the records give; run `{self.command}`"


def write(documents: Iterable[Document]) -> None:
    for document in documents:
        document.write()


def check(documents: Iterable[Document]) -> None:
    """Raises BenchmarkError with a line for each document that is not current."""
    faults = [f"{shown(each.path)}: {each.fault}" for each in documents if each.fault]
    if faults:
        raise BenchmarkError("\n".join(faults))


def with_part(text: str, name: str, part: str) -> str:
    """`text` with `part` between its lines `<!-- name -->` and `<!-- /name -->`, if it has them."""
    start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
    before, found_start, rest = text.partition(start)
    _, found_end, after = rest.partition(end)
    return before + start + part + end + after if found_start and found_end else text
