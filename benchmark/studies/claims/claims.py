"""Published claims as testable sentences (`claims.toml`), and the verdicts that records give on
them.

One rule for all: supported where the 95 % interval of the effect lies wholly on the claimed side of
0, contradicted where it lies wholly on the other side, not supported where it holds 0, not testable
here where records are missing.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, model_validator

from benchmark import __version__
from benchmark.errors import BenchmarkError
from benchmark.reports.document import Report, Table
from benchmark.reports.leaderboard.tracks import FULL_SEEDS
from benchmark.studies.claims.archive import Archive, Missing, Wanted, commands
from benchmark.studies.claims.effects import Effect
from benchmark.studies.claims.kinds import LEAST_SEEDS, Test
from benchmark.utils import toml
from benchmark.utils.paths import shown
from benchmark.utils.types import Frozen, NonEmpty

FILE = "claims.toml"
DIGITS = 10
"""Significant ones of a number in claims.json: the last bits are another library's version."""

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
    """`data` are the data sets of the source, `claimed` the side of 0 on which the effect of every
    test should lie."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    sentence: NonEmpty
    source: NonEmpty
    data: Annotated[tuple[NonEmpty, ...], Field(min_length=1)]
    claimed: ClaimedSide
    tests: Annotated[tuple[Test, ...], Field(min_length=1)]


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
    """`found` is the effect, or why there is none."""

    claim: Claim
    test: Test
    dataset: str
    found: Effect | Missing

    @property
    def word(self) -> Word:
        return (
            "not testable here"
            if isinstance(self.found, Missing)
            else judge(self.found, self.claim.claimed)
        )

    @property
    def elsewhere(self) -> bool:
        """Whether the data are others than the source's."""
        return self.dataset not in self.claim.data

    @property
    def said(self) -> str:
        if isinstance(self.found, Missing):
            return f"{self.word}: {self.found}"
        return (
            f"{self.word} (tested on other data than the paper's)" if self.elsewhere else self.word
        )


def judge(effect: Effect, claimed: ClaimedSide) -> Word:
    if effect.low <= 0 <= effect.high:
        return "not supported"
    return "supported" if (effect.low > 0) == (claimed == "above 0") else "contradicted"


def load(results: Path) -> tuple[Claim, ...]:
    """Raises UsageError for a missing or wrong file, naming the key."""
    path = results / FILE
    return toml.validate(_ClaimsFile, toml.read(path), shown(path)).claim


def verdicts(results: Path) -> list[Verdict]:
    """On each claim, test by test and data set by data set, from the records alone."""
    archive = Archive(results)
    return [
        Verdict(claim, test, dataset, _found(test, archive, dataset))
        for claim in load(results)
        for test in claim.tests
        for dataset in test.datasets
    ]


def _found(test: Test, archive: Archive, dataset: str) -> Effect | Missing:
    try:
        return test.effect(archive, dataset)
    except Missing as missing:
        return missing
    except BenchmarkError as unreadable:
        return Missing(str(unreadable))


def report(results: Path) -> Report:
    """A section a claim. Raises UsageError for a missing or wrong file of claims."""
    found = verdicts(results)
    sections = [
        _section(claim, list(each))
        for claim, each in groupby(found, key=lambda verdict: verdict.claim)
    ]
    wanted = [run for each in found if isinstance(each.found, Missing) for run in each.found.wanted]
    made = (
        f"Benchmark {__version__}. Made from `{FILE}` and the records by `python -m benchmark"
        " claims`; do not edit."
    )
    numbers = {"rule": RULE, "verdicts": [_numbers(each) for each in found]}
    return Report(
        "Published claims", (made, RULE, in_words(found)), (*sections, *_left(wanted)), numbers
    )


def _left(wanted: Sequence[Wanted]) -> Iterator[Table]:
    if wanted:
        yield Table(
            "What makes the missing records",
            remarks=tuple(f"`{each}`" for each in commands(wanted)),
        )


def files(results: Path) -> dict[Path, str]:
    """The generated files and their contents, the same bytes for the same records; none where no
    claim is stated."""
    return texts(report(results), results) if (results / FILE).is_file() else {}


def texts(made: Report, results: Path) -> dict[Path, str]:
    return {
        results / "claims.md": made.markdown(),
        results / "claims.json": json.dumps(made.numbers, indent=1) + "\n",
    }


def in_words(found: Sequence[Verdict]) -> str:
    """E.g. `7 verdicts: 2 supported, 1 contradicted, 4 not testable here.`"""
    counts = Counter(verdict.word for verdict in found)
    listed = ", ".join(f"{counts[word]} {word}" for word in get_args(Word) if counts[word])
    return f"{len(found)} verdict{'s' * (len(found) > 1)}: {listed}."


def _section(claim: Claim, found: Sequence[Verdict]) -> Table:
    head = ("data set", "tested", "effect (95 % interval)", "n", "verdict")
    rows = tuple((each.dataset, each.test.what, *_effect(each.found), each.said) for each in found)
    return Table(claim.sentence, head, rows, tuple(_remarks(claim, found)))


def _effect(found: Effect | Missing) -> tuple[str, str]:
    if isinstance(found, Missing):
        return "", ""
    return f"{found.value:+.3g} ({found.low:+.3g} to {found.high:+.3g})", str(found.n)


def _remarks(claim: Claim, found: Sequence[Verdict]) -> Iterator[str]:
    yield (
        f"Source: {claim.source}. Its data: {', '.join(claim.data)}. Claimed: effects"
        f" {claim.claimed}."
    )
    for each in found:
        if isinstance(each.found, Effect) and each.found.remark:
            yield f"{each.dataset}, {each.test.what}: {each.found.remark}."


def _numbers(verdict: Verdict) -> dict[str, Any]:
    claim, found = verdict.claim, verdict.found
    return {
        "claim": claim.id,
        "sentence": claim.sentence,
        "source": claim.source,
        "data": claim.data,
        "claimed": claim.claimed,
        "test": verdict.test.model_dump(mode="json", exclude={"datasets"}),
        "dataset": verdict.dataset,
        "other_data": verdict.elsewhere,
        "verdict": verdict.word,
        "effect": (
            None
            if isinstance(found, Missing)
            else {name: _rounded(x) for name, x in asdict(found).items()}
        ),
        "missing": str(found) if isinstance(found, Missing) else None,
    }


def _rounded(value: Any) -> Any:
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
