"""`data`: the data sets, and which of them are on this machine."""

import shlex
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from benchmark.cli.options import Group
from benchmark.errors import UsageError
from benchmark.reports.document import Table
from benchmark.terminal.console import notice, print_table, say

if TYPE_CHECKING:
    from benchmark.data.catalog import FoundCard

Form = Literal["parquet", "datasets"]
app = typer.Typer(
    cls=Group, help="Describe, list, show, prepare, check, remove data sets.", no_args_is_help=True
)
MOST_ROWS = 100
WAIT_MINUTES = 60
HEAD = "data set", "rows", "size", "here", "from"
CardName = Annotated[
    str, typer.Argument(help="A data set's id, or the path of your own TOML card.")
]
Root = Annotated[
    Path | None,
    typer.Option(help="Folder of the data files you have: csv, csv.gz or the hub's zip."),
]


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:,.3f} GB"


@app.command("init")
def init(
    files: Annotated[
        list[Path],
        typer.Argument(help="A table or a folder of its parts; or its train, valid and test."),
    ],
    output: Annotated[
        Path | None, typer.Option(help="The card to write; beside the first file if left out.")
    ] = None,
    label: Annotated[str | None, typer.Option(help="The column that says click or not.")] = None,
) -> None:
    """Write a card for your own table, guessed from its first rows: read it, and correct it."""
    from benchmark.data.card import SPLITS
    from benchmark.data.init import write_card

    made = write_card(files, output, label)
    card = shlex.quote(str(made.path))
    if len(files) > 1:
        say("; ".join(f"{split}: {path}" for split, path in zip(SPLITS, files, strict=True)))
    say(f"{made.path} is written: {made.guess.words}. Read it, correct it, then:")
    say(f"python -m benchmark data prepare {card}")
    say(f"python -m benchmark run --model dnn --dataset {card}")


@app.command("list")
def list_(
    name: Annotated[
        str | None, typer.Argument(help="Tell all of this data set, or of your own TOML card.")
    ] = None,
    data_root: Root = None,
) -> None:
    """List the data sets, or tell of one what to get from where, and what of it is here."""
    from benchmark.data import catalog

    if name is not None:
        for label, text in _details(name, data_root):
            say(f"{label:<9} {text}")
        return
    rows = (_row(catalog.find_card(each), data_root) for each in catalog.card_names())
    remark = "`python -m benchmark data list ID` tells what to get from where, and what is found"
    print_table(Table("", HEAD, tuple(rows), (remark,)))


def _row(found: "FoundCard", data_root: Path | None) -> tuple[str, ...]:
    """The cells of a data set, which fit 80 columns."""
    from benchmark.data import inventory

    card, held = found.card, inventory.holdings(found, data_root)
    rows = sum(expected.rows or 0 for expected in card.expected.values())
    zipped = card.archive
    fetched = f"{zipped.gigabytes} GB to fetch" if zipped and zipped.gigabytes else ""
    origin = "hub" if card.hub else "your files"
    return (
        card.id,
        f"{rows:,}" if rows else "",
        _gigabytes(held.bytes) if held.bytes else fetched,
        held.words,
        origin if card.table else "made here",
    )


def _details(name: str, data_root: Path | None) -> Iterator[tuple[str, str]]:
    """What `data list NAME` tells, by its label."""
    from benchmark.data import catalog, inventory

    found = catalog.find_card(name)
    card, held = found.card, inventory.holdings(found, data_root)
    for label in ("title", "source", "terms", "caveat"):
        if text := getattr(card, label):
            yield label, text
    if card.archive is not None:
        size = f", {card.archive.gigabytes} GB" if card.archive.gigabytes else ""
        page = f"https://huggingface.co/datasets/{card.archive.repo}"
        yield "hub", f"{card.archive.file}{size}, from {page}; `data prepare {name}` fetches it"
    wanted = card.table.files | card.table.side_files if card.table else {}
    if card.streamed is not None:
        page = f"https://huggingface.co/datasets/{card.streamed.dataset}"
        yield "hub", f"{page} at {card.streamed.revision}, read as a stream; no file is kept"
        wanted = {}
    for key, names in wanted.items():
        paths = [path for path in held.files.get(key, ()) if path.is_file()]
        here = ", ".join(f"{path}, {_gigabytes(inventory.size(path))}" for path in paths)
        yield key, f"{', '.join(names)}: {here or 'not here'}"
    if held.archive is not None:
        yield "zip", f"{held.archive}, {_gigabytes(inventory.size(held.archive))}"
    if card.table is not None and card.streamed is None:
        yield "searched", ", ".join(map(str, held.folders)) or "no folder"
    if card.table is not None and found.built_in:
        yield "", "--data-root or BENCHMARK_DATA_ROOT names the folder of files that you have"
    for folder in held.stores:
        yield "prepared", f"{folder}, {_gigabytes(inventory.size(folder))}"
    if not held.stores:
        yield "prepared", f"no; `python -m benchmark data prepare {name}` does that"


@app.command("show")
def show(
    name: CardName,
    head: Annotated[
        int | None, typer.Option(min=1, max=MOST_ROWS, help="Show so many first rows instead.")
    ] = None,
    data_root: Root = None,
) -> None:
    """Show a data set's card: source, terms, citation, caveat, columns and expected facts."""
    from benchmark.data.catalog import find_card

    if head is None:
        say(find_card(name).path.read_text(encoding="utf-8-sig").rstrip())
        return
    from benchmark.data.head import first_rows
    from benchmark.terminal.rows import print_rows

    for split, found in first_rows(name, head, data_root).items():
        print_rows(split, found.rows, found.unused)


@app.command("export")
def export(
    name: CardName,
    to: Annotated[Form, typer.Option(help="Parquet files, or a folder of Hugging Face datasets.")],
    out_folder: Annotated[
        Path | None, typer.Option("--out", help="The new folder; ID-FORM here if left out.")
    ] = None,
    data_root: Root = None,
) -> None:
    """Write a prepared data set, with its card and vocabularies, for other tools."""
    from benchmark.data import catalog
    from benchmark.data.export import export as write

    found, store = catalog.open_data(name, data_root=data_root, notify=notice, fetch=False)
    folder = out_folder or Path(f"{found.card.id}-{to}")
    write(found.card, store, to, folder)
    say(f"{folder} is written; its README.md tells the terms: {found.card.terms or 'none given'}")


@app.command("prepare")
def prepare(
    name: CardName,
    data_root: Root = None,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N", help="Encode shard I, on one of N machines that share the cache folder."
        ),
    ] = None,
    wait: Annotated[
        float | None,
        typer.Option(min=0, metavar="MINUTES", help="With --shard: wait so long for others; 60."),
    ] = None,
) -> None:
    """Download a data set where needed, check it and encode it, on one machine or on several."""
    from benchmark.data import catalog, inventory
    from benchmark.data.shards.exchange import Shard
    from benchmark.data.shards.prepare import open_shard

    prepared = catalog.open_data
    if shard is not None:
        minutes = WAIT_MINUTES if wait is None else wait
        prepared = partial(open_shard, shard=Shard.parse(shard), wait=60 * minutes)
    elif wait is not None:
        raise UsageError(f"--wait {wait:g}: nobody is waited for without --shard I/N")
    try:
        found, store = prepared(name, data_root=data_root, notify=notice)
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
    repository = card.archive.repo if card.archive else None
    sharing = [each.id for each in others if each.archive and each.archive.repo == repository]
    shared = ", ".join(other for other in sharing if other != card.id)
    also = f"; {shared} must then be downloaded again to be encoded" if shared else ""
    if not yes:
        typer.confirm(f"Delete all that is kept of {card.id}{also}?", abort=True)
    say(f"{card.id}: {_gigabytes(inventory.remove(card))} freed")
