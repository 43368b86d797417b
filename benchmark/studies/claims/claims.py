"""Published claims as testable sentences (`claims.toml`), and the verdicts of the records on
them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from benchmark import __version__
from benchmark.errors import BenchmarkError
from benchmark.measure.effects import LEAST_UNITS, Effect, Judgement, judge
from benchmark.recipes.files import recipe_ids
from benchmark.records.archive import RANKED, Archive
from benchmark.reports.document import Document, Report, Table
from benchmark.reports.words import derived, effect_in_words, effect_numbers
from benchmark.studies.claims.tests import AnyTest, Outcome, least_seeds, place
from benchmark.studies.study import command_line, studies
from benchmark.utils import toml
from benchmark.utils.paths import shipped_beside, shown
from benchmark.utils.types import Frozen, NonEmpty

FILE = "claims.toml"
COMMAND = "python -m benchmark claims"

RULE = (
    "A test gives one effect or several, e.g. one a block, with intervals that hold together in"
    " 95 %. Holds here: each differs from 0 on the claimed side (Holm at 5 % over the effects of"
    " the test). Does not hold here: one differs from 0 on the other side. Smaller than claimed: an"
    " interval holds 0 and not the claimed effect. Undecided: an interval holds both; the power is"
    " the chance to find the claimed effect, the least of several. Not testable here: what is"
    " missing is said. The claimed effect is the source's, on other data than its own the smallest"
    " it states. Tests are not adjusted for their number: of many effects of zero, one in twenty"
    " differs by chance. Ranks are rank ratios of trained networks, LogLoss is read at its own best"
    " epoch. n counts runs, or recipes in a correlation. Errors: Welch's of differences, also of"
    " main effects, Student's of means over seeds, Fisher's z of correlations."
)

Verdict = Literal[Judgement, "not testable here"]


class Claim(Frozen):
    """A published sentence, and the tests that decide it."""

    sentence: NonEmpty
    source: NonEmpty
    claimed: Annotated[dict[str, float], Field(min_length=1)]
    """The effect on each data set of the source, or where it states none, the smallest that would
    bear the sentence out; all on one side of 0."""
    tests: Annotated[tuple[AnyTest, ...], Field(min_length=1)]

    @field_validator("claimed")
    @classmethod
    def _on_one_side(cls, claimed: dict[str, float]) -> dict[str, float]:
        if min(claimed.values()) <= 0 <= max(claimed.values()):
            raise ValueError("the claimed effects lie on one side of 0")
        return claimed

    def effect_on(self, dataset: str) -> float:
        """The claimed effect, on other data than the source's the smallest."""
        return self.claimed.get(dataset, min(self.claimed.values(), key=abs))


class _ClaimsFile(Frozen):
    claim: tuple[Claim, ...]


@dataclass(frozen=True)
class Judged:
    """What a test says of a claim on a data set; `missing` says why it has no effects."""

    claim: Claim
    test: AnyTest
    dataset: str
    outcome: Outcome
    missing: str = ""

    @property
    def claimed(self) -> float:
        return self.claim.effect_on(self.dataset)

    @property
    def effects(self) -> list[Effect]:
        return list(self.outcome.effects.values())

    @property
    def verdict(self) -> Verdict:
        return "not testable here" if self.missing else judge(self.effects, self.claimed)

    @property
    def power(self) -> float | None:
        """The least chance that one of the effects is found, if it is as large as claimed."""
        chances = [effect.power(self.claimed, len(self.effects)) for effect in self.effects]
        return min(chances, default=None)

    @property
    def elsewhere(self) -> bool:
        """Whether the data are others than the source's."""
        return self.dataset not in self.claim.claimed

    @property
    def row(self) -> tuple[str, ...]:
        count = len(self.effects)
        measured = [
            f"{name} {effect_in_words(effect, of=count)}".strip()
            for name, effect in self.outcome.effects.items()
        ]
        runs = str(self.effects[0].n) if self.effects else ""
        data = self.dataset + " (not the source's)" * self.elsewhere
        tested = self.test.what, f"{self.claimed:+.3g}", ", ".join(measured), runs
        return data, *tested, self._in_words

    @property
    def _in_words(self) -> str:
        if self.missing:
            return f"{self.verdict}: {self.missing}"
        return self.verdict + f", power {self.power:.0%}" * (self.verdict == "undecided")

    @property
    def numbers(self) -> dict[str, Any]:
        effects = self.outcome.effects.items()
        return {
            "claim": self.claim.sentence,
            "test": self.test.model_dump(mode="json", exclude={"datasets"}),
            "dataset": self.dataset,
            "other_data": self.elsewhere,
            "claimed": self.claimed,
            "verdict": self.verdict,
            "effects": {name: effect_numbers(effect, len(effects)) for name, effect in effects},
            "power": None if self.power is None else derived(self.power),
            "missing": self.missing,
        }


def load(results: Path) -> tuple[Claim, ...]:
    """The claims of a results folder, the project's own in one without any. Raises UsageError for a
    wrong file."""
    path = shipped_beside(results, FILE)
    return toml.validate(_ClaimsFile, toml.read(path), shown(path)).claim


def verdicts(archive: Archive) -> list[Judged]:
    """Judge each claim, test by test and data set by data set, from the records alone."""
    judged = []
    for claim in load(archive.results):
        for test, dataset in ((each, name) for each in claim.tests for name in each.datasets):
            try:
                outcome, missing = test.outcome(archive, dataset), ""
            except BenchmarkError as reason:
                outcome, missing = Outcome({}), str(reason).splitlines()[0]
            judged.append(Judged(claim, test, dataset, outcome, missing))
    return judged


def report(archive: Archive) -> Report:
    """A section for each claim. Raises UsageError for a missing or wrong file of claims."""
    judged = verdicts(archive)
    tables = [_table(claim, list(of)) for claim, of in groupby(judged, lambda each: each.claim)]
    if remarks := tuple(f"`{command}`" for command in commands(judged, archive)):
        tables.append(Table("What makes the missing records", remarks=remarks))
    made = f"Made from `{FILE}` and the records by `{COMMAND}`; do not edit."
    remarks = (f"Benchmark {__version__}. {made}", RULE, *summary(judged))
    numbers = {"rule": RULE, "verdicts": [each.numbers for each in judged]}
    return Report("Published claims", remarks, tuple(tables), numbers)


def commands(judged: Iterable[Judged], archive: Archive) -> Iterator[str]:
    """What makes the runs that tests lack, by data set and study; nothing without a recipe."""
    untested = [each for each in judged if each.missing]
    places = {(each.dataset, *place(name)) for each in untested for name in each.test.records}
    few = sorted(each for each in places if _few(archive, *each))
    for (dataset, study), group in groupby(few, lambda each: each[:2]):
        names = [name for _, _, name in group]
        every = "" in names
        seeds = f"0-{least_seeds(study) - 1}"
        if study != RANKED:
            yield from studies.get(study).commands(dataset, [] if every else names, seeds)
            continue
        recipes = [name for name in names if f"{dataset}/{name}" in recipe_ids()]
        if every or recipes:
            listed = "" if every else ",".join(recipes)
            yield command_line("suite", datasets=dataset, recipes=listed, seeds=seeds)


def _few(archive: Archive, dataset: str, study: str, name: str) -> bool:
    """Whether there are fewer runs than a test takes."""
    least = least_seeds(study) * (1 if name else LEAST_UNITS)
    return len(archive.paths(dataset, name or None, study)) < least


def kept_in(results: Path) -> bool:
    """Whether a results folder has claims of its own, or verdicts."""
    return any((results / name).is_file() for name in (FILE, "claims.json", "claims.md"))


def documents(report: Report, results: Path) -> list[Document]:
    """The generated files of a results folder."""
    return report.documents(results / "claims", COMMAND)


def summary(judged: Sequence[Judged]) -> Iterator[str]:
    """E.g. `On other data than the sources': 2 holds here, 4 undecided.`"""
    for elsewhere, data in ((True, "other data than the sources'"), (False, "the sources' data")):
        counts = Counter(each.verdict for each in judged if each.elsewhere == elsewhere)
        listed = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
        yield f"On {data}: {listed or 'no test'}."


def _table(claim: Claim, judged: Sequence[Judged]) -> Table:
    source = f"Source: {claim.source}. Its data: {', '.join(claim.claimed)}."
    beside = (
        f"{each.dataset}, {each.test.what}: {each.outcome.beside}."
        for each in judged
        if each.outcome.beside
    )
    head = ("data set", "tested", "claimed", "measured (95 % interval)", "n", "verdict")
    return Table(claim.sentence, head, tuple(each.row for each in judged), (source, *beside))
