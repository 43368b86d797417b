"""Options that several commands share, and the completion of names in the shell."""

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from copy import copy
from dataclasses import dataclass
from functools import wraps
from inspect import Signature, signature
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import typer
from typer.core import TyperGroup

from benchmark import registry
from benchmark.errors import UsageError
from benchmark.recipes.files import recipe_ids, recipe_paths
from benchmark.terminal.console import notice
from benchmark.utils.paths import RESULTS, ROOT, expanded
from benchmark.utils.types import Device

MOST_SEEDS = 1000

ResultsFolder = Annotated[Path, typer.Option(help="Folder of the records.")]
RecordsFolder = Annotated[
    Path, typer.Option(exists=True, file_okay=False, help="Folder of the records.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only print what would be run.")]

MOST_THREADS = 1024


class Group(TyperGroup):
    """Commands, listed with the whole first sentence of their help."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        commands = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        shown = [(name, each) for name, each in commands if each and not each.hidden]
        with formatter.section("Commands"):
            formatter.write_dl([(name, each.get_short_help_str(1000)) for name, each in shown])


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Options of every command that trains."""

    device: Annotated[Device, typer.Option(help="Where to train.")] = "cpu"
    threads: Annotated[
        int | None,
        typer.Option(min=1, max=MOST_THREADS, help="Threads of each run; cores, shared out."),
    ] = None
    data_root: Annotated[Path | None, typer.Option(help="Folder of your data files.")] = None
    results: Annotated[Path, typer.Option(help="Folder the records go to.")] = RESULTS
    track: Annotated[
        bool, typer.Option("--track/--no-track", help="Log to MLflow.", show_default=False)
    ] = True
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False

    @property
    def root(self) -> Path | None:
        """The data root, for processes with other working folders too."""
        return self.data_root and expanded(self.data_root).resolve()

    def notify(self, message: str) -> None:
        """Show a line unless the command is quiet."""
        if not self.quiet:
            notice(message)


@dataclass(frozen=True, kw_only=True)
class Options(RunOptions):
    """Options of the commands that run many cells."""

    seeds: Annotated[str, typer.Option(help="Seeds: 0, 0-4 or 0,2,5.")] = "0-2"
    jobs: Annotated[
        int | None,
        typer.Option(min=1, help="Runs at once; by default one a core, of one thread each."),
    ] = None
    backend: Annotated[
        Literal["loky", "dask"], typer.Option(help="Processes of this machine, or a Dask cluster.")
    ] = "loky"
    address: Annotated[str | None, typer.Option(help="HOST:PORT of the Dask scheduler.")] = None
    dry_run: DryRun = False

    def __post_init__(self) -> None:
        if (self.backend == "dask") != (self.address is not None):
            raise UsageError("--backend dask and --address HOST:PORT of its scheduler go together")

    def shares(self, cores: int) -> tuple[int, int]:
        """Runs at once and the threads of each. By default a run of one thread a core: threads of
        one run wait for each other. A GPU has one run at a time; a Dask worker has one thread."""
        if self.address is not None:
            return self.jobs or 1, self.threads or 1
        if self.device == "cuda":
            return self.jobs or 1, self.threads or cores
        if self.jobs is None and self.threads is None:
            return cores, 1
        jobs = self.jobs or max(1, cores // (self.threads or 1))
        return jobs, self.threads or max(1, cores // jobs)


Command = Callable[..., None]


def with_options(form: Callable[..., object], **defaults: object) -> Callable[[Command], Command]:
    """Append the fields of a data class to a command's options; the command gets `options`.

    `defaults` replace those of the data class. Names are completed as by `completed`.

    Example::

        @with_options(Options, seeds="0-4")
        def suite(datasets: Annotated[str | None, ...] = None, *, options: Options) -> None: ..."""

    shared = [
        each.replace(default=defaults.get(each.name, each.default))
        for each in signature(form).parameters.values()
    ]

    def decorate(command: Command) -> Command:
        own = [each for each in signature(command).parameters.values() if each.name != "options"]

        @wraps(command)
        def call(**values: Any) -> None:
            options = form(**{each.name: values.pop(each.name) for each in shared})
            command(**values, options=options)

        vars(call)["__signature__"] = Signature([*own, *shared])
        return completed(call)

    return decorate


def completed(command: Command) -> Command:
    """Complete the values of a command's options in the shell, by their names in COMPLETIONS."""
    parameters = dict(signature(command).parameters)
    for name in parameters.keys() & COMPLETIONS.keys():
        annotation = parameters[name].annotation
        kind, *declared = get_args(annotation) or (annotation,)
        option = copy(declared[0]) if declared else typer.Option()
        option.autocompletion = completion(COMPLETIONS[name])
        parameters[name] = parameters[name].replace(annotation=Annotated[kind, option])
    vars(command)["__signature__"] = Signature(list(parameters.values()))
    command.__annotations__ = {each.name: each.annotation for each in parameters.values()}
    return command


def completion(names: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    """The names that begin with a text; of a list separated by commas, the last is completed."""

    def complete(incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        return [f"{before}{comma}{name}" for name in sorted(names()) if name.startswith(last)]

    return complete


def recipe_names() -> set[str]:
    return {path.stem for path in recipe_paths()}


def dataset_names() -> list[str]:
    from benchmark.data.catalog import card_names

    return card_names()


def model_names() -> list[str]:
    """Names of models, read from their source: to import them takes seconds."""
    files = [*ROOT.glob("baselines/*.py")]
    with suppress(UsageError):
        files += registry.plug_ins()
    source = "\n".join(file.read_text(encoding="utf-8") for file in files)
    return re.findall(r'^@models\.register\("(.+)"\)', source, re.MULTILINE)


COMPLETIONS: Mapping[str, Callable[[], Iterable[str]]] = {
    "recipe": recipe_ids,
    "recipes": recipe_names,
    "dataset": dataset_names,
    "datasets": dataset_names,
    "model": model_names,
}
"""The names an option may have as its value, by the option's name. None of them imports torch."""


def parse_seeds(text: str, option: str = "--seeds") -> list[int]:
    """`0`, `0-4` or `0,2,5` as sorted distinct numbers, at most 1,000 below 2^31.

    Raises UsageError."""
    seeds: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"(\d+)(?:-(\d+))?", part.strip(), re.ASCII)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, -1)
        if last < first:
            raise UsageError(f"{option} {text}: write 0, 0-4 or 0,2,5")
        if last >= 2**31 or last - first >= MOST_SEEDS:
            raise UsageError(f"{option} {text}: at most {MOST_SEEDS:,} seeds, each below 2^31")
        seeds.update(range(first, last + 1))
    return sorted(seeds)


def split_names(text: str | None) -> list[str] | None:
    """`a, b` as a list; None stays None."""
    return None if text is None else [word.strip() for word in text.split(",") if word.strip()]
