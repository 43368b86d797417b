"""`list`: what the registries and folders hold."""

from typing import Annotated, Literal

import typer
from rich.table import Table
from rich.text import Text

from benchmark.errors import UsageError
from benchmark.terminal.console import out, print_table, say


def list_(
    kind: Annotated[Literal["models", "recipes", "settings"], typer.Argument(help="What to list.")],
    write: Annotated[
        bool, typer.Option("--write", help="Write the settings into docs/recipes.md too.")
    ] = False,
) -> None:
    """List models, recipes, or the settings of training."""
    if write and kind != "settings":
        raise UsageError("--write is for settings alone")
    if kind == "models":
        from benchmark import registry

        table = Table("model", "what it is", box=None)
        for name, summary in registry.summaries():
            table.add_row(name, Text(summary))
        out.print(table)
    elif kind == "recipes":
        from benchmark.recipes.files import recipe_ids

        for name in recipe_ids(listed=True):
            say(name)
    else:
        from benchmark.reports import settings

        print_table(settings.table())
        if write:
            settings.page().write()
