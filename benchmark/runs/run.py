"""One run: recipe + data + seed -> events, the last of which carries the record.

Consumers of the events (progress, files, checkpoints, tracking) do the showing and the writing; the
run itself writes nothing, and tells in `checkpoint` what it needs to go on.
"""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import TypeAdapter

from benchmark.data.card import SPLITS, Card
from benchmark.data.schema import Split
from benchmark.data.store import Store
from benchmark.errors import BenchmarkError, UsageError
from benchmark.measure import metrics
from benchmark.measure.cost import Parameters, flops_per_sample, parameters
from benchmark.model import CTRModel
from benchmark.recipes.recipe import Recipe, on_meta
from benchmark.records import record, scores
from benchmark.records.environment import current
from benchmark.records.record import NUMERICS, Cost, Quality, RankPoint, Record, Scores
from benchmark.runs.probe import Probe, Views, stage_spectra, table_spectra
from benchmark.training.checkpoint import Checkpoint
from benchmark.training.fit import Evaluated, Fit, FitProgress, Fitted, Snapshot, Stepped
from benchmark.training.predict import predict
from benchmark.training.step import compile_model
from benchmark.utils.memory import keep_freed_memory, peak_memory_gib
from benchmark.utils.types import Device


@dataclass(frozen=True)
class Job:
    """What is to be run. `rows` limits the training split to its first rows and makes the run ad
    hoc; `place` is the folder of the record below the results, where a study has it."""

    recipe: Recipe
    card: Card
    store: Store
    seed: int
    threads: int
    device: Device = "cpu"
    rows: int | None = None
    place: PurePath | None = None

    def identity(self) -> dict[str, Any]:
        """What the numbers of the run depend on, versions aside."""
        return {
            "recipe": self.recipe.digest(),
            "data": asdict(self.store.fingerprint),
            "seed": self.seed,
            "rows": self.rows,
            "threads": self.threads,
            "device": self.device,
        }

    @property
    def train_rows(self) -> int:
        return self.rows or self.store.fingerprint.rows["train"]

    def path(self, results: Path) -> Path:
        """Where the record goes: only an unaltered committed recipe is ranked."""
        recipe = self.recipe
        if self.place is not None:
            return results / self.place / f"seed-{self.seed}.json"
        if recipe.name is None or self.rows is not None:
            return record.adhoc_path(
                results, recipe.dataset, recipe.model, recipe.digest(), self.rows, self.seed
            )
        return record.record_path(results, recipe.dataset, recipe.name, self.seed)


@dataclass(frozen=True)
class Started:
    job: Job
    parameters: Parameters
    flops_per_sample: int
    steps_per_epoch: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Resumed:
    """The run goes on from a checkpoint: after `step` steps and the evaluations of `curve`,
    `seconds` into the run."""

    step: int
    epoch: int
    curve: tuple[Evaluated, ...]
    seconds: float


@dataclass(frozen=True)
class Finished:
    record: Record
    scores: scores.ScoreArrays


RunEvent = Started | Resumed | Stepped | Evaluated | Fitted | Finished


@dataclass(frozen=True)
class _Facts:
    """The part of a checkpoint that is no tensor: how far the fit is, what the untrained model
    looked like, the rank
    at each evaluation, seconds of the run."""

    progress: FitProgress
    initial: Views
    rank_curve: tuple[RankPoint, ...]
    seconds: float


FACTS = TypeAdapter(_Facts)


class Run:
    """Trains, scores the test split once, measures, and ends with `Finished`; `resume` goes on from
    a checkpoint.

    `model` has the best weights from `Fitted` on. Iterating raises UsageError for hyperparameters
    that do not fit the data, BenchmarkError for a diverging run and for a checkpoint that does not
    fit the code."""

    def __init__(self, job: Job, resume: Checkpoint | None = None) -> None:
        self.job, self._resume = job, resume

    def __iter__(self) -> Iterator[RunEvent]:
        job, recipe = self.job, self.job.recipe
        before = None if self._resume is None else FACTS.validate_python(self._resume.facts)
        self._began = time.perf_counter() - (before.seconds if before else 0.0)
        device, schema = open_device(job), job.store.schema
        outline = on_meta(recipe, schema)
        size, flops = parameters(outline.model), flops_per_sample(outline.model, schema)
        train, valid, test = (job.store.split(name) for name in SPLITS)
        train = _first(train, job.rows)
        steps = steps_per_epoch(recipe, len(train))
        model = self.model = seeded_model(job, device)
        notes = outline.notes + (compile_model(model, device) if recipe.train.compile else ())
        yield Started(job, size, flops, steps, notes)

        probe = Probe(model, valid, device)
        self._initial = before.initial if before else probe.views()
        self._rank_curve = list(before.rank_curve) if before else []
        self._fit = Fit(model, train, valid, recipe.train, seed=job.seed, device=device)
        if self._resume is not None and before is not None:
            _restore(self._fit, Snapshot(before.progress, self._resume.state, self._resume.best))
            self._resume = None  # a second copy of the weights
            yield Resumed(self._fit.step, self._fit.epoch, before.progress.curve, before.seconds)
        for event in self._fit.events():
            if isinstance(event, Evaluated):
                self._rank_curve.append(probe.point(event.step))
            yield event
        fitted = event
        assert isinstance(fitted, Fitted)
        try:
            logit = predict(model, test, device)
        except FloatingPointError as error:
            raise BenchmarkError(f"{recipe.id}: the best model's test scores: {error}") from None
        kept = scores.pack(logit, test.label)
        oracle = job.store.oracle
        record = Record(
            numerics=NUMERICS,
            dataset=recipe.dataset,
            name=None if job.rows is not None else recipe.name,
            train_rows=job.rows,
            recipe=recipe.resolved(),
            recipe_digest=recipe.digest(),
            notes=notes,
            seed=job.seed,
            threads=job.threads,
            device=job.device,
            data=job.store.fingerprint,
            parameters=size,
            flops_per_sample=flops,
            metrics=Quality(
                valid=self._fit.best.valid,
                test=_test_metrics(kept, logit, test),
                oracle_auc=oracle.auc if oracle else None,
                oracle_logloss=oracle.logloss if oracle else None,
            ),
            scores=Scores(form=scores.form(kept), digest=scores.digest(kept)),
            probe_rows=probe.rows,
            spectra=stage_spectra(self._initial, probe.views()),
            tables=table_spectra(model, schema, train),
            curve=tuple(self._fit.curve),
            curve_probe_rows=probe.curve_rows,
            rank_curve=tuple(self._rank_curve),
            best_step=fitted.best_step,
            best_epoch=fitted.best_epoch,
            stopped_by=fitted.reason,
            cost=Cost(
                train_seconds=fitted.train_seconds,
                total_seconds=time.perf_counter() - self._began,
                train_samples_per_s=fitted.samples_per_s,
                predict_samples_per_s=fitted.predict_samples_per_s,
                peak_memory_gib=peak_memory_gib(),
            ),
            environment=current(),
            caveat=job.card.caveat,
            tuned=recipe.tuned,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        yield Finished(record, kept)

    def checkpoint(self) -> Checkpoint:
        """What the run needs to go on; to be taken, and written, when `Stepped` or `Evaluated` has
        come and the next event has not been asked for."""
        snapshot = self._fit.snapshot()
        seconds = time.perf_counter() - self._began
        facts = _Facts(snapshot.progress, self._initial, tuple(self._rank_curve), seconds)
        best_step = self._fit.best.step if snapshot.best_weights else None
        return Checkpoint(
            self._fit.step,
            FACTS.dump_python(facts, mode="json"),
            snapshot.state,
            snapshot.best_weights,
            best_step,
        )


def save(finished: Finished, path: Path) -> None:
    """Writes scores, then the record: a record is never without its scores."""
    scores.save(finished.scores, record.scores_path(path))
    record.save(finished.record, path)


def _restore(fit: Fit, snapshot: Snapshot) -> None:
    try:
        fit.restore(snapshot)
    except (KeyError, RuntimeError, ValueError) as error:
        why = " ".join(str(error).split())
        raise BenchmarkError(
            f"the checkpoint of step {snapshot.progress.step} does not fit this code ({why});"
            " --fresh starts again"
        ) from None


def open_device(job: Job) -> torch.device:
    """Where the job runs, with its number of threads set. Raises BenchmarkError where there is no
    such device."""
    if job.device == "cuda" and not torch.cuda.is_available():
        raise BenchmarkError("--device cuda: no usable GPU is found here; use --device cpu")
    keep_freed_memory()
    torch.set_num_threads(job.threads)
    return torch.device(job.device)


def seeded_model(job: Job, device: torch.device) -> CTRModel:
    """The untrained model. Seeds torch's generator, from which dropout draws later."""
    torch.manual_seed(job.seed)
    return job.recipe.build(job.store.schema).model.to(device)


def steps_per_epoch(recipe: Recipe, rows: int) -> int:
    """Raises UsageError where the run would end before its first evaluation."""
    steps = -(-rows // recipe.train.batch_size)
    if (recipe.train.evaluate_every or 1) > recipe.train.epochs * steps:
        raise UsageError(
            f"{recipe.id}: train.evaluate_every = {recipe.train.evaluate_every} is more than the "
            f"{recipe.train.epochs * steps} steps of the run"
        )
    return steps


def _first(split: Split, rows: int | None) -> Split:
    if rows is None:
        return split
    if rows > len(split):
        raise UsageError(f"--rows {rows}: there are only {len(split)} training rows")
    kept = Split(
        split.dense[:rows],
        split.sparse[:rows],
        split.label[:rows],
        None if split.group is None else split.group[:rows],
    )
    if not 0 < kept.positives < len(kept):
        raise UsageError(f"--rows {rows}: these training rows hold a single class; take more")
    return kept


def _test_metrics(
    kept: scores.ScoreArrays, logit: NDArray[np.float32], test: Split
) -> metrics.Metrics:
    """From the kept scores where they are complete, so that `verify` finds the same bits."""
    if scores.form(kept) == "bins":
        return metrics.evaluate(logit, test.label, test.group)
    found = scores.recompute(kept)
    if test.group is None:
        return found
    return replace(
        found, gauc=metrics.grouped_auc(logit.astype(np.float64), test.label, test.group)
    )
