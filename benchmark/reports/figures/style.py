"""The style of all figures: as wide as a column of a two-column page, readable without colour."""

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmark.measure.spectrum import SpectrumForm
from benchmark.measure.trajectory import Band
from benchmark.records.archive import Runs
from benchmark.records.measured import When
from benchmark.records.ranks import WHEN, bands
from benchmark.utils.files import write_atomically

COLUMN = 3.35
"""Inches."""
MOST_LABELS = 12
"""Stages named on one axis; in a deeper model every second, third ... stage is named."""

ORANGE, GREEN, BLUE, GREY = "#d55e00", "#009e73", "#0072b2", "#666666"
"""From the palette of Okabe & Ito, distinct under every common colour blindness."""
PALETTE = (BLUE, ORANGE, GREEN, "#cc79a7", "#e69f00", "#56b4e9", "#000000", GREY)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*", "p")
"""Not as many as colours, so that a pair of both repeats only after 88."""

LINES: dict[When, tuple[str, str, str]] = {"initial": (GREY, "o", "--"), "best": (BLUE, "s", "-")}
POINTS: dict[str, Any] = {"linestyle": "none", "fillstyle": "none"}
"""Hollow markers without a line."""

RANK_RATIO = "rank ratio (noise = 1)"
LOGLOSS = "test LogLoss (lower is better)"

STYLE: dict[Any, Any] = {
    "font.size": 7,
    "axes.titlesize": 7,
    "axes.labelsize": 7,
    "figure.titlesize": 7,
    "figure.labelsize": 7,
    "xtick.labelsize": 6,
    "ytick.labelsize": 6,
    "legend.fontsize": 6,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.useoffset": False,
    "lines.linewidth": 1.0,
    "lines.markersize": 3,
}

styled = matplotlib.rc_context(STYLE)
"""Decorator of functions that draw a figure."""


def column(height: float) -> Figure:
    """An empty figure, `height` in inches."""
    return Figure(figsize=(COLUMN, height), dpi=300, layout="constrained")


def write(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write the figure as `name`.svg and `name`.png, the same bytes each time."""
    paths = [folder / f"{name}.{form}" for form in ("svg", "png")]
    with matplotlib.rc_context({"svg.hashsalt": "benchmark"}):
        for path in paths:
            form = path.suffix[1:]
            metadata = {"Date": None} if form == "svg" else {}
            write_atomically(path, partial(figure.savefig, format=form, metadata=metadata))
    return paths


def legend_below(figure: Figure, axes: Axes, columns: int, title: str | None = None) -> None:
    """Put the labels of `axes`, each once, below all panels."""
    handles, labels = axes.get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    legend = figure.legend(
        list(once.values()), list(once), loc="outside lower center", ncols=columns, title=title
    )
    legend.get_title().set_fontsize(STYLE["axes.labelsize"])


def draw_band(axes: Axes, x: Sequence[int], bands: Sequence[Band | None], when: When) -> None:
    """Draw a line through the means, with a gap for each None, and ± sd around it."""
    color, marker, line = LINES[when]
    mean = np.array([np.nan if band is None else band.mean for band in bands])
    sd = np.array([0.0 if band is None or band.sd is None else band.sd for band in bands])
    axes.fill_between(x, mean - sd, mean + sd, color=color, alpha=0.25, linewidth=0)
    axes.plot(x, mean, color=color, marker=marker, linestyle=line, label=WHEN[when])


def draw_stages(axes: Axes, runs: Runs, form: SpectrumForm) -> None:
    """Draw the rank ratio stage by stage, untrained and trained, and the line of noise."""
    for when in WHEN:
        course = list(bands(runs, form, when).values())
        draw_band(axes, range(len(course)), course, when)
    axes.axhline(1, color="black", linewidth=0.5, zorder=0)


def name_stages(axes: Axes, stages: Sequence[str], rotation: int = 90) -> None:
    """Name the stages along the x axis, at 0, 1, 2 ..."""
    step = max(1, -(-len(stages) // MOST_LABELS))
    axes.set_xticks(range(0, len(stages), step), stages[::step], rotation=rotation)


def short(stage: str) -> str:
    """Abbreviate a stage, e.g. `emb`, `tok`, `1m` (mixing of block 1), `1f` (its FFN), `c1`."""
    stage = re.sub(r"^block(\d+)\.([mf])(ixing|fn)$", r"\1\2", stage)
    stage = re.sub(r"^cross(\d+)$", r"c\1", stage)
    return {"embedding": "emb", "tokens": "tok", "interaction": "int"}.get(stage, stage)
