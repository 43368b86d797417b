"""The tests that decide published claims: each a small pure function of records, of a closed set of
kinds.

All intervals are 95 % ones. A rank is the mean effective rank per sample over its limit.
"""

from collections.abc import Callable, Sequence
from statistics import mean
from typing import Annotated, Literal, TypeVar

import numpy as np
from pydantic import Field, model_validator

from benchmark.measure.trajectory import Trajectory
from benchmark.records.archive import RANKED
from benchmark.records.ranks import WHEN, When, trajectories
from benchmark.records.record import Record
from benchmark.reports.leaderboard.tracks import FULL_SEEDS
from benchmark.reports.rank import loss
from benchmark.reports.words import seeds_in_words
from benchmark.studies.ablation import design, report
from benchmark.studies.ablation.design import FFN, MIXING
from benchmark.studies.claims.archive import Archive, Missing, Wanted
from benchmark.studies.claims.effects import Effect, contrast, difference, mean_over_seeds
from benchmark.utils.types import Frozen

LEAST_SEEDS = 3
LEAST_BLOCKS = 6
"""Of a slope over blocks."""

T = TypeVar("T")

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)?$")]
"""A recipe's name, or STUDY/VARIANT."""


class _Test(Frozen):
    datasets: Annotated[tuple[str, ...], Field(min_length=1)]


class AucDifference(_Test):
    """Of the mean test AUC of two recipes, by Welch; a statement about the leaderboard, so it takes
    its seeds."""

    test: Literal["auc_difference"]
    higher: Name
    lower: Name
    lower_tuned: bool = False
    """Whether the records of `lower` must name the tuning study that chose their values."""

    @property
    def what(self) -> str:
        return f"test AUC, {self.higher} − {self.lower}"

    def effect(self, archive: Archive, dataset: str) -> Effect:
        higher, lower = archive.alike(dataset, (self.higher, self.lower), FULL_SEEDS)
        if self.lower_tuned and any(run.tuned is None for run in lower):
            raise Missing(f"the records of {self.lower} name no tuning study")
        auc = [[run.metrics.test.auc for run in runs] for runs in (higher, lower)]
        return difference(auc[0], auc[1], "AUC")


class CollapseDifference(_Test):
    """Of the mean collapse ratio (last stage over tokens) of two recipes or variants, by Welch."""

    test: Literal["collapse_difference"]
    higher: Name
    lower: Name
    when: When = "best"

    @property
    def what(self) -> str:
        return f"collapse ratio, {self.higher} − {self.lower}, {WHEN[self.when]}"

    def effect(self, archive: Archive, dataset: str) -> Effect:
        sides = archive.alike(dataset, (self.higher, self.lower), LEAST_SEEDS)
        ratios = [
            _known(runs, self.when, lambda path: path.collapse, f"{name} has no collapse ratio")
            for name, runs in zip((self.higher, self.lower), sides, strict=True)
        ]
        return difference(ratios[0], ratios[1], "collapse ratio")


class RankChange(_Test):
    """What the mixing (`rise`) or the FFN (`fall`) of a block adds to the rank: mean over blocks,
    then over seeds."""

    test: Literal["rank_change"]
    records: Name
    part: Literal["rise", "fall"]
    when: When = "best"

    @property
    def what(self) -> str:
        part = {"rise": "mixing", "fall": "FFN"}[self.part]
        return f"rank added by the {part} of a block, {self.records}, {WHEN[self.when]}"

    def effect(self, archive: Archive, dataset: str) -> Effect:
        [runs] = archive.alike(dataset, (self.records,), LEAST_SEEDS)
        steps = _known(
            runs,
            self.when,
            lambda path: getattr(path, self.part) or None,
            f"{self.records} has no stages of mixing and FFN",
        )
        blocks = [mean_over_seeds(each, "") for each in zip(*steps, strict=True)]
        by_block = ", ".join(
            f"{each.value:+.3f} ({each.low:+.3f} to {each.high:+.3f})" for each in blocks
        )
        return mean_over_seeds(
            [mean(each) for each in steps], "rank / limit", f"block by block {by_block}"
        )


class Damping(_Test):
    """The slope of ln amplitude over the block, mean over seeds; of stacks deep enough to have
    one."""

    test: Literal["damping"]
    records: Name
    when: When = "best"

    @property
    def what(self) -> str:
        return f"slope of ln amplitude, {self.records}, {WHEN[self.when]}"

    def effect(self, archive: Archive, dataset: str) -> Effect:
        [runs] = archive.alike(dataset, (self.records,), LEAST_SEEDS)
        paths = _paths(runs, self.when)
        if (deep := min((len(path.amplitude) for path in paths), default=0)) < LEAST_BLOCKS:
            raise Missing(f"{self.records} has {deep} blocks, a slope takes {LEAST_BLOCKS}")
        slopes = [path.damping for path in paths if path.damping is not None]
        for run, path in zip(runs, paths, strict=True):
            if still := [
                str(block) for block, swing in enumerate(path.amplitude, start=1) if swing <= 0
            ]:
                blocks = f"block{'s' * (len(still) > 1)} {', '.join(still)}"
                raise Missing(
                    f"seed {run.seed} has no slope: its amplitude is not above 0 in {blocks}"
                )
        return mean_over_seeds(slopes, "ln amplitude a block")


class FactorialEffect(_Test):
    """The difference of two levels' main effects in the ablation, over the levels of the other
    factor.

    The variances of cells may differ (Welch & Satterthwaite), where those of `ablate`'s tables are
    pooled."""

    test: Literal["factorial_effect"]
    factor: Literal["mixing", "FFN"]
    level: str
    over: str
    measure: Literal["auc", "logloss", "rank"]

    @model_validator(mode="after")
    def _levels_of_the_factor(self) -> "FactorialEffect":
        levels = {"mixing": MIXING, "FFN": FFN}[self.factor]
        if wrong := [level for level in (self.level, self.over) if level not in levels]:
            raise ValueError(f"{self.factor} {wrong[0]}: write {', '.join(levels)}")
        return self

    @property
    def what(self) -> str:
        return f"{self._measure.title}, {self.factor} {self.level} − {self.over}"

    @property
    def _measure(self) -> report.Measure:
        return next(measure for measure in report.MEASURES if measure.key == self.measure)

    def effect(self, archive: Archive, dataset: str) -> Effect:
        cells = report.cells(archive.results, dataset)
        wanted = Wanted(dataset, design.STUDY, (), LEAST_SEEDS)
        if not cells:
            raise Missing(f"no record of the {design.STUDY}", wanted)
        found = report.analysis(cells, self._measure)
        if isinstance(found, str):
            raise Missing(found.partition(";")[0], wanted)
        factor = report.FACTORS.index(self.factor)
        if absent := [
            level for level in (self.level, self.over) if level not in found.levels[factor]
        ]:
            raise Missing(
                f"{self.factor} {' and '.join(absent)} lacks cells or seeds that the others have",
                wanted,
            )
        if len(found.seeds) < LEAST_SEEDS:
            raise Missing(
                f"its cells share seeds {seeds_in_words(found.seeds)}, it takes {LEAST_SEEDS}",
                wanted,
            )
        others = found.levels[1 - factor]
        grid = [
            [(name, other) if factor == 0 else (other, name) for other in others]
            for name in (self.level, self.over)
        ]
        sides = [[self._values(cells[names], found.seeds) for names in row] for row in grid]
        remark = f"over {report.FACTORS[1 - factor]} {', '.join(others)}"
        return contrast(np.array(sides), self._measure.title, remark)

    def _values(self, runs: Sequence[Record], seeds: Sequence[int]) -> list[float]:
        return [
            value
            for run in runs
            if run.seed in seeds and (value := self._measure.of(run)) is not None
        ]


class RankLoss(_Test):
    """Spearman's correlation of the trained last stage's rank with a quality, over recipes or a
    study's variants."""

    test: Literal["rank_loss"]
    quality: Literal["auc", "logloss"]
    study: str = RANKED

    @property
    def what(self) -> str:
        quality = {"auc": "test AUC", "logloss": "test LogLoss"}[self.quality]
        return f"correlation of the last stage's rank and {quality} over {self._unit}"

    @property
    def _unit(self) -> str:
        return "recipes" if self.study == RANKED else f"variants of the {self.study}"

    def effect(self, archive: Archive, dataset: str) -> Effect:
        every = archive.all(dataset, self.study)
        points, left_out = loss.points(
            {name: runs for name, runs in every.items() if len(runs) >= LEAST_SEEDS}
        )
        few = [name for name, runs in every.items() if len(runs) < LEAST_SEEDS]
        [found] = [
            relation
            for relation in loss.relations(points)
            if (relation.scope, relation.quality, relation.kind)
            == (loss.ACROSS, self.quality, "Spearman")
        ]
        if isinstance(found.found, str):
            there = f"{len(points)} {self._unit} have {LEAST_SEEDS} seeds and a rank that can vary"
            raise Missing(f"{there}: {found.found}", Wanted(dataset, self.study, (), LEAST_SEEDS))
        if found.found.interval is None:
            raise Missing("all are in line: Fisher's z gives no interval")
        left = [
            *(f"{name} has fewer than {LEAST_SEEDS} seeds" for name in few),
            *map(": ".join, left_out.items()),
        ]
        remark = f"left out: {'; '.join(left)}" if left else ""
        return Effect(
            found.found.estimate, *found.found.interval, len(points), "correlation", remark
        )


Test = Annotated[
    AucDifference | CollapseDifference | RankChange | Damping | FactorialEffect | RankLoss,
    Field(discriminator="test"),
]


def _paths(runs: Sequence[Record], when: When) -> list[Trajectory]:
    return trajectories(runs, "erank", "token", when)


def _known(
    runs: Sequence[Record], when: When, of: Callable[[Trajectory], T | None], absent: str
) -> list[T]:
    """Of each run; raises Missing where one has none."""
    values = [value for path in _paths(runs, when) if (value := of(path)) is not None]
    if len(values) < len(runs):
        raise Missing(absent)
    return values
