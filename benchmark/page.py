"""What the page of results shows, put together from boards, claims and every study."""

from collections.abc import Iterator

from benchmark.errors import BenchmarkError
from benchmark.reported import Reports
from benchmark.reports.document import Document, Report
from benchmark.reports.leaderboard import across
from benchmark.reports.page import page
from benchmark.reports.page.page import Content, Section
from benchmark.studies.study import studies


def document(reports: Reports) -> Document:
    """The page. Raises BenchmarkError for a ranked record that cannot be read; studies that cannot
    be told say why in their place."""
    content = Content(
        boards=reports.boards,
        across=across.report(reports.boards),
        runs=reports.runs,
        refused=reports.refused,
        claims=reports.claims,
        studies=[section for name in studies.names() if (section := _section(reports, name))],
    )
    return Document(reports.archive.page(), page.html(content), page.COMMAND)


def _section(reports: Reports, name: str) -> Section | None:
    """None for a study without reports."""
    found = tuple(_of_study(reports, name))
    return Section(name, found) if found else None


def _of_study(reports: Reports, name: str) -> Iterator[Report]:
    for dataset in studies.get(name).datasets(reports.archive):
        try:
            report = reports.of_study(name, dataset)
        except BenchmarkError as error:
            report = Report(f"{name} on {dataset}", (str(error),), (), {})
        if report is not None:
            yield report
