"""Measured figures as files under results/speed, and the tables made from them."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from benchmark.records import manifest
from benchmark.records.archive import Archive
from benchmark.records.environment import Environment, current
from benchmark.reports.document import Document, Table
from benchmark.utils import forms
from benchmark.utils.files import write_text
from benchmark.utils.types import Count, Frozen, NonEmpty

Topic = Literal["data", "train"]


class Figures(Frozen):
    """What one `speed` command measured, by names that state the units."""

    topic: Topic
    subject: NonEmpty
    threads: Count
    repeats: Count
    values: dict[str, float]
    environment: Environment
    created: str

    def words(self) -> dict[str, str]:
        """The figures and what they depend on, as text."""
        return {name: _number(value) for name, value in self.values.items()} | {
            "threads": str(self.threads),
            "repeats": str(self.repeats),
            "commit": (self.environment.commit or "")[:12],
            "machine": self.environment.machine,
        }


def new_figures(
    topic: Topic, subject: str, values: dict[str, float], threads: int, repeats: int
) -> Figures:
    """Figures of this machine and moment."""
    return Figures(
        topic=topic,
        subject=subject,
        threads=threads,
        repeats=repeats,
        values=values,
        environment=current(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def keep(figures: Figures, results: Path) -> list[Path]:
    """Write the figures, and their topic's table anew."""
    subject = figures.subject.replace("/", "-").replace(" ", "-")
    path = Archive(results).speed_measurement(figures.topic, subject)
    write_text(path, json.dumps(figures.model_dump(mode="json"), indent=1) + "\n")
    document = _document(figures.topic, Archive(results))
    document.write()
    manifest.keep([path])
    return [path, document.path]


def load_topic(topic: Topic, archive: Archive) -> list[Figures]:
    """All figures of a topic, by subject. Raises BenchmarkError for a file without figures."""
    paths = archive.speed_measurements(topic)
    figures = [forms.read(Figures, path, "delete it or measure again") for path in paths]
    return sorted(figures, key=lambda each: each.subject)


def documents(archive: Archive) -> list[Document]:
    """The table of each topic."""
    return [_document(topic, archive) for topic in get_args(Topic)]


def table(figures: list[Figures]) -> Table:
    """A row for each subject, a column for each figure."""
    words = {each.subject: each.words() for each in figures}
    names = dict.fromkeys(name for row in words.values() for name in row)
    rows = ((subject, *(row.get(name, "") for name in names)) for subject, row in words.items())
    return Table("", ("", *names), tuple(rows))


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _document(topic: Topic, archive: Archive) -> Document:
    figures = load_topic(topic, archive)
    text = table(figures).markdown() if figures else None
    return Document(archive.speed_table(topic), text, f"python -m benchmark speed {topic} --keep")
