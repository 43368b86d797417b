"""The files that a tuning study leaves: the tuned recipe, to read and commit, and two figures."""

import json
from itertools import accumulate
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from benchmark.recipes.recipe import GROUPS
from benchmark.records.tuning import Trial, Tuning
from benchmark.reports.figures import style
from benchmark.utils import toml
from benchmark.utils.files import write_text

NAMES = {"auc": "AUC", "logloss": "LogLoss"}
STATES = (("complete", style.BLUE, "o"), ("pruned", style.GREY, "x"))


def write(study: Tuning, path: Path, base: Path) -> list[Path]:
    """Write the files beside the study's JSON at `path`; `base` is the file of its recipe."""
    paths = []
    if study.best is not None:
        paths.append(path.with_name(f"{study.name}_tuned.toml"))
        write_text(paths[0], tuned_recipe(study, study.best, base))
        paths += style.write(history(study), path.parent, f"{study.name}_history")
    if study.importances:
        paths += style.write(importances(study), path.parent, f"{study.name}_importances")
    return paths


def tuned_recipe(study: Tuning, best: Trial, base: Path) -> str:
    """The recipe file `base` with the values of the best trial."""
    table = toml.read(base)
    for key, value in best.values.items():
        group, _, name = key.partition(".")
        table.setdefault(group, {})[name] = value
    lines = [
        f"# {study.base} with the values of trial {best.number}: the best validation"
        f" {NAMES[study.objective]} of {len(study.finished)} trials.",
        "",
        "[provenance]",
        'kind = "study"',
        f"tries = {len(study.finished)}",
        f"study = {json.dumps(study.reference)}",
    ]
    for group in GROUPS:
        lines += ["", f"[{group}]"]
        lines += [f"{key} = {json.dumps(value)}" for key, value in table.get(group, {}).items()]
    return "\n".join(lines) + "\n"


@style.styled
def history(study: Tuning) -> Figure:
    """The objective of each finished trial, and the best so far."""
    figure = style.column(2.0)
    axes = figure.subplots()
    for state, color, marker in STATES:
        numbers, metrics = _points(study, state)
        if numbers:
            axes.plot(numbers, metrics, marker, color=color, label=state)
    numbers, metrics = _points(study, "complete")
    best = list(accumulate(metrics, max if study.objective == "auc" else min))
    axes.step(numbers, best, color=style.ORANGE, where="post", label="best so far")
    # pruned trials would press the complete ones flat
    margin = 0.1 * (max(metrics) - min(metrics)) or 1e-4
    axes.set_ylim(min(metrics) - margin, max(metrics) + margin)
    axes.set_xlabel("trial; pruned ones may lie outside")
    axes.set_ylabel(f"validation {NAMES[study.objective]}")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    style.legend_below(figure, axes, 3)
    return figure


def _points(study: Tuning, state: str) -> tuple[list[int], list[float]]:
    trials = [trial for trial in study.trials if trial.state == state]
    metrics = {each.number: each.metric for each in trials if each.metric is not None}
    return list(metrics), list(metrics.values())


@style.styled
def importances(study: Tuning) -> Figure:
    """The share of the objective's variance that each key explains, the largest on top."""
    shares = sorted((study.importances or {}).items(), key=lambda item: item[1])
    figure = style.column(0.6 + 0.2 * len(shares))
    axes = figure.subplots()
    axes.barh([key for key, _ in shares], [share for _, share in shares], color=style.BLUE)
    axes.set_ylabel("key")
    axes.set_xlabel(f"share of the variance of {NAMES[study.objective]} (fANOVA)")
    return figure
