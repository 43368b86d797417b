"""What the page of results shows, put together from boards, claims and every study."""

from collections.abc import Iterator, Sequence

from benchmark.errors import BenchmarkError
from benchmark.records.archive import Archive
from benchmark.reports.document import Document, Report
from benchmark.reports.leaderboard import across, published
from benchmark.reports.leaderboard import boards as leaderboards
from benchmark.reports.leaderboard.boards import Refused
from benchmark.reports.page import page
from benchmark.reports.page.page import Content, Section
from benchmark.studies.claims import claims
from benchmark.studies.study import Study, studies


def document(archive: Archive, refused: Sequence[Refused] = ()) -> Document:
    """The page, without the recipes that verify refuses. Raises BenchmarkError for a ranked record
    that cannot be read; studies that cannot be told say why in their place."""
    runs = leaderboards.rows(archive, refused)
    boards = leaderboards.boards(runs, published.load(archive.results), archive)
    content = Content(
        boards=boards,
        across=across.report(boards),
        runs=runs,
        refused=refused,
        claims=claims.report(archive),
        studies=[section for name in studies.names() if (section := _section(archive, name))],
    )
    return Document(archive.page(), page.html(content), page.COMMAND)


def _section(archive: Archive, name: str) -> Section | None:
    """None for a study without reports."""
    reports = tuple(_reports(studies.get(name), archive))
    return Section(name, reports) if reports else None


def _reports(study: Study, archive: Archive) -> Iterator[Report]:
    for dataset in study.datasets(archive):
        try:
            report = study.report(archive, dataset)
        except BenchmarkError as error:
            report = Report(f"{study.name} on {dataset}", (str(error),), (), {})
        if report is not None:
            yield report
