"""The tuned recipe that a tuning study leaves, to read and commit."""

from pathlib import Path

from benchmark.recipes.recipe import MONITORS, with_values
from benchmark.records.tuning import Trial, Tuning
from benchmark.reports.words import counted
from benchmark.utils import toml


def tuned_recipe(study: Tuning, best: Trial, base: Path) -> str:
    """The recipe file `base` with the values of the best trial."""
    count = len(study.finished)
    first = (
        f"# {study.base} with the values of trial {best.number}: the best validation"
        f" {MONITORS[study.objective]} of {counted(count, 'trial')}.\n\n"
    )
    provenance = {"kind": "study", "tries": count, "study": study.reference}
    groups = with_values(toml.read(base), best.values)
    return first + toml.text({"provenance": provenance, **groups})
