"""The tables of ladders as files."""

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmark.errors import BenchmarkError
from benchmark.records.archive import Archive
from benchmark.reports.document import Report
from benchmark.studies.scaling import ladders, released
from benchmark.studies.scaling import report as scaling_report

FORMS = (".md", ".csv", ".json")
SIMULATION = "simulation"
"""The study of the fits themselves, which lies in the same folder."""


def datasets(results: Path) -> list[str]:
    """Those there is something to table of."""
    return sorted({*ladders.datasets(results), *released.datasets()})


def present(results: Path) -> list[str]:
    """Those with records or with tables, which must then be right."""
    tabled = set(Archive(results).scaling_tables()) - {SIMULATION}
    return sorted({*ladders.datasets(results), *tabled})


def files(results: Path, chosen: Iterable[str]) -> dict[Path, str]:
    """The tables of these data sets, by their file. Raises BenchmarkError for one of which there is
    nothing to table, and for records that are no one study."""
    made: dict[Path, str] = {}
    for dataset in chosen:
        report = scaling_report.report(scaling_report.findings(results, dataset))
        if report is None:
            raise BenchmarkError(
                f"{dataset} has neither records of a ladder nor a released one: remove its tables"
            )
        made |= texts(results, dataset, report)
    return made


def texts(results: Path, dataset: str, report: Report) -> dict[Path, str]:
    contents = report.markdown(), _csv(report.numbers), json.dumps(report.numbers, indent=1) + "\n"
    path = Archive(results).scaling_table(dataset)
    return {
        path.with_name(f"{dataset}{form}"): text for form, text in zip(FORMS, contents, strict=True)
    }


def _csv(numbers: dict[str, Any]) -> str:
    """A row a recipe, axis and size, each with the law of its ladder; then a row a shape, on the
    axis `depth`."""
    file = io.StringIO()
    write = csv.writer(file, lineterminator="\n").writerow
    ends = [f"{name}{end}" for name in ("E", "A", "alpha") for end in ("", "_low", "_high")]
    of_size, of_fit = ["size", "flops", "logloss", "logloss_sd", "rank"], ["r2", "held_out"]
    of_test = ["p", "misfit", "noise_p"]
    write(
        ["dataset", "recipe", "axis", "seeds", *of_size, "verdict", *of_test, *ends, "x0", *of_fit]
    )
    for law in numbers["laws"]:
        fit = law["fit"]
        values: list[Any] = [""] * (len(ends) + 1 + len(of_fit))
        if fit:
            three = [
                (fit["law"][name], fit[name]["low"], fit[name]["high"])
                for name in ("E", "A", "alpha")
            ]
            values = [
                *(value for each in three for value in each),
                fit["law"]["x0"],
                *(fit[key] for key in of_fit),
            ]
        for size in law["sizes"]:
            line = [
                *(size[key] for key in of_size),
                law["verdict"],
                *(law[key] for key in of_test),
                *values,
            ]
            write([numbers["dataset"], law["recipe"], law["axis"], _words(size["seeds"]), *line])
    for level in numbers["shapes"]:
        for shape in level["shapes"]:
            line = [shape["depth"], *(shape[key] for key in of_size[1:])]
            empty = [""] * (1 + len(of_test) + len(ends) + 1 + len(of_fit))
            write(
                [
                    numbers["dataset"],
                    level["recipe"],
                    "depth",
                    _words(shape["seeds"]),
                    *line,
                    *empty,
                ]
            )
    return file.getvalue()


def _words(seeds: list[int]) -> str:
    return " ".join(map(str, seeds))
