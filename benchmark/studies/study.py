"""The studies that are made of records, and whether their tables still are."""

from collections.abc import Callable, Iterator
from pathlib import Path

from benchmark.errors import BenchmarkError
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
        folder = results / "studies" / study
        for dataset in sorted(
            {path.stem for path in folder.glob("*") if path.suffix in ("", ".md", ".json")}
        ):
            try:
                found = report(results, dataset)
            except BenchmarkError:
                found = None
            texts = (
                variants.texts(results, study, dataset, found)
                if found
                else {folder / f"{dataset}.md": None}
            )
            yield from (
                path
                for path, text in texts.items()
                if not path.is_file() or path.read_text("utf-8") != text
            )
