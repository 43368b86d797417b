"""`data`: the data sets, and which of them are on this machine."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from benchmark.terminal.console import notice, out

if TYPE_CHECKING:
    from benchmark.data.card import Card

app = typer.Typer(help="List, show, prepare, check and remove data sets.", no_args_is_help=True)
CardName = Annotated[
    str, typer.Argument(help="A data set's id, or the path of your own TOML card.")
]
Root = Annotated[
    Path | None,
    typer.Option(help="Folder of the data files you have: csv, csv.gz or the hub's zip."),
]


def _print(line: str) -> None:
    out.print(line, markup=False, highlight=False, soft_wrap=True)


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

    for key, value in _facts(find_card(name).card):
        if value:
            _print(f"{key:<12}{value}")


@app.command("prepare")
def prepare(
    name: CardName,
    data_root: Root = None,
    allow_unverified: Annotated[
        bool,
        typer.Option(
            "--allow-unverified", help="Take altered files; every record made of them says so."
        ),
    ] = False,
) -> None:
    """Download a data set where needed, check it and encode it."""
    from benchmark.data import catalog, inventory

    try:
        found, store = catalog.open_data(
            name, data_root=data_root, notify=notice, allow_unverified=allow_unverified
        )
    except KeyboardInterrupt:
        notice("interrupted: the next call resumes a download and repeats anything else")
        raise typer.Exit(130) from None
    rows = " / ".join(f"{count:,}" for count in store.fingerprint.rows.values())
    unverified = ", unverified files" if catalog.is_unverified(store.fingerprint) else ""
    size = _gigabytes(inventory.size(store.folder))
    _print(f"{found.card.id} is ready: {rows} rows, {size}{unverified}")


@app.command("check")
def check(name: CardName, data_root: Root = None) -> None:
    """Compute the hashes, rows, positives and ids of a data set again, and the md5 of its files."""
    from benchmark.data import catalog, inventory
    from benchmark.errors import MissingData

    found = catalog.find_card(name)
    card, folders = found.card, inventory.store_folders(found.card)
    if not folders:
        hint = f"`python -m benchmark data prepare {name}` does that"
        raise MissingData(f"{card.id} is not prepared; {hint}")
    faults = [fault for folder in folders for fault in inventory.check(card, folder)]
    sources = list(inventory.check_sources(found, data_root))
    for path, md5, expected in sources:
        if md5 != expected:
            faults.append(f"{path}: md5 {md5}, but the card of {card.id} expects {expected}")
    for fault in faults:
        _print(f"FAILED {fault}")
    if faults:
        raise typer.Exit(1)
    checked = f"{len(folders)} encoded and {len(sources)} source files checked"
    _print(f"{card.id}: {checked}, all correct")


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
    _print(f"{card.id}: {_gigabytes(inventory.remove(card))} freed")


def _facts(card: "Card") -> Iterator[tuple[str, object]]:
    for name in ("id", "title", "source", "terms", "citation", "caveat"):
        yield name, getattr(card, name)
    if hub := card.hub:
        yield "hub", f"{hub.repo}, {hub.file}, revision {hub.revision or 'not pinned'}"
    if table := card.table:
        yield "label", table.label
        yield "dense", ", ".join(table.dense)
        yield "sparse", ", ".join(table.sparse)
        yield "min_count", table.min_count
        yield "dense rule", table.dense_rule if table.dense else ""
        derived = [f"{name} = {rule.rule}({rule.of})" for name, rule in table.derive.items()]
        yield "derived", ", ".join(derived)
        if split := table.split:
            yield "split", f"{split.method} {split.parts}, seed {split.seed}"
    yield "generator", card.generator
    yield "dimension", card.embedding_dim
    if card.published_rows:
        yield "published", f"{card.published_rows:,} embedding rows"
    for name, fact in card.expected.items():
        counts = {"rows": fact.rows, "positives": fact.positives}
        words = [f"{count:,} {key}" for key, count in counts.items() if count]
        yield name, ", ".join([*words, *([f"md5 {fact.md5}"] if fact.md5 else [])])
    if oracle := card.oracle:
        yield "oracle", f"AUC {oracle.auc:.5f}, LogLoss {oracle.logloss:.5f}"
    losses = (f"{share:.1%} in {k}" for k, share in enumerate(card.rank_losses, start=1))
    if lost := ", ".join(losses):
        yield "rank", f"share of the interactions lost with few dimensions a field: {lost}"
