"""Options that several commands share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from benchmark.errors import UsageError

if TYPE_CHECKING:
    pass
if TYPE_CHECKING:
    pass
if TYPE_CHECKING:
    pass


MOST_SEEDS = 1000


MOST_THREADS = 1024


def parse_seeds(text: str) -> list[int]:
    """`0`, `0-4` or `0,2,5` as sorted distinct numbers, at most 1,000 below 2^31. Raises
    UsageError."""
    seeds: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if (
            not first.isdecimal()
            or (dash and not last.isdecimal())
            or (dash and int(last) < int(first))
        ):
            raise UsageError(f"--seeds {text}: write 0, 0-4 or 0,2,5")
        if int(last or first) >= 2**31 or int(last or first) - int(first) >= MOST_SEEDS:
            raise UsageError(f"--seeds {text}: at most {MOST_SEEDS:,} seeds, each below 2^31")
        seeds.update(range(int(first), int(last or first) + 1))
    return sorted(seeds)


Seeds = Annotated[str, typer.Option(help="Seeds: 0, 0-4 or 0,2,5.")]


Jobs = Annotated[
    int, typer.Option(min=1, help="Runs at once on this machine; its cores are divided among them.")
]


Device = Annotated[Literal["cpu", "cuda"], typer.Option(help="Where to train.")]


Threads = Annotated[
    int | None,
    typer.Option(min=1, max=MOST_THREADS, help="Threads of each run; cores / jobs by default."),
]


Backend = Annotated[
    Literal["loky", "dask"], typer.Option(help="Processes of this machine, or a Dask cluster.")
]


Address = Annotated[str | None, typer.Option(help="HOST:PORT of the Dask scheduler.")]


DataRoot = Annotated[Path | None, typer.Option(help="Folder of the data files you have.")]


Results = Annotated[Path, typer.Option(help="Folder the records go to.")]


DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Only say what would be run, and about how long.")
]


NoTrack = Annotated[bool, typer.Option("--no-track", help="Do not log to MLflow.")]


Quiet = Annotated[bool, typer.Option("--quiet", help="No progress.")]


Set = Annotated[
    list[str] | None, typer.Option("--set", help="Change one setting of the base in every cell.")
]


Dataset = Annotated[str, typer.Option(help="A data set's id, or the path of your own TOML card.")]


ResultsFolder = Annotated[Path, typer.Option(help="Folder of the records.")]


RecordsFolder = Annotated[
    Path, typer.Option(exists=True, file_okay=False, help="Folder of the records.")
]
