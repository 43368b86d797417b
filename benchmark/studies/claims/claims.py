"""Published claims as testable sentences (`claims.toml`), and the verdicts of the records on them.

One rule for all: supported where the 95 % interval of the effect lies wholly on the claimed side of
0, contradicted where it lies wholly on the other side, not supported where it holds 0, not testable
here where records are missing."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, model_validator

from benchmark import __version__
from benchmark.errors import BenchmarkError
from benchmark.measure.significance import Effect
from benchmark.recipes.recipe import recipe_ids
from benchmark.records.archive import RANKED, Archive
from benchmark.reports.document import Document, Report, Table
from benchmark.reports.leaderboard.tracks import FULL_SEEDS
from benchmark.studies.claims.tests import LEAST_SEEDS, AnyTest, Missing, Wanted
from benchmark.studies.study import command_line, studies
from benchmark.utils import toml
from benchmark.utils.paths import shown
from benchmark.utils.types import Frozen, NonEmpty

FILE = "claims.toml"
COMMAND = "python -m benchmark claims"
DIGITS = 10
"""Significant digits of a number in claims.json: the last bits depend on library versions."""

RULE = (
    "One rule for all. A test gives an effect with a 95 % interval. Supported: the interval lies"
    " wholly on the claimed side of 0. Contradicted: it lies wholly on the other side. Not"
    " supported: it holds 0, which does not show that there is no effect. Not testable here: what"
    f" is missing is said; it takes {LEAST_SEEDS} seeds a side, {FULL_SEEDS} for a claim about the"
    " leaderboard. Every interval is a 95 % one by itself and not adjusted for the number of"
    " tests: of many effects of zero, one in twenty is called supported or contradicted by chance."
    " Rank is the mean effective rank per sample over its limit; n counts runs, or recipes in a"
    " correlation. Intervals: Welch's of differences, also of main effects, Student's of means"
    " over seeds, Fisher's z of correlations."
)

Word = Literal["supported", "not supported", "contradicted", "not testable here"]
ClaimedSide = Literal["above 0", "below 0"]


class Claim(Frozen):
    """A published sentence, and the tests that decide it.

    `data` are the data sets of the source; `claimed` is the side of 0 on which the effect of every
    test lies if the sentence is true."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    sentence: NonEmpty
    source: NonEmpty
    data: Annotated[tuple[NonEmpty, ...], Field(min_length=1)]
    claimed: ClaimedSide
    tests: Annotated[tuple[AnyTest, ...], Field(min_length=1)]


class _ClaimsFile(Frozen):
    claim: tuple[Claim, ...]

    @model_validator(mode="after")
    def _ids_are_distinct(self) -> "_ClaimsFile":
        counts = Counter(claim.id for claim in self.claim)
        if repeated := [name for name, count in counts.items() if count > 1]:
            raise ValueError(f"the id {repeated[0]} is given to two claims")
        return self


@dataclass(frozen=True)
class Verdict:
    """What a test says of a claim on a data set; `outcome` is the effect, or why there is none."""

    claim: Claim
    test: AnyTest
    dataset: str
    outcome: Effect | Missing

    @property
    def word(self) -> Word:
        if isinstance(self.outcome, Missing):
            return "not testable here"
        return judge(self.outcome, self.claim.claimed)

    @property
    def elsewhere(self) -> bool:
        """Whether the data are others than the source's."""
        return self.dataset not in self.claim.data

    @property
    def row(self) -> tuple[str, ...]:
        outcome = self.outcome
        if isinstance(outcome, Missing):
            return self.dataset, self.test.what, "", "", f"{self.word}: {outcome}"
        effect = f"{outcome.value:+.3g} ({outcome.low:+.3g} to {outcome.high:+.3g})"
        text = self.word + " (tested on other data than the paper's)" * self.elsewhere
        return self.dataset, self.test.what, effect, str(outcome.n), text

    @property
    def numbers(self) -> dict[str, Any]:
        missing = self.outcome if isinstance(self.outcome, Missing) else None
        return {
            "claim": self.claim.id,
            **self.claim.model_dump(include={"sentence", "source", "data", "claimed"}),
            "test": self.test.model_dump(mode="json", exclude={"datasets"}),
            "dataset": self.dataset,
            "other_data": self.elsewhere,
            "verdict": self.word,
            "effect": None if isinstance(self.outcome, Missing) else _rounded(self.outcome),
            "missing": missing and str(missing),
        }


def judge(effect: Effect, claimed: ClaimedSide) -> Word:
    """The verdict of an effect, by the one rule."""
    if effect.low <= 0 <= effect.high:
        return "not supported"
    return "supported" if (effect.low > 0) == (claimed == "above 0") else "contradicted"


def load(results: Path) -> tuple[Claim, ...]:
    """The claims of a results folder. Raises UsageError for a missing or wrong file."""
    path = results / FILE
    return toml.validate(_ClaimsFile, toml.read(path), shown(path)).claim


def verdicts(results: Path) -> list[Verdict]:
    """Judge each claim, test by test and data set by data set, from the records alone."""
    judged = []
    for claim in load(results):
        for test, dataset in ((each, name) for each in claim.tests for name in each.datasets):
            outcome: Effect | Missing
            try:
                outcome = test.effect(Archive(results), dataset)
            except Missing as missing:
                outcome = missing
            except BenchmarkError as unreadable:
                outcome = Missing(str(unreadable))
            judged.append(Verdict(claim, test, dataset, outcome))
    return judged


def report(results: Path) -> Report:
    """A section for each claim. Raises UsageError for a missing or wrong file of claims."""
    judged = verdicts(results)
    tables = [_table(claim, list(of)) for claim, of in groupby(judged, lambda each: each.claim)]
    outcomes = [verdict.outcome for verdict in judged]
    wanted = [run for each in outcomes if isinstance(each, Missing) for run in each.wanted]
    if wanted:
        remarks = tuple(f"`{command}`" for command in commands(wanted))
        tables.append(Table("What makes the missing records", remarks=remarks))
    made = f"Made from `{FILE}` and the records by `{COMMAND}`; do not edit."
    numbers = {"rule": RULE, "verdicts": [verdict.numbers for verdict in judged]}
    return Report(
        "Published claims",
        (f"Benchmark {__version__}. {made}", RULE, summary(judged)),
        tuple(tables),
        numbers,
    )


def commands(wanted: Iterable[Wanted]) -> Iterator[str]:
    """What makes the runs, by data set and study; nothing for what has no recipe."""
    groups: dict[tuple[str, str], list[Wanted]] = {}
    for each in wanted:
        groups.setdefault((each.dataset, each.study), []).append(each)
    for (dataset, study), group in sorted(groups.items()):
        names = sorted({name for each in group for name in each.names})
        every = any(not each.names for each in group)
        seeds = f"0-{max(each.seeds for each in group) - 1}"
        if study != RANKED:
            yield from studies.get(study).commands(dataset, [] if every else names, seeds)
            continue
        recipes = [name for name in names if f"{dataset}/{name}" in recipe_ids()]
        listed = "" if every else ",".join(recipes)
        if every or recipes:
            yield command_line("suite", datasets=dataset, recipes=listed, seeds=seeds)


def documents(results: Path) -> list[Document]:
    """The generated files; none where the results folder states no claims."""
    if not (results / FILE).is_file():
        return []
    return report(results).documents(results / "claims", COMMAND)


def summary(judged: Sequence[Verdict]) -> str:
    """E.g. `7 verdicts: 2 supported, 1 contradicted, 4 not testable here.`"""
    counts = Counter(verdict.word for verdict in judged)
    listed = ", ".join(f"{counts[word]} {word}" for word in get_args(Word) if counts[word])
    return f"{len(judged)} verdict{'s' * (len(judged) > 1)}: {listed}."


def _table(claim: Claim, judged: Sequence[Verdict]) -> Table:
    source = f"Source: {claim.source}. Its data: {', '.join(claim.data)}."
    remarks = [f"{source} Claimed: effects {claim.claimed}."]
    for each in judged:
        if isinstance(each.outcome, Effect) and each.outcome.remark:
            remarks.append(f"{each.dataset}, {each.test.what}: {each.outcome.remark}.")
    head = ("data set", "tested", "effect (95 % interval)", "n", "verdict")
    return Table(claim.sentence, head, tuple(each.row for each in judged), tuple(remarks))


def _rounded(effect: Effect) -> dict[str, Any]:
    return {
        name: float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
        for name, value in asdict(effect).items()
    }
