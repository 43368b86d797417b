"""The records of a results folder, by recipe or by variant of a study, and the commands that make
those missing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmark.errors import BenchmarkError
from benchmark.recipes.recipe import recipe_ids
from benchmark.records.archive import Archive as Results
from benchmark.records.comparable import require_comparable
from benchmark.records.record import Record
from benchmark.reports.words import seeds_in_words
from benchmark.studies import damping
from benchmark.studies.ablation import design


@dataclass(frozen=True)
class Wanted:
    """Runs of recipes or variants that are not there; of all of the data set where none is
    named."""

    dataset: str
    study: str
    names: tuple[str, ...]
    seeds: int


class Missing(BenchmarkError):
    """What is asked cannot be told from the records, and the runs that would tell it."""

    def __init__(self, reason: str, *wanted: Wanted) -> None:
        super().__init__(reason)
        self.wanted = wanted


@dataclass(frozen=True)
class Archive:
    """A name is that of a recipe, whose records are ranked, or STUDY/VARIANT."""

    results: Path

    def runs(self, dataset: str, name: str) -> list[Record]:
        """By seed, none where there is no record. Raises BenchmarkError for one that cannot be
        read."""
        study, _, variant = name.rpartition("/")
        return Results(self.results).runs(dataset, variant, study)

    def all(self, dataset: str, study: str) -> dict[str, list[Record]]:
        """Of every recipe, or of every variant of a study, comparable ones. Raises
        BenchmarkError."""
        found = Results(self.results).by_name(dataset, study)
        require_comparable(found)
        return found

    def alike(self, dataset: str, names: Sequence[str], seeds: int) -> list[list[Record]]:
        """The comparable records of each name over the seeds that all have. Raises Missing where
        these are fewer than `seeds`."""
        found = {name: self.runs(dataset, name) for name in names}
        require_comparable(found)
        shared = set.intersection(*({run.seed for run in runs} for runs in found.values()))
        if len(shared) < seeds:
            places = [name.rpartition("/") for name in names]
            wanted = [Wanted(dataset, study, (variant,), seeds) for study, _, variant in places]
            raise Missing(_too_few(found, sorted(shared), seeds), *wanted)
        return [[run for run in runs if run.seed in shared] for runs in found.values()]


def _too_few(found: dict[str, list[Record]], shared: Sequence[int], seeds: int) -> str:
    if none := [name for name, runs in found.items() if not runs]:
        return f"no record of {' and '.join(none)}"
    listed = (
        f"seeds {seeds_in_words(shared)}"
        if len(shared) > 1
        else f"seed {shared[0]}"
        if shared
        else "no seed"
    )
    return f"{listed} of {' and '.join(found)}, it takes {seeds}"


def commands(wanted: Iterable[Wanted]) -> list[str]:
    """What makes the runs: one command for those of a data set and study, and of a depth where the
    study varies it.

    There is none for what has no recipe to run, or to vary."""
    known = set(recipe_ids())
    groups: dict[tuple[str, str, str], list[Wanted]] = {}
    for each in wanted:
        depth = (
            each.names[0].rpartition("-")[2] if each.study == damping.STUDY and each.names else ""
        )
        able = tuple(
            name for name in each.names if f"{each.dataset}/{_recipe(each.study, name)}" in known
        )
        base = each.study != design.STUDY or f"{each.dataset}/{design.BASE}" in known
        if base and (able or not each.names):
            groups.setdefault((each.dataset, each.study, depth), []).append(
                replace(each, names=able)
            )
    return [_command(*key, group) for key, group in sorted(groups.items())]


def _recipe(study: str, name: str) -> str:
    """The recipe that a variant is made of."""
    if study == design.STUDY:
        return design.BASE
    return name.rpartition("-")[0] if study == damping.STUDY else name


def _command(dataset: str, study: str, depth: str, group: Sequence[Wanted]) -> str:
    every = not all(each.names for each in group)
    names = [] if every else sorted({name for each in group for name in each.names})
    seeds = f"--seeds 0-{max(each.seeds for each in group) - 1}"
    if study == damping.STUDY:
        recipes = _listed("--recipes", [_recipe(study, name) for name in names])
        return f"python -m benchmark damping --dataset {dataset} --blocks {depth} {recipes}{seeds}"
    if study == design.STUDY:
        cells = _listed("--cells", [name.replace("-", "/") for name in names])
        return f"python -m benchmark ablate --dataset {dataset} {cells}{seeds}"
    return f"python -m benchmark suite --datasets {dataset} {_listed('--recipes', names)}{seeds}"


def _listed(option: str, words: Sequence[str]) -> str:
    return f"{option} {','.join(words)} " if words else ""
