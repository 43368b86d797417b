"""Records -> rows: one recipe on one data set, over its seeds."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from statistics import mean, stdev

from benchmark.errors import BenchmarkError
from benchmark.measure.trajectory import over_seeds
from benchmark.records.archive import Runs
from benchmark.records.ranks import trajectories
from benchmark.records.record import Record
from benchmark.records.tuning import tuning_cost


@dataclass(frozen=True)
class Row:
    """Means over the seeds; an sd is None for a single seed."""

    recipe: str
    recipe_digest: str
    seeds: tuple[int, ...]
    auc: float
    auc_sd: float | None
    logloss: float
    logloss_sd: float | None
    ne: float
    calibration: float
    erank: float | None
    """Of the last stage, per sample, over its limit; None where that stage is all zero."""
    collapse: float | None
    """The last stage's normalised rank over that of the tokens, or of the embedding."""
    embedding_dim: int | None
    embedding_parameters: int
    dense_parameters: int
    head_parameters: int
    flops_per_sample: int
    train_samples_per_s: float
    tuned: str | None
    """The tuning study of its values; its trials and hours are None where there is none or it
    cannot be read."""
    trials: int | None
    hours: float | None
    notes: tuple[str, ...]
    numerics: int
    data_digest: str

    @property
    def parameters(self) -> int:
        return self.embedding_parameters + self.dense_parameters + self.head_parameters


def grouped(records: Iterable[Record]) -> list[Runs]:
    """The runs of each row, whatever the order of the records."""
    return [
        list(runs)
        for _, runs in groupby(
            sorted(records, key=lambda run: (*_identity(run), run.seed)), _identity
        )
    ]


def make_row(runs: Runs, results: Path) -> Row:
    first = runs[0]
    auc, loss = [run.metrics.test.auc for run in runs], [run.metrics.test.logloss for run in runs]
    paths = trajectories(runs, "erank", "token", "best")
    erank = over_seeds(list(path.values.values())[-1] for path in paths)
    collapse = over_seeds(path.collapse for path in paths)
    trials, hours = _tuning(first, results)
    return Row(
        recipe=first.name or "",
        recipe_digest=first.recipe_digest,
        seeds=tuple(run.seed for run in runs),
        auc=mean(auc),
        auc_sd=_sd(auc),
        logloss=mean(loss),
        logloss_sd=_sd(loss),
        ne=mean(run.metrics.test.ne for run in runs),
        calibration=mean(run.metrics.test.calibration for run in runs),
        erank=None if erank is None else erank.mean,
        collapse=None if collapse is None else collapse.mean,
        embedding_dim=embedding_dim(first),
        embedding_parameters=first.parameters.embedding,
        dense_parameters=first.parameters.dense,
        head_parameters=first.parameters.head,
        flops_per_sample=first.flops_per_sample,
        train_samples_per_s=mean(run.cost.train_samples_per_s for run in runs),
        tuned=first.tuned,
        trials=trials,
        hours=hours,
        notes=first.notes,
        numerics=first.numerics,
        data_digest=first.data.arrays,
    )


def embedding_dim(record: Record) -> int | None:
    """None for a model without an embedding size."""
    found = record.recipe["model"].get("embedding_dim")
    return found if isinstance(found, int) else None


def _identity(record: Record) -> tuple[str, str, str, str, int]:
    return (
        record.dataset,
        record.name or "",
        record.recipe_digest,
        record.data.arrays,
        record.numerics,
    )


def _tuning(record: Record, results: Path) -> tuple[int | None, float | None]:
    if record.tuned is None:
        return None, None
    try:
        return tuning_cost(results, record.tuned)
    except BenchmarkError:
        return None, None


def _sd(values: list[float]) -> float | None:
    return stdev(values) if len(values) > 1 else None
