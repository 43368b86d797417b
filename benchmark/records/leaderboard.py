"""Records -> leaderboard tables. Pure: the same bytes whatever the order of the records."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from statistics import mean, stdev

from benchmark.files import write_text
from benchmark.records.record import Record, StageSpectra

FULL_SEEDS = 5
"""A row over fewer seeds is shown as incomplete."""

TITLE = """# Leaderboard

Made from `results/records` by `python -m benchmark leaderboard`; do not edit. One row is one committed recipe: mean ±
sd over its seeds, sorted by test AUC. FLOPs are forward matrix-multiply FLOPs of one sample (multiply-add = 2;
elementwise work counts 0). erank / limit is the mean effective rank per sample of the last stage over its largest
possible value, on the validation probe (for `lr` that is 1 by its shape). Train samples/s are as each run found them,
whatever else the machine was doing.
"""


@dataclass(frozen=True)
class Row:
    """One recipe on one data set; sd is None for a single seed, `rank` where the last stage is all zero."""

    dataset: str
    recipe: str
    recipe_digest: str
    seeds: tuple[int, ...]
    auc: float
    auc_sd: float | None
    logloss: float
    logloss_sd: float | None
    ne: float
    calibration: float
    rank: float | None
    embedding_parameters: int
    dense_parameters: int
    head_parameters: int
    flops_per_sample: int
    train_samples_per_s: float
    oracle_auc: float | None
    oracle_logloss: float | None
    caveat: str
    notes: tuple[str, ...]
    numerics: int
    data_digest: str

    @property
    def complete(self) -> bool:
        return len(self.seeds) >= FULL_SEEDS


def rows(records: Iterable[Record]) -> list[Row]:
    """A row per recipe, data and numerics version, by data set, then falling AUC."""
    by_row = sorted(records, key=lambda record: (*_identity(record), record.seed))
    found = [_row(list(group)) for _, group in groupby(by_row, key=_identity)]
    return sorted(found, key=lambda row: (row.dataset, -row.auc, row.recipe, row.recipe_digest))


def markdown(table: Sequence[Row]) -> str:
    parts = [TITLE]
    for dataset, group in groupby(table, key=lambda row: row.dataset):
        members = list(group)
        parts.append(f"\n## {dataset}\n\n")
        parts.extend(f"**{caveat}**\n\n" for caveat in sorted({row.caveat for row in members if row.caveat}))
        parts.append(_markdown_table(members))
        parts.extend(f"\n{row.recipe}: {note}\n" for row in members for note in row.notes)
    return "".join(parts)


def as_csv(table: Sequence[Row]) -> str:
    """Every field as measured, one line a row."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = list(Row.__dataclass_fields__)
    writer.writerow(names)
    for row in table:
        values = {name: getattr(row, name) for name in names}
        values |= {"seeds": " ".join(map(str, row.seeds)), "notes": "; ".join(row.notes)}
        writer.writerow(["" if values[name] is None else values[name] for name in names])
    return text.getvalue()


def files(records: Iterable[Record], results: Path) -> dict[Path, str]:
    """The generated files and their contents."""
    table = rows(records)
    return {results / "leaderboard.md": markdown(table), results / "leaderboard.csv": as_csv(table)}


def write(records: Iterable[Record], results: Path) -> list[Path]:
    contents = files(records, results)
    for path, text in contents.items():
        write_text(path, text)
    return list(contents)


def _identity(record: Record) -> tuple[str, str, str, str, int]:
    return record.dataset, record.name or "", record.recipe_digest, record.data.arrays, record.numerics


def _row(records: list[Record]) -> Row:
    first = records[0]
    auc = [record.metrics.test.auc for record in records]
    loss = [record.metrics.test.logloss for record in records]
    ranks = [_normalised(record.spectra[-1]) for record in records if record.spectra]
    known = [rank for rank in ranks if rank is not None]
    return Row(
        dataset=first.dataset,
        recipe=first.name or "",
        recipe_digest=first.recipe_digest,
        seeds=tuple(record.seed for record in records),
        auc=mean(auc),
        auc_sd=_sd(auc),
        logloss=mean(loss),
        logloss_sd=_sd(loss),
        ne=mean(record.metrics.test.ne for record in records),
        calibration=mean(record.metrics.test.calibration for record in records),
        rank=mean(known) if known else None,
        embedding_parameters=first.parameters.embedding,
        dense_parameters=first.parameters.dense,
        head_parameters=first.parameters.head,
        flops_per_sample=first.flops_per_sample,
        train_samples_per_s=mean(record.cost.train_samples_per_s for record in records),
        oracle_auc=first.metrics.oracle_auc,
        oracle_logloss=first.metrics.oracle_logloss,
        caveat=first.caveat,
        notes=first.notes,
        numerics=first.numerics,
        data_digest=first.data.arrays,
    )


def _normalised(stage: StageSpectra) -> float | None:
    return None if stage.best is None else stage.best.erank.mean / stage.best.limit


def _sd(values: list[float]) -> float | None:
    return stdev(values) if len(values) > 1 else None


def _markdown_table(members: list[Row]) -> str:
    head = (
        "recipe", "test AUC", "LogLoss", "NE", "calibration", "erank / limit", "parameters (embedding / dense / head)",
        "FLOPs/sample", "train samples/s", "seeds",
    )  # fmt: skip
    lines = [head, tuple("---" for _ in head)]
    oracle = members[0]
    if oracle.oracle_auc is not None and oracle.oracle_logloss is not None:
        shown = f"{oracle.oracle_auc:.5f}", f"{oracle.oracle_logloss:.5f}"
        lines.append(("*oracle: the true click probability*", *shown, *("" for _ in head[3:])))
    names = [row.recipe for row in members]
    for row in members:
        lines.append(
            (
                row.recipe + (f" ({_versions(row)})" if names.count(row.recipe) > 1 else ""),
                _with_sd(row.auc, row.auc_sd),
                _with_sd(row.logloss, row.logloss_sd),
                f"{row.ne:.5f}",
                f"{row.calibration:.3f}",
                "" if row.rank is None else f"{row.rank:.3f}",
                f"{row.embedding_parameters:,} / {row.dense_parameters:,} / {row.head_parameters:,}",
                f"{row.flops_per_sample:,}",
                f"{row.train_samples_per_s:,.0f}",
                f"{len(row.seeds)}" + ("" if row.complete else " (incomplete)"),
            )
        )
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def _versions(row: Row) -> str:
    return f"numerics {row.numerics}, recipe {row.recipe_digest[:8]}, data {row.data_digest[:8]}"


def _with_sd(value: float, sd: float | None) -> str:
    return f"{value:.5f}" if sd is None else f"{value:.5f} ± {sd:.5f}"
