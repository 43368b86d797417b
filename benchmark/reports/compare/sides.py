"""The two sides of a comparison: which records a name means, and whether the two are comparable."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmark.errors import BenchmarkError, UsageError
from benchmark.recipes.files import recipe_ids
from benchmark.records import record
from benchmark.records.archive import Archive, records_in
from benchmark.records.comparable import require_alike
from benchmark.records.record import Record
from benchmark.registry import unknown
from benchmark.utils.paths import shown

CONDITIONS: dict[str, Callable[[Record], str]] = {
    "numerics version": lambda run: str(run.numerics),
    "training rows": lambda run: f"the first {run.train_rows:,}" if run.train_rows else "all",
    "seeds": lambda run: str(run.seed),
    "threads": lambda run: str(run.threads),
    "device": lambda run: run.device,
    "machine": lambda run: run.environment.machine,
    "provenance": lambda run: run.provenance.words() if run.provenance else "ad hoc",
}


@dataclass(frozen=True)
class Side:
    """Runs of one recipe or variant, by seed, and the paths of their records."""

    name: str
    runs: tuple[Record, ...]
    paths: tuple[Path, ...]


def pair(a: str, b: str, results: Path, recipe_folder: Path | None = None) -> tuple[Side, Side]:
    """Find the records of two names. Raises UsageError for sides that are unknown, the same or of
    different data sets, BenchmarkError without a record or for other data of one data set."""
    first, second = (_find(text, results, recipe_folder) for text in (a, b))
    if first.name == second.name:
        first = replace(first, name=f"{first.name} (A)")
        second = replace(second, name=f"{second.name} (B)")
    a_run, b_run = first.runs[0], second.runs[0]
    both = f"{first.name} and {second.name}"
    if {path.resolve() for path in first.paths} & {path.resolve() for path in second.paths}:
        raise UsageError(f"{both} share a record: compare two recipes or records")
    if a_run.dataset != b_run.dataset:
        ran = f"{first.name} was run on {a_run.dataset}, {second.name} on {b_run.dataset}"
        raise UsageError(f"{ran}: runs on different data sets cannot be compared")
    if a_run.data.arrays != b_run.data.arrays:
        arrays = f"arrays {a_run.data.arrays[:12]} and {b_run.data.arrays[:12]}"
        ran = f"{both} were run on different data of {a_run.dataset} ({arrays})"
        raise BenchmarkError(f"{ran}: run the older one again")
    return first, second


def labels(a: Side, b: Side) -> Iterator[str]:
    """Conditions in which the two differ, caveats and notes."""
    for condition, of in CONDITIONS.items():
        one, other = (sorted({of(run) for run in side.runs}) for side in (a, b))
        if one != other:
            stated = f"{', '.join(one)} ({a.name}), {', '.join(other)} ({b.name})"
            yield f"not alike in {condition}: {stated}"
    yield from sorted({side.runs[0].caveat for side in (a, b)} - {""})
    yield from (f"{side.name}: {note}" for side in (a, b) for note in side.runs[0].notes)


def _find(text: str, results: Path, recipe_folder: Path | None) -> Side:
    """The side of a recipe's id DATASET/NAME, of one record's path, or of a folder of records."""
    archive = Archive(results)
    dataset, _, name = text.partition("/")
    path = Path(text)
    if name and (ranked := archive.paths(dataset, name)):
        return _read(name, ranked)
    if path.is_file():
        return _read(f"{path.resolve().parent.name} {path.stem.replace('-', ' ')}", [path])
    if path.is_dir() and (below := records_in(path)):
        return _read(path.resolve().name, below)
    if path.suffix == ".json" or path.is_dir():
        raise UsageError(f"{text}: there is no record; give a recipe's id, a record or its folder")
    recipes = recipe_ids(recipe_folder)
    if text in recipes:
        raise BenchmarkError(
            f"there is no record of {text} in {shown(results)}; this makes some: "
            f"python -m benchmark run --recipe {text} --seeds 0-4"
        )
    recorded = {f"{path.parents[1].name}/{path.parent.name}" for path in archive.paths()}
    raise unknown("recipe, record or folder of records", text, {*recipes, *recorded})


def _read(name: str, paths: Sequence[Path]) -> Side:
    records = sorted(((record.load(path), path) for path in paths), key=lambda each: each[0].seed)
    runs, ordered = zip(*records, strict=True)
    require_alike({name: runs}, ())
    return Side(name, runs, ordered)
