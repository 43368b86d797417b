"""`list`: models, data sets and recipes."""

from enum import StrEnum
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from benchmark.terminal.console import out


class Listing(StrEnum):
    models = "models"
    datasets = "datasets"
    recipes = "recipes"


def list_(kind: Annotated[Listing, typer.Argument(help="What to list.")]) -> None:
    """List models, data sets or recipes."""
    if kind is Listing.recipes:
        from benchmark.recipes.recipe import recipe_ids

        for name in recipe_ids():
            out.print(name, highlight=False)
    elif kind is Listing.models:
        from benchmark import registry

        table = Table("model", "what it is", box=None)
        for name in registry.models.names():
            doc = (registry.models.get(name).__doc__ or "").strip()
            table.add_row(name, Text(doc.partition("\n")[0]))
        out.print(table)
    else:
        from benchmark.data.catalog import card_names, find_card

        table = Table("data set", "what it is", "terms", "caveat", box=None)
        for name in card_names():
            card = find_card(name).card
            table.add_row(name, card.title, card.terms, card.caveat)
        out.print(table)
