"""The tuned recipe that a tuning study leaves, to read and commit."""

import json
from pathlib import Path

from benchmark.recipes.recipe import GROUPS, MONITORS
from benchmark.records.tuning import Trial, Tuning
from benchmark.utils import toml


def tuned_recipe(study: Tuning, best: Trial, base: Path) -> str:
    """The recipe file `base` with the values of the best trial."""
    table = toml.read(base)
    for key, value in best.values.items():
        group, _, name = key.partition(".")
        table.setdefault(group, {})[name] = value
    lines = [
        f"# {study.base} with the values of trial {best.number}: the best validation"
        f" {MONITORS[study.objective]} of {len(study.finished)} trials.",
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
