"""What the records of an archive give: boards, verdicts on claims, and the reports of studies."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from benchmark.records.archive import Archive, Runs
from benchmark.reports.document import Report
from benchmark.reports.leaderboard import boards as leaderboards
from benchmark.reports.leaderboard.boards import Board, Refused
from benchmark.studies.claims import claims
from benchmark.studies.study import studies


@dataclass(frozen=True)
class Reports:
    """The reports of an archive without the recipes that verify refuses, each made at its first
    use and kept. Those of records that cannot be read raise BenchmarkError."""

    archive: Archive
    refused: Sequence[Refused] = ()
    _of_studies: dict[tuple[str, str], Report | None] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @cached_property
    def runs(self) -> list[Runs]:
        """The runs of each row of the boards."""
        return leaderboards.rows(self.archive, self.refused)

    @cached_property
    def boards(self) -> list[Board]:
        return leaderboards.load(self.archive, self.refused)

    @cached_property
    def claims(self) -> Report:
        return claims.report(self.archive)

    def of_study(self, name: str, dataset: str) -> Report | None:
        """The report of a study on a data set, None without records."""
        place = name, dataset
        if place not in self._of_studies:
            self._of_studies[place] = studies.get(name).report(self.archive, dataset)
        return self._of_studies[place]
