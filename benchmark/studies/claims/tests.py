"""The tests that decide published claims, each a small pure function of records, which raises
BenchmarkError where these do not decide it.

Ranks are rank ratios of trained networks: in batch form where they are judged, in token form beside
it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from benchmark.errors import BenchmarkError
from benchmark.measure import effects
from benchmark.measure.effects import Effect
from benchmark.measure.spectrum import SpectrumForm
from benchmark.records.archive import RANKED, Archive, Runs
from benchmark.records.comparable import require_comparable
from benchmark.records.measured import FORMS
from benchmark.records.ranks import trajectories
from benchmark.records.record import Record
from benchmark.reports.leaderboard.tracks import FULL_SEEDS
from benchmark.reports.quantities import QUANTITIES, over_runs
from benchmark.reports.words import effect_in_words, with_sd
from benchmark.studies.ablation import LEVELS, Ablation
from benchmark.studies.ablation import report as ablation
from benchmark.utils.types import Frozen

PARTS = {
    "rise": "rank ratio added by the mixing of each block",
    "fall": "rank ratio added by the FFN of each block",
    "damping": "damping of the amplitude of the rank ratio",
}
LEAST_BLOCKS = {"rise": 1, "fall": 1, "damping": 3}

DataSets = Annotated[tuple[str, ...], Field(min_length=1)]
QuantityName = Literal["auc", "logloss", "rank", "retention"]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)?$")]
"""A recipe's name, or STUDY/VARIANT."""
All = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]*/$")]
"""STUDY/ for all variants of a study, / for all recipes."""


@dataclass(frozen=True)
class Outcome:
    """Effects by name, which are judged together, and what stands beside them."""

    effects: Mapping[str, Effect]
    beside: str = ""


class Difference(Frozen):
    """A quantity of one recipe or variant less that of another, plus a margin: above 0 where the
    first one is not worse by more (non-inferiority)."""

    test: Literal["difference"]
    datasets: DataSets
    quantity: QuantityName
    records: tuple[Name, Name]
    margin: Annotated[float, Field(ge=0)] = 0.0

    @property
    def what(self) -> str:
        margin = f" + {self.margin:g}" if self.margin else ""
        return f"{QUANTITIES[self.quantity].title}, {' − '.join(self.records)}{margin}"

    def outcome(self, archive: Archive, dataset: str) -> Outcome:
        runs = _runs(archive, dataset, self.records)
        beside = _sizes_and_tuning(runs)
        values = over_runs(runs, QUANTITIES[self.quantity])
        if len(values) < 2:
            raise BenchmarkError(f"no {QUANTITIES[self.quantity].title} that varies over the seeds")
        both = [values[name] for name in self.records]
        effect = effects.contrast(both, [1, -1])
        return Outcome({"": replace(effect, value=effect.value + self.margin)}, beside)


class RankPath(Frozen):
    """What the mixing (`rise`) or the FFN (`fall`) of each block adds to the rank, or the amplitude
    of the first block and that less the mean of the later ones (`damping`)."""

    test: Literal["rank_path"]
    datasets: DataSets
    records: tuple[Name]
    part: Literal["rise", "fall", "damping"]

    @property
    def what(self) -> str:
        return f"{PARTS[self.part]}, {self.records[0]}"

    def outcome(self, archive: Archive, dataset: str) -> Outcome:
        [runs] = _runs(archive, dataset, self.records).values()
        batch, token = (self._effects(runs, form) for form in reversed(FORMS))
        listed = (f"{name} {effect_in_words(each, of=len(token))}" for name, each in token.items())
        beside = f"token form {', '.join(listed)}"
        if self.part != "damping":
            return Outcome(batch, beside)
        decay = with_sd([path.decay for path in trajectories(runs, "batch", "best")], 2)
        return Outcome(batch, f"decay constant {decay} a block; {beside}")

    def _effects(self, runs: Runs, form: SpectrumForm) -> dict[str, Effect]:
        paths = trajectories(runs, form, "best")
        depth = min((len(path.amplitude) for path in paths), default=0)
        if len(paths) < len(runs) or depth < (least := LEAST_BLOCKS[self.part]):
            found = f"{self.records[0]} has {depth} of mixing and FFN with a rank ratio"
            raise BenchmarkError(f"blocks: {found}, it takes {least}")
        if self.part == "damping":
            return dict(zip(("a_1", "a_1 less later"), effects.damping_effects(paths), strict=True))
        blocks = effects.block_effects(paths, self.part)
        return {f"block {number}": effect for number, effect in enumerate(blocks, start=1)}


class Factorial(Frozen):
    """The difference of two levels in the ablation, averaged over those of the other factor that
    both have."""

    test: Literal["factorial"]
    datasets: DataSets
    records: ClassVar[tuple[str]] = (f"{Ablation.name}/",)
    factor: Literal["mixing", "FFN"]
    level: str
    over: str
    quantity: QuantityName

    @model_validator(mode="after")
    def _levels_of_the_factor(self) -> "Factorial":
        levels = LEVELS[self.factor]
        if wrong := [level for level in (self.level, self.over) if level not in levels]:
            raise ValueError(f"{self.factor} {wrong[0]}: write {', '.join(levels)}")
        return self

    @property
    def what(self) -> str:
        return f"{QUANTITIES[self.quantity].title}, {self.factor} {self.level} − {self.over}"

    def outcome(self, archive: Archive, dataset: str) -> Outcome:
        cells = ablation.load_cells(archive, dataset)
        seeds = least_seeds(Ablation.name)
        values = over_runs(cells, QUANTITIES[self.quantity], seeds)
        effect = ablation.difference(values, self.factor, self.level, self.over)
        if effect is None:
            both = f"{seeds} records of {self.level} and of {self.over}"
            raise BenchmarkError(f"no two levels of the other factor have {both}, which vary")
        return Outcome({"": effect})


class Correlation(Frozen):
    """Spearman's correlation of the last stage's rank with a quality over recipes, or over the
    variants of a study, where both vary."""

    test: Literal["correlation"]
    datasets: DataSets
    records: tuple[All] = ("/",)
    quality: Literal["auc", "logloss"]

    @property
    def what(self) -> str:
        study, _ = place(self.records[0])
        units = f"variants of the {study}" if study else "recipes"
        return f"correlation of rank ratio and {QUANTITIES[self.quality].title} over {units}"

    def outcome(self, archive: Archive, dataset: str) -> Outcome:
        study, _ = place(self.records[0])
        runs, least = archive.by_name(dataset, study), least_seeds(study)
        require_comparable(runs)
        ranks = over_runs(runs, QUANTITIES["rank"], least)
        qualities = over_runs(runs, QUANTITIES[self.quality], least)
        names = sorted(ranks.keys() & qualities.keys())
        both = ([each[name] for name in names] for each in (ranks, qualities))
        try:
            effect = effects.spearman(*both)
        except ValueError as why:
            usable = f"{len(names)} of {len(runs)} have {least} seeds and a rank ratio"
            raise BenchmarkError(f"{usable}: {why}") from None
        left_out = ", ".join(sorted(runs.keys() - set(names)))
        return Outcome({"": effect}, left_out and f"left out: {left_out}")


AnyTest = Annotated[Difference | RankPath | Factorial | Correlation, Field(discriminator="test")]


def least_seeds(study: str) -> int:
    """Seeds that a test takes of a recipe, or of a study's variant."""
    return FULL_SEEDS if study == RANKED else 3


def tuning(run: Record) -> str:
    """How far a recipe's values were chosen for the data: `tuned` or `default`, `unknown` where the
    record does not say. A configuration with one try was not chosen."""
    source = run.provenance
    if source is None:
        return "unknown"
    return "default" if source.kind == "defaults" or source.tries == 1 else "tuned"


def place(name: str) -> tuple[str, str]:
    """The study, RANKED for a recipe, and the variant or recipe, empty for all."""
    study, _, variant = name.rpartition("/")
    return study, variant


def _runs(archive: Archive, dataset: str, names: Sequence[str]) -> dict[str, Runs]:
    """The comparable records of each name. Raises BenchmarkError where these are too few."""
    runs: dict[str, Runs] = {}
    few = []
    for name in names:
        study, variant = place(name)
        runs[name] = archive.runs(dataset, variant, study)
        if len(runs[name]) < (least := least_seeds(study)):
            few.append(f"{len(runs[name]) or 'no'} records of {name} (it takes {least})")
    if few:
        raise BenchmarkError(", ".join(few))
    require_comparable(runs)
    return runs


def _sizes_and_tuning(sides: Mapping[str, Runs]) -> str:
    """Parameters outside the embedding, FLOPs, and where the values of both sides come from.
    Raises BenchmarkError where a tuned one meets one that is not."""
    hows = {name: tuning(runs[0]) for name, runs in sides.items()}
    if len(set(hows.values())) > 1:
        listed = " and ".join(f"{name} is {how}" for name, how in hows.items())
        raise BenchmarkError(f"tuned recipes are compared with tuned ones alone: {listed}")
    first = [runs[0] for runs in sides.values()]
    sizes = " and ".join(f"{run.parameters.dense + run.parameters.head:,}" for run in first)
    flops = " and ".join(f"{run.flops_per_sample:,}" for run in first)
    sources = (run.provenance for run in first)
    words = " against ".join(each.words() if each else "not stated" for each in sources)
    outside = f"{sizes} parameters outside the embedding, {flops} matmul FLOPs a row"
    return f"{outside}; source of the values: {words}"
