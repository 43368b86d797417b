"""The studies that are made of records, and whether their tables still are."""

from collections.abc import Callable, Iterator
from pathlib import Path

from benchmark.errors import BenchmarkError
from benchmark.records.archive import Archive
from benchmark.reports.document import Report
from benchmark.studies import damping
from benchmark.studies.ablation import design
from benchmark.studies.ablation import report as ablation_report
from benchmark.studies.campaign import variants

STUDIES: dict[str, Callable[[Path, str], Report | None]] = {
    design.STUDY: ablation_report.report,
    damping.STUDY: damping.report,
}


def unlike(results: Path) -> Iterator[Path]:
    """The files of studies that are not what the records beside them give, or lack these."""
    for study, report in STUDIES.items():
        archive = Archive(results)
        for dataset in archive.reported(study):
            try:
                found = report(results, dataset)
            except BenchmarkError:
                found = None
            texts = (
                variants.texts(results, study, dataset, found)
                if found
                else {archive.study_report(study, f"{dataset}.md"): None}
            )
            yield from (
                path
                for path, text in texts.items()
                if not path.is_file() or path.read_text("utf-8") != text
            )
