"""The two sides of a comparison: what a name stands for, and whether the two can be compared."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmark.errors import BenchmarkError, UsageError
from benchmark.recipes.recipe import recipe_ids
from benchmark.records import record
from benchmark.records.archive import Archive, records_in
from benchmark.records.comparable import require_alike
from benchmark.records.record import Record
from benchmark.registry import unknown
from benchmark.utils.paths import RECIPES, shown

CONDITIONS: dict[str, Callable[[Record], str]] = {
    "numerics version": lambda run: str(run.numerics),
    "training rows": lambda run: (
        "all" if run.train_rows is None else f"the first {run.train_rows:,}"
    ),
    "seeds": lambda run: str(run.seed),
    "threads": lambda run: str(run.threads),
    "device": lambda run: run.device,
    "machine": lambda run: run.environment.machine,
    "tuning": lambda run: run.tuned or "none",
}


@dataclass(frozen=True)
class Side:
    """Runs of one recipe or variant, by seed, and where their records lie."""

    name: str
    runs: tuple[Record, ...]
    paths: tuple[Path, ...]


def pair(a: str, b: str, results: Path, recipe_folder: Path = RECIPES) -> tuple[Side, Side]:
    """Raises UsageError for sides that are unknown, the same or of different data sets;
    BenchmarkError where there is no record or the data are not the same."""
    first, second = (_find(text, results, recipe_folder) for text in (a, b))
    if first.name == second.name:
        first, second = (
            replace(first, name=f"{first.name} (A)"),
            replace(second, name=f"{second.name} (B)"),
        )
    _require_comparable(first, second)
    return first, second


def labels(a: Side, b: Side) -> Iterator[str]:
    """What the two differ in besides the recipe, and what they say of themselves."""
    for what, of in CONDITIONS.items():
        first, second = (sorted({of(run) for run in side.runs}) for side in (a, b))
        if first != second:
            yield (
                f"not alike in {what}: {', '.join(first)} ({a.name}), {', '.join(second)}"
                f" ({b.name})"
            )
    yield from sorted({side.runs[0].caveat for side in (a, b)} - {""})
    yield from (f"{side.name}: {note}" for side in (a, b) for note in side.runs[0].notes)


def slug(side: Side) -> str:
    """The name as part of a file's."""
    return "".join(letter if letter.isalnum() or letter in "_-" else "_" for letter in side.name)


def _find(text: str, results: Path, recipe_folder: Path) -> Side:
    """Of a recipe's id DATASET/NAME, of one record's path, or of a folder of records."""
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
        raise UsageError(
            f"{text}: there is no record; give a recipe DATASET/NAME, a record or a folder of"
            " records"
        )
    known = recipe_ids(recipe_folder)
    if text in known:
        raise BenchmarkError(
            f"there is no record of {text} in {shown(results)}; this makes some: "
            f"python -m benchmark run --recipe {text} --seeds 0-4"
        )
    there = {f"{path.parents[1].name}/{path.parent.name}" for path in archive.paths()}
    raise unknown("recipe, record or folder of records", text, {*known, *there})


def _read(name: str, paths: Sequence[Path]) -> Side:
    found = sorted(((record.load(path), path) for path in paths), key=lambda read: read[0].seed)
    require_alike({name: [run for run, _ in found]}, ())
    return Side(name, tuple(run for run, _ in found), tuple(path for _, path in found))


def _require_comparable(a: Side, b: Side) -> None:
    first, second = a.runs[0], b.runs[0]
    if {path.resolve() for path in a.paths} & {path.resolve() for path in b.paths}:
        raise UsageError(
            f"{a.name} and {b.name} share a record: compare two recipes, or two records"
        )
    if first.dataset != second.dataset:
        raise UsageError(
            f"{a.name} was run on {first.dataset}, {b.name} on {second.dataset}: runs on different"
            " data sets cannot be compared"
        )
    if first.data.arrays != second.data.arrays:
        raise BenchmarkError(
            f"{a.name} and {b.name} were run on different data of {first.dataset} (arrays"
            f" {first.data.arrays[:12]} and {second.data.arrays[:12]}): run the older one again"
        )
