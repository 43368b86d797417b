"""`data`: the data sets, and which of them are on this machine."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from benchmark.terminal.console import notice, out, say

app = typer.Typer(help="List, show, prepare, check and remove data sets.", no_args_is_help=True)
CardName = Annotated[
    str, typer.Argument(help="A data set's id, or the path of your own TOML card.")
]
Root = Annotated[
    Path | None,
    typer.Option(help="Folder of the data files you have: csv, csv.gz or the hub's zip."),
]


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:,.3f} GB"


@app.command("list")
def list_() -> None:
    """List the data sets: rows, size and whether they are prepared here."""
    from benchmark.data import catalog, inventory

    table = Table("data set", "rows", "size", "prepared", "what it is", box=None)
    for name in catalog.card_names():
        card = catalog.find_card(name).card
        folders = inventory.store_folders(card)
        size = f"{card.hub.gigabytes} GB to fetch" if card.hub and card.hub.gigabytes else ""
        if folders:
            size = _gigabytes(sum(map(inventory.size, folders)))
        rows = sum(expected.rows or 0 for expected in card.expected.values())
        prepared = "yes" if folders else "no"
        table.add_row(name, f"{rows:,}" if rows else "", size, prepared, card.title)
    out.print(table)


@app.command("show")
def show(name: CardName) -> None:
    """Show a data set's card: source, terms, citation, caveat, columns and expected facts."""
    from benchmark.data.catalog import find_card

    say(find_card(name).path.read_text(encoding="utf-8-sig").rstrip())


@app.command("prepare")
def prepare(name: CardName, data_root: Root = None) -> None:
    """Download a data set where needed, check it and encode it."""
    from benchmark.data import catalog, inventory

    try:
        found, store = catalog.open_data(name, data_root=data_root, notify=notice)
    except KeyboardInterrupt:
        notice("interrupted: the next call resumes a download and repeats anything else")
        raise typer.Exit(130) from None
    rows = " / ".join(f"{count:,}" for count in store.fingerprint.rows.values())
    say(f"{found.card.id} is ready: {rows} rows, {_gigabytes(inventory.size(store.folder))}")


@app.command("check")
def check(name: CardName, data_root: Root = None) -> None:
    """Compute the digests of a data set's arrays and files again, and compare its facts."""
    from benchmark.data import catalog, inventory
    from benchmark.data.store import Store
    from benchmark.errors import MissingData
    from benchmark.measure import naive

    found = catalog.find_card(name)
    card, folders = found.card, inventory.store_folders(found.card)
    if not folders:
        hint = f"`python -m benchmark data prepare {name}` does that"
        raise MissingData(f"{card.id} is not prepared; {hint}")
    faults = [fault for folder in folders for fault in inventory.check(card, folder)]
    if not faults:  # of stores that are whole
        faults = [fault for folder in folders for fault in naive.faults(card, Store.open(folder))]
    sources = list(inventory.check_sources(found, data_root))
    for path, md5, expected in sources:
        if md5 != expected:
            faults.append(f"{path}: md5 {md5}, but the card of {card.id} expects {expected}")
    for fault in faults:
        say(f"FAILED {fault}")
    if faults:
        raise typer.Exit(1)
    checked = f"{len(folders)} encoded and {len(sources)} source files checked"
    say(f"{card.id}: {checked}, all correct")


@app.command("remove")
def remove(
    name: CardName, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False
) -> None:
    """Delete a data set's encoded form and its downloaded files. Your own files stay."""
    from benchmark.data import catalog, inventory

    card = catalog.find_card(name).card
    others = [catalog.find_card(other).card for other in catalog.card_names()]
    repository = card.hub.repo if card.hub else None
    sharing = [other.id for other in others if other.hub and other.hub.repo == repository]
    shared = ", ".join(other for other in sharing if other != card.id)
    also = f"; {shared} must then be downloaded again to be encoded" if shared else ""
    if not yes:
        typer.confirm(f"Delete all that is kept of {card.id}{also}?", abort=True)
    say(f"{card.id}: {_gigabytes(inventory.remove(card))} freed")
