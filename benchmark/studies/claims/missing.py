"""Runs that a claim needs and the results folder lacks, and the commands that make them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from benchmark.errors import BenchmarkError
from benchmark.recipes.recipe import recipe_ids
from benchmark.records.archive import RANKED
from benchmark.studies.study import command_line, studies


@dataclass(frozen=True)
class Wanted:
    """Runs of recipes, or of a study's variants; of all of the data set where none is named."""

    dataset: str
    study: str
    names: tuple[str, ...]
    seeds: int


class Missing(BenchmarkError):
    """The records do not decide a claim; `wanted` are the runs that would."""

    def __init__(self, reason: str, *wanted: Wanted) -> None:
        super().__init__(reason)
        self.wanted = wanted


def commands(wanted: Iterable[Wanted]) -> Iterator[str]:
    """What makes the runs, by data set and study; nothing for what has no recipe."""
    groups: dict[tuple[str, str], list[Wanted]] = {}
    for each in wanted:
        groups.setdefault((each.dataset, each.study), []).append(each)
    for (dataset, study), group in sorted(groups.items()):
        names = sorted({name for each in group for name in each.names})
        every = any(not each.names for each in group)
        seeds = f"0-{max(each.seeds for each in group) - 1}"
        make = _ranked_runs if study == RANKED else studies.get(study).commands
        yield from make(dataset, [] if every else names, seeds)


def _ranked_runs(dataset: str, names: Sequence[str], seeds: str) -> list[str]:
    known = [name for name in names if f"{dataset}/{name}" in recipe_ids()]
    if names and not known:
        return []
    return [command_line("suite", datasets=dataset, recipes=",".join(known), seeds=seeds)]
