"""One run: recipe + data + seed -> events, the last of which carries the record.

Consumers of the events (progress, files, tracking) do the showing and the writing; the run itself writes nothing.
"""

import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.data.card import Card
from benchmark.data.schema import Arrays
from benchmark.data.store import Store
from benchmark.errors import BenchmarkError, UsageError
from benchmark.measure import metrics
from benchmark.measure.cost import Parameters, flops_per_sample, on_meta, parameters
from benchmark.measure.spectrum import Spectrum, StageCollector
from benchmark.recipe import Recipe
from benchmark.records import record, scores
from benchmark.records.environment import current
from benchmark.records.record import NUMERICS, Cost, Quality, Record, Scores, StageSpectra
from benchmark.training.fit import Evaluated, Fitted, Stepped, fit, observe, predict

PROBE_ROWS = 4096
PROBE_SEED = 20_260_101
"""The probe is the same rows of a data set's validation split for every model and seed."""


@dataclass(frozen=True)
class Job:
    """What is to be run. `rows` limits the training split to its first rows and makes the run ad hoc."""

    recipe: Recipe
    card: Card
    store: Store
    seed: int
    threads: int
    device: Literal["cpu", "cuda"] = "cpu"
    rows: int | None = None

    @property
    def train_rows(self) -> int:
        return self.rows or self.store.fingerprint.rows["train"]

    def path(self, results: Path) -> Path:
        """Where the record goes: only an unaltered committed recipe is ranked."""
        recipe = self.recipe
        if recipe.name is None or self.rows is not None:
            return record.adhoc_path(results, recipe.dataset, recipe.model, recipe.digest(), self.rows, self.seed)
        return record.record_path(results, recipe.dataset, recipe.name, self.seed)


@dataclass(frozen=True)
class Started:
    job: Job
    parameters: Parameters
    flops_per_sample: int
    steps_per_epoch: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finished:
    record: Record
    scores: scores.Arrays


Event = Started | Stepped | Evaluated | Finished


def run(job: Job) -> Iterator[Event]:
    """Trains, scores the test split once, measures, and ends with `Finished`.

    Raises UsageError for hyperparameters that do not fit the data, BenchmarkError for a diverging run.
    """
    began = time.perf_counter()
    device = _device(job)
    schema = job.store.schema
    outline = on_meta(job.recipe, schema)
    size, flops = parameters(outline.model), flops_per_sample(outline.model, schema)
    train, valid = _first(job.store.split("train"), job.rows), job.store.split("valid")
    steps = -(-len(train) // job.recipe.train.batch_size)
    if (job.recipe.train.evaluate_every or 1) > job.recipe.train.epochs * steps:
        raise UsageError(
            f"{job.recipe.id}: train.evaluate_every = {job.recipe.train.evaluate_every} is more than the "
            f"{job.recipe.train.epochs * steps} steps of the run"
        )
    model = _seeded_model(job, device)
    yield Started(job, size, flops, steps, outline.notes)

    probe = probe_rows(len(valid))
    initial = _spectra(model, valid, probe, device)
    curve: list[Evaluated] = []
    fitted: Fitted | None = None
    for event in fit(model, train, valid, job.recipe.train, seed=job.seed, device=device):
        if isinstance(event, Fitted):
            fitted = event
            continue
        if isinstance(event, Evaluated):
            curve.append(event)
        yield event
    assert fitted is not None
    best = _spectra(model, valid, probe, device)
    test = job.store.split("test")
    try:
        logit = predict(model, test, device)
    except FloatingPointError as error:
        raise BenchmarkError(f"{job.recipe.id}: the best model's test scores: {error}") from None
    kept = scores.pack(logit, test.label)
    oracle = job.store.oracle
    yield Finished(
        Record(
            numerics=NUMERICS,
            dataset=job.recipe.dataset,
            name=None if job.rows is not None else job.recipe.name,
            train_rows=job.rows,
            recipe=job.recipe.resolved(),
            recipe_digest=job.recipe.digest(),
            notes=outline.notes,
            seed=job.seed,
            threads=job.threads,
            device=job.device,
            data=job.store.fingerprint,
            parameters=size,
            flops_per_sample=flops,
            metrics=Quality(
                valid=next(point.valid for point in curve if point.step == fitted.best_step),
                test=_test_metrics(kept, logit, test),
                oracle_auc=oracle.auc if oracle else None,
                oracle_logloss=oracle.logloss if oracle else None,
            ),
            scores=Scores(form=scores.form(kept), digest=scores.digest(kept)),
            probe_rows=len(probe),
            spectra=tuple(StageSpectra(stage=s, initial=initial[s], best=best[s]) for s in best),
            curve=tuple(curve),
            best_step=fitted.best_step,
            best_epoch=fitted.best_epoch,
            stopped_by=fitted.reason,
            cost=Cost(
                train_seconds=fitted.train_seconds,
                total_seconds=time.perf_counter() - began,
                train_samples_per_s=fitted.samples_per_s,
                predict_samples_per_s=fitted.predict_samples_per_s,
                peak_memory_gib=peak_memory_gib(),
            ),
            environment=current(),
            caveat=job.card.caveat,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        ),
        kept,
    )


def save(finished: Finished, path: Path) -> None:
    """Writes scores, then the record: a record is never without its scores."""
    scores.save(finished.scores, record.scores_path(path))
    record.save(finished.record, path)


def probe_rows(n: int) -> NDArray[np.int64]:
    """The validation rows [min(4096, n)] whose representation is measured, in row order."""
    chosen = np.random.Generator(np.random.Philox(key=PROBE_SEED)).permutation(n)[:PROBE_ROWS]
    return np.sort(chosen)


def peak_memory_gib() -> float:
    """Peak resident memory of this process, in GiB; the system counts KiB, on macOS bytes."""
    unit = 1 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


def _device(job: Job) -> torch.device:
    if job.device == "cuda" and not torch.cuda.is_available():
        raise BenchmarkError("--device cuda: no usable GPU is found here; use --device cpu")
    torch.set_num_threads(job.threads)
    return torch.device(job.device)


def _seeded_model(job: Job, device: torch.device) -> Any:
    torch.manual_seed(job.seed)
    return job.recipe.build(job.store.schema).model.to(device)


def _first(split: Arrays, rows: int | None) -> Arrays:
    if rows is None:
        return split
    if rows > len(split):
        raise UsageError(f"--rows {rows}: there are only {len(split)} training rows")
    kept = Arrays(
        split.dense[:rows], split.sparse[:rows], split.label[:rows], None if split.group is None else split.group[:rows]
    )
    if not 0 < kept.positives < len(kept):
        raise UsageError(f"--rows {rows}: these training rows hold a single class; take more")
    return kept


def _spectra(model: Any, valid: Arrays, rows: NDArray[np.int64], device: torch.device) -> dict[str, Spectrum | None]:
    collector = StageCollector()
    observe(model, valid, rows, device, lambda stage, x: collector.add(stage, x.cpu().numpy()))
    return collector.spectra()


def _test_metrics(kept: scores.Arrays, logit: NDArray[np.float32], test: Arrays) -> metrics.Metrics:
    """From the kept scores where they are complete, so that `verify` finds the same bits."""
    if scores.form(kept) == "bins":
        return metrics.evaluate(logit, test.label, test.group)
    found = scores.recompute(kept)
    if test.group is None:
        return found
    return replace(found, gauc=metrics.grouped_auc(logit.astype(np.float64), test.label, test.group))
