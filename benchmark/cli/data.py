"""`data`: which data sets there are, and which of them are on this machine."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from benchmark.terminal.console import notice, out

if TYPE_CHECKING:
    from benchmark.data.card import Card

app = typer.Typer(help="List, show, prepare, check and remove data sets.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="A data set's id, or the path of your own TOML card.")]
Root = Annotated[
    Path | None,
    typer.Option(help="Folder of the data files you have: csv, csv.gz or the hub's zip."),
]


@app.command("list")
def list_() -> None:
    """List the data sets: rows, size and whether they are prepared here."""
    from benchmark.data import catalog, inventory

    table = Table("data set", "rows", "size", "prepared", "what it is", box=None)
    for name in catalog.card_names():
        card = catalog.find_card(name).card
        folders = inventory.store_folders(card)
        fetched = f"{card.hub.gigabytes} GB to fetch" if card.hub and card.hub.gigabytes else ""
        size = _gigabytes(sum(map(inventory.size, folders))) if folders else fetched
        known = [expected.rows for expected in card.expected.values() if expected.rows]
        table.add_row(
            name, f"{sum(known):,}" if known else "", size, "yes" if folders else "no", card.title
        )
    out.print(table)


@app.command("show")
def show(name: Name) -> None:
    """Show a data set's card: source, terms, citation, caveat, columns and what its files are held
    against."""
    from benchmark.data.catalog import find_card

    for key, value in _lines(find_card(name).card):
        out.print(f"{key:<12}{value}", markup=False, highlight=False, soft_wrap=True)


@app.command("prepare")
def prepare(
    name: Name,
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
        notice(
            "interrupted: a download is kept and resumed at the next call, anything else begins"
            " anew"
        )
        raise typer.Exit(130) from None
    rows = " / ".join(f"{count:,}" for count in store.fingerprint.rows.values())
    unverified = ", unverified files" if catalog.is_unverified(store.fingerprint) else ""
    size = _gigabytes(inventory.size(store.folder))
    out.print(
        f"{found.card.id} is ready: {rows} rows, {size}{unverified}",
        highlight=False,
        soft_wrap=True,
    )


@app.command("check")
def check(name: Name, data_root: Root = None) -> None:
    """Compute again what is kept of a data set: hashes, rows, positives, ids, and the md5 of files
    that are here."""
    from benchmark.data import catalog, inventory
    from benchmark.errors import BenchmarkError, MissingData

    found = catalog.find_card(name)
    card, folders = found.card, inventory.store_folders(found.card)
    if not folders:
        raise MissingData(
            f"{card.id} is not prepared; `python -m benchmark data prepare {name}` does that"
        )
    faults: list[str] = []
    for folder in folders:
        try:
            faults += inventory.check(card, folder)
        except BenchmarkError as error:
            faults.append(str(error))
    sources = 0
    for path, md5, expected in inventory.check_sources(found, data_root):
        sources += 1
        if md5 != expected:
            faults.append(f"{path}: md5 {md5}, but the card of {card.id} expects {expected}")
    for fault in faults:
        out.print(f"FAILED {fault}", markup=False, highlight=False, soft_wrap=True)
    if faults:
        raise typer.Exit(1)
    out.print(
        f"{card.id}: {len(folders)} encoded and {sources} source files checked, all is well",
        highlight=False,
    )


@app.command("remove")
def remove(
    name: Name, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False
) -> None:
    """Delete a data set's encoded form and its downloaded files. Your own files stay."""
    from benchmark.data import catalog, inventory

    card = catalog.find_card(name).card
    shared = [
        other for other in catalog.card_names() if _shares(card, catalog.find_card(other).card)
    ]
    also = f"; {', '.join(shared)} must then be downloaded again to be encoded" if shared else ""
    if not yes:
        typer.confirm(f"Delete all that is kept of {card.id}{also}?", abort=True)
    out.print(f"{card.id}: {_gigabytes(inventory.remove(card))} freed", highlight=False)


def _shares(card: "Card", other: "Card") -> bool:
    return (
        other.id != card.id
        and card.hub is not None
        and other.hub is not None
        and card.hub.repo == other.hub.repo
    )


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:,.3f} GB"


def _lines(card: "Card") -> list[tuple[str, str]]:
    lines = [("id", card.id), ("title", card.title), ("source", card.source), ("terms", card.terms)]
    lines += [("citation", card.citation), ("caveat", card.caveat)]
    if card.hub:
        lines.append(
            (
                "hub",
                f"{card.hub.repo}, {card.hub.file}, revision {card.hub.revision or 'not pinned'}",
            )
        )
    if card.table:
        lines += [("label", card.table.label), ("dense", ", ".join(card.table.dense))]
        lines += [
            ("sparse", ", ".join(card.table.sparse)),
            ("min_count", str(card.table.min_count)),
        ]
        rules = [
            f"{name} = {derived.rule}({derived.of})" for name, derived in card.table.derive.items()
        ]
        lines += [
            ("dense rule", card.table.dense_rule if card.table.dense else ""),
            ("derived", ", ".join(rules)),
        ]
        split = card.table.split
        lines.append(("split", f"{split.method} {split.parts}, seed {split.seed}" if split else ""))
    lines += [("generator", card.generator or ""), ("dimension", str(card.embedding_dim))]
    lines.append(
        ("published", f"{card.published_rows:,} embedding rows" if card.published_rows else "")
    )
    for split_name, fact in card.expected.items():
        known = [
            f"{value:,} {key}"
            for key, value in (("rows", fact.rows), ("positives", fact.positives))
            if value
        ]
        lines.append((split_name, ", ".join([*known, *([f"md5 {fact.md5}"] if fact.md5 else [])])))
    if card.oracle:
        lines.append(("oracle", f"AUC {card.oracle.auc:.5f}, LogLoss {card.oracle.logloss:.5f}"))
    return [(key, value) for key, value in lines if value]
