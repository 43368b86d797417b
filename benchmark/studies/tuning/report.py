"""The tuned recipe that a tuning study leaves, to read and commit."""

from pathlib import Path

from benchmark.recipes.recipe import GROUPS, MONITORS
from benchmark.records.tuning import Trial, Tuning
from benchmark.reports.words import counted
from benchmark.utils import toml


def tuned_recipe(study: Tuning, best: Trial, base: Path) -> str:
    """The recipe file `base` with the values of the best trial."""
    table = toml.read(base)
    for key, value in best.values.items():
        group, _, name = key.partition(".")
        table.setdefault(group, {})[name] = value
    count = len(study.finished)
    first = (
        f"# {study.base} with the values of trial {best.number}: the best validation"
        f" {MONITORS[study.objective]} of {counted(count, 'trial')}.\n\n"
    )
    provenance = {"kind": "study", "tries": count, "study": study.reference}
    groups = {group: table.get(group, {}) for group in GROUPS}
    return first + toml.text({"provenance": provenance, **groups})
