"""`speed`: measure this machine. No test times anything; these commands do."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.options import MOST_THREADS, Group, parse_seeds, with_options
from benchmark.errors import UsageError
from benchmark.terminal.console import notice, print_table
from benchmark.utils.paths import RESULTS, expanded, shown
from benchmark.utils.types import Device

if TYPE_CHECKING:
    from benchmark.reports.document import Table
    from benchmark.speed.measurements import Figures, Topic

Measured = tuple[str, dict[str, float]]
"""What was measured, and its figures."""

app = typer.Typer(cls=Group, help="Measure speed and memory on this machine.", no_args_is_help=True)


@dataclass(frozen=True, kw_only=True)
class SpeedOptions:
    """Options of every command here."""

    repeats: Annotated[int, typer.Option(min=1, help="Repeats, in turn; medians are printed.")] = 3
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the figures, and their table, below RESULTS/speed.")
    ] = False
    results: Annotated[Path, typer.Option(help="Folder of the results.")] = RESULTS


@dataclass(frozen=True, kw_only=True)
class RecipeOptions:
    """Options of the commands that measure recipes."""

    recipe: Annotated[
        list[str] | None, typer.Option(help="DATASET/NAME, or your own file; once or more.")
    ] = None
    dataset: Annotated[
        str | None,
        typer.Option(help="The path of your own TOML card, which these recipes are for."),
    ] = None
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a setting of the recipes, e.g. model.num_blocks=4."),
    ] = None
    data_root: Annotated[Path | None, typer.Option(help="Folder of your data files.")] = None
    device: Annotated[Device, typer.Option(help="Where to train.")] = "cpu"
    threads: Annotated[
        int | None,
        typer.Option(min=1, max=MOST_THREADS, help="Threads; the number of cores by default."),
    ] = None

    @property
    def changes(self) -> list[str]:
        return self.set_ or []

    def words(self, recipe: str) -> str:
        """A recipe and how it is measured; names the GPU."""
        import torch

        words = [recipe, *(change.replace("model.", "") for change in self.changes)]
        if self.device == "cuda":
            words.append(f"on {torch.cuda.get_device_name()}")
        return " ".join(words)


@dataclass(frozen=True, kw_only=True)
class RecipeSpeedOptions(SpeedOptions, RecipeOptions):
    """Options of `speed train` and `speed fit`."""

    repeats: Annotated[int, typer.Option(min=1, help="Repeats, in turn; medians are printed.")] = 5


@app.command("data")
@with_options(SpeedOptions)
def data(
    rows: Annotated[int, typer.Option(min=1000, help="Rows of the csv files.")] = 1_200_000,
    folder: Annotated[
        Path | None, typer.Option(help="A folder with room for some 500 bytes a row.")
    ] = None,
    *,
    options: SpeedOptions,
) -> None:
    """Encode a csv of Criteo's shape and read its batches, beside a plain read_csv of it."""
    import os

    from benchmark.speed.data import measure

    values = measure(rows, folder, options.repeats, notice)
    _report("data", [(f"{rows:,} rows", values)], os.cpu_count() or 1, options)


@app.command("train")
@with_options(RecipeSpeedOptions)
def train(*, options: RecipeSpeedOptions) -> None:
    """Time training steps and prediction, beside the plain form and the rate of float32 matrix
    products here, and profile where the rest goes. Three recipes of criteo_x1 by default."""
    import torch

    from benchmark.measure.cost import outline
    from benchmark.recipes import recipe as recipes
    from benchmark.recipes.precision import set_precision
    from benchmark.runs.job import require_device
    from benchmark.speed.train import STANDARD, Subject, measure, shape_of

    require_device(options.device)
    threads = options.threads or torch.get_num_threads()
    subjects = {}
    for name in options.recipe or STANDARD:
        recipe = recipes.override(recipes.load(name), options.changes)
        # a recipe that cannot be measured is reported before any is
        schema = shape_of(recipe, notice, dataset=options.dataset, data_root=options.data_root)
        outline(recipe, schema)
        set_precision(recipe.train.precision, torch.device(options.device))
        subject = Subject(recipe, schema, threads, options.repeats, options.device)
        subjects[options.words(name)] = subject

    def measured() -> Iterator[Measured]:
        for words, subject in subjects.items():
            notice(f"measuring {words}")
            values = measure(subject)
            notice(f"{values['ms_per_step']:,.1f} ms a step")
            yield words, values

    _report("train", measured(), threads, options)


@app.command("fit")
@with_options(RecipeSpeedOptions)
def fit(
    against: Annotated[
        str | None,
        typer.Option(help="Another command; {recipe} and {data} in it become their names."),
    ] = None,
    *,
    options: RecipeSpeedOptions,
) -> None:
    """Time whole runs as whole processes, in turn with another command, which is started in an
    empty folder and gets no shell: write `--against "bash -c 'COMMAND'"` for one."""
    import torch

    from benchmark import launch
    from benchmark.runs.job import require_device
    from benchmark.speed.fit import measure, other_words, run_words

    if not options.recipe:
        raise UsageError("--recipe DATASET/NAME: name a recipe whose runs are timed")
    require_device(options.device)
    threads = options.threads or torch.get_num_threads()
    root = options.data_root and expanded(options.data_root).resolve()
    pairs = {}
    for name in options.recipe:
        # encodes the data, and reports a recipe that cannot be run before any is
        job = launch.prepare(
            name, None, options.dataset, options.changes, root, name=None, quiet=False
        )
        words = [f"--recipe={name}", f"--dataset={options.dataset or job.card.id}"]
        words += [f"--device={options.device}", f"--threads={threads}"]
        words += [f"--set={change}" for change in options.changes]
        words += [f"--data-root={root}"] if root else []
        other = other_words(against, name, job.card.id) if against is not None else ()
        subject = options.words(name) + (f" against {against}" if against else "")
        pairs[subject] = run_words(words), other

    def measured() -> Iterator[Measured]:
        for subject, (ours, other) in pairs.items():
            notice(f"measuring {subject}")
            yield subject, measure(ours, other, options.repeats, notice)

    _report("fit", measured(), threads, options)


@app.command("together")
@with_options(SpeedOptions)
def together(
    recipe: Annotated[list[str], typer.Option(help="DATASET/NAME; once or more.")],
    processes: Annotated[
        str, typer.Option(help="Numbers of processes, of one thread each.")
    ] = "2,3",
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a setting of the recipes, e.g. train.batch_size=1024."),
    ] = None,
    *,
    options: SpeedOptions,
) -> None:
    """Time training steps by several processes of this machine, as torchrun starts them, beside
    what is predicted from one process and the rate of messages."""
    import os

    from benchmark.speed.together import measure

    counts = parse_seeds(processes, "--processes")
    if min(counts) < 2:
        raise UsageError(f"--processes {processes}: two or more")
    cores = os.cpu_count() or 1

    def measured() -> Iterator[Measured]:
        for name in recipe:
            for count in counts:
                words = " ".join([name, *(set_ or []), f"by {count} processes"])
                notice(f"measuring {words}")
                yield words, measure(name, set_ or [], count, options.repeats, cores, notice)

    _report("together", measured(), 1, options)


@app.command("predict")
def predict() -> None:
    """Print what steps by many GPUs would cost, predicted from the rates of data sheets: nothing
    of it is measured."""
    from benchmark.reports.document import Table
    from benchmark.speed.exchange import predictions

    lines = predictions()
    rows = tuple(tuple(line.values()) for line in lines)
    print_table(Table("predicted, not measured", tuple(lines[0]), rows))


def _report(
    topic: "Topic", measured: Iterable[Measured], threads: int, options: SpeedOptions
) -> None:
    """Print figures as a table or as JSON, also those before a failure, and keep them if that is
    wanted."""
    from benchmark.speed import measurements

    done = []
    try:
        for subject, values in measured:
            done.append(measurements.new_figures(topic, subject, values, threads, options.repeats))
            if options.keep:
                for path in measurements.keep(done[-1], options.results):
                    notice(f"kept: {shown(path)}")
    finally:
        if done and options.json:
            by_subject = {each.subject: each.values for each in done}
            print(dumps(by_subject if len(done) > 1 else done[0].values, indent=1))
        elif done:
            print_table(_shown(done))


def _shown(done: "list[Figures]") -> "Table":
    """A row for each subject; the figures of one data set's encoding have a row each."""
    from benchmark.reports.document import Table
    from benchmark.reports.words import counted
    from benchmark.speed import measurements

    table, first = measurements.table(done, more={}), done[0]
    numbers = f"{counted(first.threads, 'thread')}, {counted(first.repeats, 'repeat')}"
    remark = f"{numbers}; {first.environment.machine}"
    if first.topic != "data":
        return replace(table, remarks=(remark,))
    figures = zip(table.head[1:], table.rows[0][1:], strict=True)
    return Table(first.subject, ("figure", "value"), tuple(figures), (remark,))
