"""What the help says is what is written: words in brackets are style tags to the printer, unless
they are escaped."""

from collections.abc import Iterator

import typer
from rich.text import Text
from typer.core import TyperGroup

from benchmark.cli import app


def helps(command, name: str) -> Iterator[tuple[str, str]]:
    """Of a command, its options and all below it."""
    yield name, command.help or ""
    for option in command.params:
        yield f"{name} {option.name}", getattr(option, "help", None) or ""
    if isinstance(command, TyperGroup):
        context = typer.Context(command)
        for below in command.list_commands(context):
            yield from helps(command.get_command(context, below), f"{name} {below}")


def test_no_help_loses_what_stands_in_brackets() -> None:
    found = dict(helps(typer.main.get_command(app), "benchmark"))
    assert [
        name
        for name, text in found.items()
        if Text.from_markup(text).plain != text.replace("\\[", "[")
    ] == []
    assert "[scaling] is run" in Text.from_markup(found["benchmark scale recipe"]).plain
    assert "[scaling] is run" in Text.from_markup(found["benchmark study scaling recipe"]).plain
