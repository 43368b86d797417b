"""`suite`, `ablate` and `damping`: many runs, those whose records are missing or stale."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.campaign import Options, carry_out, open_store
from benchmark.cli.options import (
    Address,
    Backend,
    DataRoot,
    Dataset,
    Device,
    DryRun,
    Jobs,
    NoTrack,
    Quiet,
    Results,
    Seeds,
    Set,
    Threads,
    parse_seeds,
)
from benchmark.errors import MissingData, UsageError
from benchmark.terminal.console import notice, out, print_table
from benchmark.utils.paths import RESULTS, shown

if TYPE_CHECKING:
    from benchmark.data.store import Store
    from benchmark.reports.document import Report
    from benchmark.studies.campaign.cells import Cell


def suite(
    datasets: Annotated[
        str | None, typer.Option(help="Data sets, e.g. synthetic,frappe_x1r; all that are here.")
    ] = None,
    recipes: Annotated[
        str | None, typer.Option(help="Names of recipes, e.g. dcnv2,rankelastor; all.")
    ] = None,
    seeds: Seeds = "0-4",
    jobs: Jobs = 1,
    threads: Threads = None,
    device: Device = "cpu",
    backend: Backend = "loky",
    address: Address = None,
    data_root: DataRoot = None,
    results: Results = RESULTS,
    dry_run: DryRun = False,
    no_track: NoTrack = False,
    quiet: Quiet = False,
) -> None:
    """Run every committed recipe whose record is missing or stale, longest first; go on where a
    killed one was."""
    options = Options(
        jobs, threads, device, backend, address, data_root, results, dry_run, not no_track, quiet
    )
    numbers = parse_seeds(seeds)

    from benchmark.studies.campaign.cells import chosen, ranked

    cells: list[Cell] = []
    stores: dict[str, Store] = {}
    for dataset, group in chosen(_split(datasets), _split(recipes)).items():
        try:
            stores[dataset] = open_store(dataset, options)
        except MissingData as error:
            if datasets is not None:
                raise
            notice(f"skipped {dataset}: {error}")
            continue
        cells += [cell for recipe in group for cell in ranked(recipe, numbers)]
    _exit(carry_out(cells, stores, options))


def ablate(
    dataset: Dataset,
    recipe: Annotated[
        str | None, typer.Option(help="The rankelastor recipe varied; D/rankelastor_small.")
    ] = None,
    set_: Set = None,
    cells: Annotated[
        str | None, typer.Option(help="Cells, e.g. full/glu,none/relu; all twelve.")
    ] = None,
    seeds: Seeds = "0-2",
    jobs: Jobs = 1,
    threads: Threads = None,
    device: Device = "cpu",
    backend: Backend = "loky",
    address: Address = None,
    data_root: DataRoot = None,
    results: Results = RESULTS,
    dry_run: DryRun = False,
    no_track: NoTrack = False,
    quiet: Quiet = False,
) -> None:
    """Run mixing x FFN of RankElastor at equal width and analyse it as a factorial design."""
    options = Options(
        jobs, threads, device, backend, address, data_root, results, dry_run, not no_track, quiet
    )
    numbers = parse_seeds(seeds)

    from benchmark.data import catalog
    from benchmark.recipes import recipe as recipes
    from benchmark.studies.ablation import design
    from benchmark.studies.ablation import report as ablation_report
    from benchmark.studies.campaign import variants as grid

    dataset = _absolute(dataset)
    card = catalog.find_card(dataset).card
    base = recipes.load(recipe or f"{card.id}/{design.BASE}")
    if base.dataset != card.id:
        raise UsageError(f"--recipe {base.id} is for the data set {base.dataset}, not {card.id}")
    variants = design.variants(
        recipes.override(base, set_) if set_ else base, design.parse_cells(cells)
    )
    store = open_store(dataset, options)
    grid.require_buildable(variants, store.schema)
    failed = carry_out(
        grid.cells(design.STUDY, dataset, variants, numbers), {dataset: store}, options
    )
    if not dry_run:
        _report(ablation_report.report(results, card.id), results, design.STUDY, card.id)
    _exit(failed)


def damping(
    dataset: Dataset,
    blocks: Annotated[int, typer.Option(min=2, help="Blocks of every model.")] = 8,
    recipes_: Annotated[
        str, typer.Option("--recipes", help="Names of the data set's recipes, with blocks.")
    ] = "rankmixer,rankelastor",
    set_: Set = None,
    seeds: Seeds = "0-2",
    jobs: Jobs = 1,
    threads: Threads = None,
    device: Device = "cpu",
    backend: Backend = "loky",
    address: Address = None,
    data_root: DataRoot = None,
    results: Results = RESULTS,
    dry_run: DryRun = False,
    no_track: NoTrack = False,
    quiet: Quiet = False,
) -> None:
    """Run deep stacks and say how far mixing raises the rank and the FFN lowers it, block by
    block."""
    options = Options(
        jobs, threads, device, backend, address, data_root, results, dry_run, not no_track, quiet
    )
    numbers = parse_seeds(seeds)

    from benchmark.data import catalog
    from benchmark.recipes import recipe as recipes
    from benchmark.studies import damping as study
    from benchmark.studies.campaign import variants as grid

    dataset = _absolute(dataset)
    card = catalog.find_card(dataset).card
    variants = [
        study.variant(recipes.load(f"{card.id}/{name}"), blocks, set_ or [])
        for name in _split(recipes_) or []
    ]
    store = open_store(dataset, options)
    grid.require_buildable(variants, store.schema)
    failed = carry_out(
        grid.cells(study.STUDY, dataset, variants, numbers), {dataset: store}, options
    )
    if not dry_run:
        _report(study.report(results, card.id), results, study.STUDY, card.id)
    _exit(failed)


def _split(text: str | None) -> list[str] | None:
    return None if text is None else [word.strip() for word in text.split(",") if word.strip()]


def _absolute(dataset: str) -> str:
    """For processes elsewhere: the whole path of a card that is a file."""
    return str(Path(dataset).expanduser().resolve()) if dataset.endswith(".toml") else dataset


def _report(report: "Report | None", results: Path, study: str, dataset: str) -> None:
    """Prints the tables and writes them beside the records."""
    from benchmark.studies.campaign import variants as grid

    if report is None:
        return
    for section in report.tables:
        print_table(section)
    for path in grid.write(results, study, dataset, report):
        out.print(f"written: {shown(path)}", highlight=False, soft_wrap=True)


def _exit(failed: int) -> None:
    if failed:
        raise typer.Exit(1)
