"""`suite`, `study NAME` and `scale`: many runs, those whose records are missing or stale."""

from collections.abc import Iterable, Sequence
from functools import wraps
from inspect import getdoc
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from benchmark.cli.campaign import open_store, run_missing
from benchmark.cli.options import (
    Group,
    Options,
    ResultsFolder,
    parse_seeds,
    split_names,
    with_options,
)
from benchmark.errors import MissingData, UsageError
from benchmark.terminal.console import notice, out, print_table
from benchmark.utils.paths import RESULTS, expanded, shown

if TYPE_CHECKING:
    from benchmark.data.store import Store
    from benchmark.records.archive import Archive
    from benchmark.reports.document import Document, Report
    from benchmark.studies.campaign.cells import Cell
    from benchmark.studies.study import Study


@with_options(Options, seeds="0-4")
def suite(
    datasets: Annotated[
        str | None,
        typer.Option(help="Data sets, e.g. synthetic,my_table.toml; all with data here."),
    ] = None,
    recipes: Annotated[
        str | None, typer.Option(help="Names of recipes, e.g. dcnv2 or dnn,*_tuned; all.")
    ] = None,
    *,
    options: Options,
) -> None:
    """Run every committed recipe whose record is missing or stale; resume what was killed."""
    seeds = parse_seeds(options.seeds)

    from benchmark.studies.campaign.cells import chosen, ranked

    named = split_names(datasets)
    cards = dict(map(_card, named or []))
    cells: list[Cell] = []
    stores: dict[str, Store | None] = {}
    for dataset, group in chosen(named and list(cards), split_names(recipes)).items():
        card = cards.get(dataset, dataset)
        try:
            stores[card] = open_store(card, options)
        except MissingData as error:
            if datasets is not None:
                raise
            notice(f"skipped {dataset}: {error}")
            continue
        cells += [cell for recipe in group for cell in ranked(recipe, seeds, card)]
    if run_missing(cells, stores, options):
        raise typer.Exit(1)


def _card(name: str) -> tuple[str, str]:
    """The id of a data set, and its name or the whole path of its card, which processes open."""
    from benchmark.data.catalog import find_card

    if not name.endswith(".toml"):
        return name, name
    return find_card(name).card.id, str(expanded(name).resolve())


class StudyGroup(Group):
    """A command for each registered study; the studies are imported when one is asked for."""

    def list_commands(self, ctx: object) -> list[str]:
        from benchmark.studies.study import studies

        return [*studies.names(), *self.commands]

    def get_command(self, ctx: object, cmd_name: str) -> TyperCommand | None:
        command = self.commands.get(cmd_name)
        if command is None and cmd_name in self.list_commands(ctx):
            return study_command(cmd_name)
        return command if isinstance(command, TyperCommand) else None


app = typer.Typer(cls=StudyGroup, no_args_is_help=True)


@app.callback()
def study() -> None:
    """Run the variants of a study, and write its tables."""


@app.command()
def tables(
    name: Annotated[str | None, typer.Argument(help="A study; all of them by default.")] = None,
    results: ResultsFolder = RESULTS,
) -> None:
    """Write the tables and figures of studies again, from records alone."""
    from benchmark.records.archive import Archive
    from benchmark.studies.study import studies

    archive = Archive(results)
    for each in studies.names() if name is None else [name]:
        study = studies.get(each)
        for dataset in study.datasets(archive):
            write_tables(study, archive, dataset)


def study_command(name: str) -> TyperCommand:
    """The command of a study, with the options of its `variants` and those of all studies."""
    from benchmark.studies.study import studies

    study = studies.get(name)

    @wraps(study.variants)
    def run(*, options: Options, **chosen: Any) -> None:
        run_study(study, chosen, options)

    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    alone.command(name, help=getdoc(type(study)))(with_options(Options)(run))
    command = typer.main.get_command(alone)
    assert isinstance(command, TyperCommand)
    return command


def add_alias(root: typer.Typer, old: str, name: str) -> None:
    """Add a hidden old name of a study's command, which passes its arguments on."""

    def forward(context: typer.Context) -> None:
        command = study_command(name)
        code = command.main(context.args, context.command_path, standalone_mode=False)
        raise typer.Exit(code or 0)

    accept_all = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
    root.command(old, hidden=True, context_settings=accept_all)(forward)


def run_study(study: "Study", chosen: dict[str, Any], options: Options) -> None:
    """Run the chosen variants whose records are missing or stale, then write the tables."""
    seeds = parse_seeds(options.seeds)
    if (card := chosen.get("dataset", "")).endswith(".toml"):
        card = str(expanded(card).resolve())  # processes elsewhere open it too
        chosen = {**chosen, "dataset": card}
    variants = study.variants(**chosen)
    if not variants:
        raise UsageError("nothing to run: the options name no variant of the study")
    dataset = variants[0].recipe.dataset
    card = card or dataset
    store = open_store(card, options)
    if store is not None:
        study.check_data(variants, store)
    batches = study.batches(card, variants, seeds, options.results)
    failed = sum(run_missing(cells, {card: store}, options) for cells in batches)
    if not options.dry_run:
        from benchmark.records.archive import Archive

        write_tables(study, Archive(options.results), dataset, show=True)
        if options.track:
            from benchmark.tracking.studies import show_studies

            show_studies(options.results, dataset, notice)
    if failed:
        raise typer.Exit(1)


def write_tables(study: "Study", archive: "Archive", dataset: str, *, show: bool = False) -> None:
    """Write the documents and figures of a data set, and print its tables with `show`."""
    report = study.report(archive, dataset)
    if report is None:
        return
    if show:
        show_report(report)
    write_documents(study.documents(archive, dataset, report))
    print_written(study.figures(archive, dataset))


def show_report(report: "Report", remarks: Iterable[str] = ()) -> None:
    """Print the tables of a report, then these remarks."""
    for table in report.tables:
        print_table(table)
    for remark in remarks:
        out.print(remark, highlight=False, markup=False)


def write_documents(documents: "Sequence[Document]") -> None:
    """Write documents and print their paths."""
    for document in documents:
        document.write()
    print_written(document.path for document in documents)


def print_written(paths: Iterable[Path]) -> None:
    """Print the paths of files that were written, and list in the manifest those that belong."""
    from benchmark.records import manifest

    written = list(paths)
    manifest.keep(written)
    for path in written:
        out.print(f"written: {shown(path)}", highlight=False, soft_wrap=True)


scale_app = typer.Typer(cls=Group, invoke_without_command=True)


@scale_app.callback()
@with_options(Options)
def scale(
    context: typer.Context,
    recipe: Annotated[
        str | None, typer.Option(help="The recipe whose [scaling] is run, DATASET/NAME.")
    ] = None,
    *,
    options: Options,
) -> None:
    """Alias of `study scaling`; also its tables and its simulation."""
    if context.invoked_subcommand is None:
        from benchmark.studies.study import studies

        run_study(studies.get("scaling"), {"recipe": recipe}, options)


@scale_app.command("tables")
def scale_tables(results: ResultsFolder = RESULTS) -> None:
    """Write the tables and figures of ladders again, from records alone."""
    tables("scaling", results)


@scale_app.command()
def simulate(
    draws: Annotated[int, typer.Option(min=1, help="Ladders for each truth.")] = 400,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulation.")] = 0,
    results: ResultsFolder = RESULTS,
) -> None:
    """Test fits, intervals and verdicts on ladders whose law is known; takes about ten minutes."""
    from benchmark.studies.simulations import scaling

    report = scaling.as_report(scaling.simulate(draws, seed, notice))
    show_report(report, report.remarks[1:])
    write_documents(scaling.documents(report, results))
