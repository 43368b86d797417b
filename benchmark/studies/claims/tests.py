"""The tests that decide published claims, each a small pure function of records.

All intervals are 95 % ones. A rank is the mean effective rank per sample over its limit."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import mean
from typing import Annotated, Literal, TypeVar

from pydantic import Field, model_validator

from benchmark.errors import BenchmarkError
from benchmark.measure.significance import Effect, difference, mean_over_seeds
from benchmark.records.archive import RANKED, Archive
from benchmark.records.comparable import require_comparable
from benchmark.records.ranks import WHEN, When, trajectories
from benchmark.records.record import Record
from benchmark.reports.leaderboard.tracks import FULL_SEEDS
from benchmark.reports.words import seeds_in_words
from benchmark.studies.ablation import LEVELS
from benchmark.studies.ablation import report as ablation
from benchmark.studies.claims.correlation import LEAST_UNITS, spearman
from benchmark.utils.types import Frozen

LEAST_SEEDS = 3
LEAST_BLOCKS = 6
"""Blocks that a slope over blocks takes."""

T = TypeVar("T")
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)?$")]
"""A recipe's name, or STUDY/VARIANT."""


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


class ClaimTest(Frozen):
    """What all tests have: `what` names the tested effect, `effect` computes it on a data set.

    `effect` raises Missing where the records do not give it, BenchmarkError where they cannot be
    read or compared."""

    datasets: Annotated[tuple[str, ...], Field(min_length=1)]


class AucDifference(ClaimTest):
    """Difference of the mean test AUC of two recipes, over a leaderboard's number of seeds."""

    test: Literal["auc_difference"]
    higher: Name
    lower: Name
    lower_tuned: bool = False
    """Whether the records of `lower` must name the tuning study that chose their values."""

    @property
    def what(self) -> str:
        return f"test AUC, {self.higher} − {self.lower}"

    def effect(self, archive: Archive, dataset: str) -> Effect:
        both = _runs(archive, dataset, (self.higher, self.lower), FULL_SEEDS)
        if self.lower_tuned and any(run.tuned is None for run in both[1]):
            raise Missing(f"the records of {self.lower} name no tuning study")
        higher, lower = ([run.metrics.test.auc for run in runs] for runs in both)
        return difference(higher, lower, "AUC")


class CollapseDifference(ClaimTest):
    """Difference of the mean collapse ratio (last stage over tokens) of two sets of runs."""

    test: Literal["collapse_difference"]
    higher: Name
    lower: Name
    when: When = "best"

    @property
    def what(self) -> str:
        return f"collapse ratio, {self.higher} − {self.lower}, {WHEN[self.when]}"

    def effect(self, archive: Archive, dataset: str) -> Effect:
        names, ratios = (self.higher, self.lower), []
        for name, runs in zip(names, _runs(archive, dataset, names, LEAST_SEEDS), strict=True):
            collapse = [path.collapse for path in trajectories(runs, "erank", "token", self.when)]
            ratios.append(_of_every_run(runs, collapse, f"{name} has no collapse ratio"))
        return difference(ratios[0], ratios[1], "collapse ratio")


class RankChange(ClaimTest):
    """What the mixing (`rise`) or the FFN (`fall`) of a block adds to the rank, over all blocks."""

    test: Literal["rank_change"]
    records: Name
    part: Literal["rise", "fall"]
    when: When = "best"

    @property
    def what(self) -> str:
        part = {"rise": "mixing", "fall": "FFN"}[self.part]
        return f"rank added by the {part} of a block, {self.records}, {WHEN[self.when]}"

    def effect(self, archive: Archive, dataset: str) -> Effect:
        [runs] = _runs(archive, dataset, (self.records,), LEAST_SEEDS)
        paths = trajectories(runs, "erank", "token", self.when)
        parts: list[Sequence[float] | None] = [getattr(path, self.part) or None for path in paths]
        steps = _of_every_run(runs, parts, f"{self.records} has no stages of mixing and FFN")
        blocks = [mean_over_seeds(each, "") for each in zip(*steps, strict=True)]
        listed = [f"{each.value:+.3f} ({each.low:+.3f} to {each.high:+.3f})" for each in blocks]
        means, remark = [mean(each) for each in steps], f"block by block {', '.join(listed)}"
        return mean_over_seeds(means, "rank / limit", remark)


class Damping(ClaimTest):
    """The mean slope of ln amplitude over the block, of stacks of six blocks or more."""

    test: Literal["damping"]
    records: Name
    when: When = "best"

    @property
    def what(self) -> str:
        return f"slope of ln amplitude, {self.records}, {WHEN[self.when]}"

    def effect(self, archive: Archive, dataset: str) -> Effect:
        [runs] = _runs(archive, dataset, (self.records,), LEAST_SEEDS)
        paths = trajectories(runs, "erank", "token", self.when)
        if (depth := min((len(path.amplitude) for path in paths), default=0)) < LEAST_BLOCKS:
            raise Missing(f"{self.records} has {depth} blocks, a slope takes {LEAST_BLOCKS}")
        for run, path in zip(runs, paths, strict=True):
            numbered = enumerate(path.amplitude, start=1)
            if still := [str(block) for block, amplitude in numbered if amplitude <= 0]:
                blocks = f"block{'s' * (len(still) > 1)} {', '.join(still)}"
                no_slope = f"seed {run.seed} has no slope"
                raise Missing(f"{no_slope}: its amplitude is not above 0 in {blocks}")
        slopes = [path.damping for path in paths if path.damping is not None]
        return mean_over_seeds(slopes, "ln amplitude a block")


class FactorialEffect(ClaimTest):
    """The difference of two levels in the ablation, averaged over those of the other factor."""

    test: Literal["factorial_effect"]
    factor: Literal["mixing", "FFN"]
    level: str
    over: str
    measure: Literal["auc", "logloss", "rank"]

    @model_validator(mode="after")
    def _levels_of_the_factor(self) -> "FactorialEffect":
        levels = LEVELS[self.factor]
        if wrong := [level for level in (self.level, self.over) if level not in levels]:
            raise ValueError(f"{self.factor} {wrong[0]}: write {', '.join(levels)}")
        return self

    @property
    def what(self) -> str:
        title = ablation.MEASURES[self.measure].title
        return f"{title}, {self.factor} {self.level} − {self.over}"

    def effect(self, archive: Archive, dataset: str) -> Effect:
        measure, levels = ablation.MEASURES[self.measure], (self.level, self.over)
        wanted = Wanted(dataset, "ablation", (), LEAST_SEEDS)
        cells = ablation.load_cells(archive.results, dataset)
        if not cells:
            raise Missing("no record of the ablation", wanted)
        values = ablation.cell_values(cells, measure, LEAST_SEEDS)
        effect = ablation.difference(values, self.factor, *levels, measure.title)
        if effect is None:
            few = f"{self.factor} {' and '.join(levels)} share no two levels of the other factor"
            raise Missing(f"{few} with {LEAST_SEEDS} seeds each that vary", wanted)
        return effect


class RankLoss(ClaimTest):
    """Spearman's correlation of the trained last stage's rank with a quality, where both vary.

    The units are the recipes, or the variants of a study."""

    test: Literal["rank_loss"]
    quality: Literal["auc", "logloss"]
    study: str = RANKED

    @property
    def what(self) -> str:
        quality = ablation.MEASURES[self.quality].title
        return f"correlation of the last stage's rank and {quality} over {self._units}"

    @property
    def _units(self) -> str:
        return "recipes" if self.study == RANKED else f"variants of the {self.study}"

    def effect(self, archive: Archive, dataset: str) -> Effect:
        runs = archive.by_name(dataset, self.study)
        require_comparable(runs)
        ranks, qualities, left = [], [], []
        for name, each in runs.items():
            rank = [ablation.MEASURES["rank"].of(run) for run in each]
            known = [value for value in rank if value is not None]
            if len(each) < LEAST_SEEDS:
                left.append(f"{name} has fewer than {LEAST_SEEDS} seeds")
            elif len(known) < len(each) or set(known) == {1.0}:
                left.append(f"{name} has no rank that can vary")
            else:
                ranks.append(known)
                qualities.append([getattr(run.metrics.test, self.quality) for run in each])
        try:
            effect = spearman(ranks, qualities)
        except ValueError as reason:
            units = f"{len(ranks)} {self._units} have {LEAST_SEEDS} seeds and a rank that can vary"
            wanted = Wanted(dataset, self.study, (), LEAST_SEEDS)
            few = len(ranks) < LEAST_UNITS
            raise Missing(f"{units}: {reason}", *([wanted] if few else [])) from None
        return replace(effect, remark=f"left out: {'; '.join(left)}" if left else "")


AnyTest = Annotated[
    AucDifference | CollapseDifference | RankChange | Damping | FactorialEffect | RankLoss,
    Field(discriminator="test"),
]


def _runs(archive: Archive, dataset: str, names: Sequence[str], seeds: int) -> list[list[Record]]:
    """The comparable records of each name, over the seeds that all have.

    Raises Missing where these are fewer than `seeds`."""
    places = {name: name.rpartition("/") for name in names}
    runs = {
        name: archive.runs(dataset, variant, study) for name, (study, _, variant) in places.items()
    }
    require_comparable(runs)
    shared = sorted(set.intersection(*({run.seed for run in each} for each in runs.values())))
    if len(shared) < seeds:
        wanted = [Wanted(dataset, study, (name,), seeds) for study, _, name in places.values()]
        listed = f"seed{'s' * (len(shared) > 1)} {seeds_in_words(shared)}" if shared else "no seed"
        few = f"{listed} of {' and '.join(runs)}, it takes {seeds}"
        absent = [name for name, each in runs.items() if not each]
        raise Missing(f"no record of {' and '.join(absent)}" if absent else few, *wanted)
    return [[run for run in each if run.seed in shared] for each in runs.values()]


def _of_every_run(runs: Sequence[Record], values: Sequence[T | None], absent: str) -> list[T]:
    """The values; raises Missing where a run has none."""
    present = [value for value in values if value is not None]
    if len(present) < len(runs):
        raise Missing(absent)
    return present
