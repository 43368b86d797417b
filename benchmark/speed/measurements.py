"""Measured figures as files under results/speed, and the tables made from them."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from benchmark.records import manifest
from benchmark.records.archive import Archive
from benchmark.records.environment import Environment, current
from benchmark.reports.document import Document, Table
from benchmark.utils import forms
from benchmark.utils.files import canonical_sha256, write_text
from benchmark.utils.types import Count, Frozen, NonEmpty

Topic = Literal["data", "fit", "together", "train"]
SHARE = "share_of_"
"""Before the name of a kind of operations: its share of the time of training steps."""
REST = "rest"
COLUMNS: dict[Topic, dict[str, str]] = {
    "fit": {
        "seconds": "seconds",
        "against_seconds": "seconds of the other",
        "against_over_ours": "other / ours",
        "least_ratio": "least",
        "largest_ratio": "largest",
    },
    "together": {
        "one_process_ms": "ms by one process",
        "ms_per_step": "ms a step",
        "predicted_ms": "predicted",
        "error": "error",
        "exchange_ms": "of it exchange",
        "sent_mib": "MiB sent",
        "link_gib_per_s": "GiB/s",
        "latency_ms": "ms a message",
    },
    "train": {
        "ms_per_step": "ms a step",
        "plain_over_fast": "plain / fast",
        "samples_per_s": "samples/s",
        "matmul_share": "of float32 matmul",
        "peak_memory_gib": "peak GiB",
        REST: "where the rest goes",
    },
}
"""The figures in a table, by topic, and their titles; all of a topic that is not here."""
MACHINE = {name: name for name in ("threads", "repeats", "commit", "machine")}
LONGEST_SUBJECT = 100
"""Characters of it in the name of a file."""


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
            REST: _rest(self.values),
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
    path = Archive(results).speed_measurement(figures.topic, file_part(figures.subject))
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


def table(figures: list[Figures], more: dict[str, str] = MACHINE) -> Table:
    """A row for each subject, a column for each of the topic's figures and for `more`, without
    those that no subject has."""
    words = [each.words() for each in figures]
    measured = {name: name for each in figures for name in each.values}
    titles = COLUMNS.get(figures[0].topic, measured) | more
    columns = [name for name in titles if any(row.get(name) for row in words)]
    rows = (
        (each.subject, *(row.get(name, "") for name in columns))
        for each, row in zip(figures, words, strict=True)
    )
    return Table("", ("", *(titles[name] for name in columns)), tuple(rows))


def file_part(subject: str) -> str:
    """A subject as part of a file's name: a long or a strange one ends with its digest.

    Example::

        file_part("criteo_x1/lr train.epochs=1")    # "criteo_x1-lr-train.epochs=1"
    """
    name = re.sub(r"[/ ]", "-", subject)
    if re.fullmatch(rf"[\w.,=-]{{1,{LONGEST_SUBJECT}}}", name):
        return name
    name = re.sub(r"[^\w.,=-]+", "-", name)
    return f"{name[:LONGEST_SUBJECT]}-{canonical_sha256(subject)[:8]}"


def _rest(values: dict[str, float]) -> str:
    """The two largest shares of the steps' time but that of matrix products."""
    shares = {
        name.removeprefix(SHARE).replace("_", " "): value
        for name, value in values.items()
        if name.startswith(SHARE)
    }
    shares.pop("products", None)
    largest = sorted(shares, key=lambda name: -shares[name])[:2]
    return ", ".join(f"{100 * shares[name]:.0f} % {name}" for name in largest)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _document(topic: Topic, archive: Archive) -> Document:
    figures = load_topic(topic, archive)
    text = table(figures).markdown() if figures else None
    return Document(archive.speed_table(topic), text, f"python -m benchmark speed {topic} --keep")
