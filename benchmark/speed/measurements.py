"""Measured figures as files under results/speed, and the tables made of them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import Field, ValidationError

from benchmark.errors import BenchmarkError
from benchmark.records.archive import Archive
from benchmark.records.environment import Environment
from benchmark.reports.document import Document
from benchmark.utils.files import write_text
from benchmark.utils.paths import shown
from benchmark.utils.types import Count, Frozen

Topic = Literal["data", "train", "predict", "metrics"]


class Figures(Frozen):
    """What one `speed` command measured: rates per second, sizes in bytes or GiB, times in ms or
    seconds, by name."""

    topic: Topic
    subject: Annotated[str, Field(min_length=1)]
    threads: Count
    repeats: Count
    values: dict[str, float]
    environment: Environment
    created: str


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def keep(figures: Figures, results: Path) -> list[Path]:
    """Writes the figures and makes their topic's table again."""
    subject = figures.subject.replace("/", "-").replace(" ", "-")
    path = Archive(results).speed_measurement(figures.topic, subject)
    write_text(path, json.dumps(figures.model_dump(mode="json"), indent=1) + "\n")
    table = Archive(results).speed_table(figures.topic)
    write_text(table, markdown(load_topic(figures.topic, results)))
    return [path, table]


def load_topic(topic: Topic, results: Path) -> list[Figures]:
    """All that is kept of a topic, by subject. Raises BenchmarkError for a file that is no
    figures."""
    return sorted(
        (_load(path) for path in Archive(results).speed_measurements(topic)),
        key=lambda kept: kept.subject,
    )


def markdown(kept: list[Figures]) -> str:
    """One column a subject, one row a figure."""
    names = list(dict.fromkeys(name for figures in kept for name in figures.values))
    header = ["", *(figures.subject for figures in kept)]
    lines = [header, ["---"] + ["---:"] * len(kept)]
    for name in names:
        lines.append([f"`{name}`", *(number(figures.values.get(name)) for figures in kept)])
    lines.append(["threads", *(str(figures.threads) for figures in kept)])
    lines.append(["repeats", *(str(figures.repeats) for figures in kept)])
    lines.append(["commit", *((figures.environment.commit or "")[:12] for figures in kept)])
    lines.append(["machine", *(figures.environment.machine for figures in kept)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def documents(archive: Archive) -> Iterator[Document]:
    """The table of each topic; without text where nothing is kept of it."""
    for topic in get_args(Topic):
        kept = load_topic(topic, archive.results)
        text = markdown(kept) if kept else None
        command = f"python -m benchmark speed {topic} --keep"
        yield Document(archive.speed_table(topic), text, command)


def _load(path: Path) -> Figures:
    try:
        return Figures.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise BenchmarkError(
            f"{shown(path)} holds no figures: {error}; delete it or measure again"
        ) from None


def number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
