"""`list`: what the registries and folders hold."""

from enum import StrEnum
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from benchmark.errors import UsageError
from benchmark.terminal.console import out, print_table


class Listing(StrEnum):
    models = "models"
    datasets = "datasets"
    recipes = "recipes"
    settings = "settings"


def list_(
    kind: Annotated[Listing, typer.Argument(help="What to list.")],
    write: Annotated[
        bool, typer.Option("--write", help="Write the settings into the README's table too.")
    ] = False,
) -> None:
    """List models, data sets, recipes, or the settings of training."""
    if write and kind is not Listing.settings:
        raise UsageError("--write is for settings alone")
    if kind is Listing.settings:
        _settings(write)
    else:
        {Listing.models: _models, Listing.datasets: _datasets, Listing.recipes: _recipes}[kind]()


def _models() -> None:
    from benchmark import registry

    table = Table("model", "what it is", box=None)
    for name in registry.models.names():
        table.add_row(
            name, Text((registry.models.get(name).__doc__ or "").strip().partition("\n")[0])
        )
    out.print(table)


def _datasets() -> None:
    from benchmark.data.catalog import card_names, find_card

    table = Table("data set", "what it is", "terms", "caveat", box=None)
    for name in card_names():
        card = find_card(name).card
        table.add_row(name, card.title, card.terms, card.caveat)
    out.print(table)


def _recipes() -> None:
    from benchmark.recipes.recipe import recipe_ids

    for name in recipe_ids(listed=True):
        out.print(name, highlight=False)


def _settings(write: bool) -> None:
    from benchmark.reports import settings

    print_table(settings.table())
    if write:
        settings.readme().write()
