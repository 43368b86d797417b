"""What a tuning study leaves for a person: the tuned recipe, to be read and committed, and two
figures."""

import json
from itertools import accumulate
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from benchmark.records.tuning import Trial, Tuning
from benchmark.reports.figures import style
from benchmark.reports.figures.style import BLUE, GREY, ORANGE
from benchmark.utils import toml
from benchmark.utils.files import write_text

NAMES = {"auc": "AUC", "logloss": "LogLoss"}
STATES = (("complete", BLUE, "o"), ("pruned", GREY, "x"))


def tuned_recipe(study: Tuning, best: Trial, base: Path) -> str:
    """The file `base` with the values of the best trial in it."""
    table = toml.read(base)
    for key, value in best.values.items():
        group, _, name = key.partition(".")
        table.setdefault(group, {})[name] = value
    lines = [
        (
            f"# {study.base} with the values of trial {best.number}: the best validation"
            f" {NAMES[study.objective]} of {len(study.finished)} trials."
        ),
        f"tuned = {json.dumps(study.reference)}",
    ]
    for group in ("model", "train"):
        lines += [
            "",
            f"[{group}]",
            *(f"{key} = {json.dumps(value)}" for key, value in table.get(group, {}).items()),
        ]
    return "\n".join(lines) + "\n"


def write(study: Tuning, path: Path, base: Path) -> list[Path]:
    """Writes all there is to write beside the study's JSON at `path`; `base` is the recipe's
    file."""
    written = []
    if study.best is not None:
        written.append(path.with_name(f"{study.name}_tuned.toml"))
        write_text(written[0], tuned_recipe(study, study.best, base))
        written += style.write(history(study), path.parent, f"{study.name}_history")
    if study.importances:
        written += style.write(importances(study), path.parent, f"{study.name}_importances")
    return written


@style.styled
def history(study: Tuning) -> Figure:
    """The objective of each finished trial, and the best so far."""
    figure = style.column(2.0)
    axes = figure.subplots()
    for state, color, marker in STATES:
        if points := _points(study, state):
            axes.plot(
                *zip(*points, strict=True),
                color=color,
                marker=marker,
                linestyle="none",
                label=state,
            )
    numbers, metrics = zip(*_points(study, "complete"), strict=True)
    best = list(accumulate(metrics, max if study.objective == "auc" else min))
    axes.step(numbers, best, color=ORANGE, where="post", label="best so far")
    margin = 0.1 * (max(metrics) - min(metrics)) or 1e-4
    axes.set_ylim(
        min(metrics) - margin, max(metrics) + margin
    )  # pruned trials would press the complete ones flat
    axes.set_xlabel("trial; pruned ones may lie outside")
    axes.set_ylabel(f"validation {NAMES[study.objective]}")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    style.legend_below(figure, axes, 3)
    return figure


def _points(study: Tuning, state: str) -> list[tuple[int, float]]:
    return [
        (each.number, each.metric)
        for each in study.trials
        if each.state == state and each.metric is not None
    ]


@style.styled
def importances(study: Tuning) -> Figure:
    """The share of the objective's variance that each key explains, the largest on top."""
    shares: dict[str, Any] = dict(
        sorted((study.importances or {}).items(), key=lambda item: item[1])
    )
    figure = style.column(0.6 + 0.2 * len(shares))
    axes = figure.subplots()
    axes.barh(list(shares), list(shares.values()), color=BLUE)
    axes.set_ylabel("key")
    axes.set_xlabel(f"share of the variance of {NAMES[study.objective]} (fANOVA)")
    return figure
