"""The settings of a recipe's [train] table, as docs/recipes.md lists them."""

import json
from pathlib import Path

from benchmark.recipes.recipe import Train
from benchmark.reports.document import Document, Table, with_part
from benchmark.utils.paths import ROOT


def table() -> Table:
    """A row for each setting: its key, its default and the text of its definition."""
    rows = []
    for key, field in Train.model_fields.items():
        default = "" if field.default is None else json.dumps(field.default).strip('"')
        rows.append((f"`{key}`", default, " ".join((field.description or "").split())))
    return Table("settings of the train table", ("key", "default", "meaning"), tuple(rows))


def page(path: Path = ROOT / "docs" / "recipes.md") -> Document:
    """The page of recipes with its table of settings made anew."""
    part = f"\n{table().markdown()}\n"
    text = with_part(path.read_text(encoding="utf-8"), "settings", part)
    return Document(path, text, "python -m benchmark list settings --write")
