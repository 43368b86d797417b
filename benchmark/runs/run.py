"""One run: recipe, data and seed in, events out; the last event holds the record.

A run writes nothing: consumers of its events show it, save it and log it.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from benchmark.contract import own_faults
from benchmark.data.card import SPLITS
from benchmark.distributed.row_blocks import make_whole, share_out
from benchmark.distributed.world import World
from benchmark.errors import BenchmarkError
from benchmark.measure import metrics
from benchmark.measure.cost import Parameters, outline_of
from benchmark.measure.spectrum import StageSpectra
from benchmark.model import HasTrainingNote
from benchmark.recipes.precision import slow_here
from benchmark.recipes.recipe import Monitor
from benchmark.records import environment, measured, scores
from benchmark.records.doubts import doubts
from benchmark.records.measured import Measured, RankPoint
from benchmark.records.record import NUMERICS, Cost, Digests, Epoch, Processes, Quality, Record
from benchmark.records.scores import KeptScores
from benchmark.registry import models
from benchmark.runs.job import Job, first_rows, open_device, seeded_model, steps_per_epoch
from benchmark.runs.probe import Probe, table_spectra
from benchmark.runs.rehearsal import rehearse
from benchmark.training.checkpoint import Checkpoint
from benchmark.training.fit import Evaluated, Fit, FitProgress, Fitted, Snapshot, Stepped
from benchmark.training.predict import predict
from benchmark.training.step import compile_model
from benchmark.utils.memory import peak_memory_gib


@dataclass(frozen=True)
class Started:
    job: Job
    parameters: Parameters
    flops_per_sample: int
    steps_per_epoch: int
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Resumed:
    """The run continues after `step` steps and the evaluations of `curve`."""

    step: int
    epoch: int
    curve: tuple[Evaluated, ...]
    seconds: float


@dataclass(frozen=True)
class Finished:
    record: Record
    scores: KeptScores


RunEvent = Started | Resumed | Stepped | Evaluated | Fitted | Finished


@dataclass(frozen=True)
class _Progress:
    """The JSON part of a checkpoint; `initial` are the spectra of the untrained model."""

    progress: FitProgress
    initial: StageSpectra
    rank_curve: tuple[RankPoint, ...]
    seconds: float


PROGRESS = TypeAdapter(_Progress)


class Run:
    """Iterate over it to train, score the test split once and measure; `Finished` comes last.

    `resume` continues from a checkpoint. `model` holds the best weights from `Fitted` on. Iterating
    raises UsageError for hyperparameters that do not fit the data, BenchmarkError for a diverging
    run and for a checkpoint that does not fit the code.

    Example::

        source, store = catalog.open_data("synthetic_tiny", data_root=None, notify=print)
        recipe = recipes.load("synthetic_tiny/lr")
        for event in Run(Job(recipe, source.card, store, seed=0, threads=1)):
            if isinstance(event, Finished):
                print(event.record.metrics.test.auc)
    """

    def __init__(self, job: Job, resume: Checkpoint | None = None) -> None:
        self.job, self._resume = job, resume

    def __iter__(self) -> Iterator[RunEvent]:
        with own_faults(self.job.recipe.model, models.get(self.job.recipe.model)):
            yield self._prepare()
            yield from self._train()
            kept = self._score()
            record = self._record(kept)
        warnings = tuple(doubts(record, kept))
        yield Finished(record.model_copy(update={"warnings": warnings}), kept)

    def checkpoint(self) -> Checkpoint:
        """What the run needs to continue; take it after `Stepped` or `Evaluated`, and write it
        before asking for the next event."""
        snapshot, curve = self._fit.snapshot(), tuple(self._rank_curve)
        progress = _Progress(snapshot.progress, self._initial, curve, self._seconds)
        return Checkpoint(
            step=self._fit.step,
            facts=PROGRESS.dump_python(progress, mode="json"),
            state=snapshot.state,
            best=snapshot.best_weights,
            tables=frozenset(self._tables),
        )

    @property
    def _seconds(self) -> float:
        """Seconds since the model was ready, those before the checkpoint included."""
        return time.perf_counter() - self._began

    def _prepare(self) -> Started:
        """Open the splits and build the untrained model."""
        job, recipe, schema = self.job, self.job.recipe, self.job.store.schema
        self._device = open_device(job)
        train, self._valid, self._test = (job.store.split(name) for name in SPLITS)
        self._train_split = first_rows(train, job.rows)
        steps = steps_per_epoch(recipe, len(self._train_split))
        warnings = slow_here(recipe.train.precision, self._device)
        warnings += rehearse(job, self._train_split, self._device)
        built = seeded_model(job, self._device)
        self._outline = outline_of(recipe.model, built, schema)
        self.model = built.model
        self._tables = share_out(self.model, job.world, f"recipe {recipe.id}")
        self._notes = self._outline.notes
        if recipe.train.compile:
            self._notes += compile_model(self.model, self._device)
        size, flops = self._outline.parameters, self._outline.flops_per_sample
        self._began = time.perf_counter()  # the first run of a process imports until here
        return Started(job, size, flops, steps, self._notes, warnings)

    def _train(self) -> Iterator[RunEvent]:
        """Fit, measuring the rank at each evaluation; continue from a checkpoint."""
        checkpoint = self._resume
        self._probe = Probe(self.model, self._valid, self._device)
        before = None if checkpoint is None else PROGRESS.validate_python(checkpoint.facts)
        self._initial = self._probe.spectra() if before is None else before.initial
        self._rank_curve = [] if before is None else list(before.rank_curve)
        train, seed = self.job.recipe.train, self.job.seed
        splits = self._train_split, self._valid
        world, tables = self.job.world, self._tables
        self._fit = Fit(
            self.model, *splits, train, seed=seed, device=self._device, tables=tables, world=world
        )
        if checkpoint is not None and before is not None:
            self._restore(Snapshot(before.progress, checkpoint.state, checkpoint.best))
            self._began -= before.seconds
            self._resume = checkpoint = None  # frees a second copy of the weights
            yield Resumed(self._fit.step, self._fit.epoch, before.progress.curve, before.seconds)
        for event in self._fit.events():
            if isinstance(event, Evaluated):
                self._rank_curve.append(self._probe.point(event.step))
            elif isinstance(event, Fitted):
                self._fitted = event
            yield event

    def _score(self) -> KeptScores:
        """Score the test split once at the best epoch by each monitor; the first one's weights
        stay in the model."""
        best, *others = self.job.recipe.train.monitors
        one_epoch = others and self._fit.best(best).step == self._fit.best("logloss").step
        calibrated = self._logits("logloss") if others and not one_epoch else None
        self._best_logits = self._logits(best)
        if one_epoch:
            calibrated = self._best_logits
        label = self._test.label
        counted = None if calibrated is None else scores.counted(calibrated, label)
        return KeptScores(scores.by_row(self._best_logits, label), counted)

    def _logits(self, monitor: Monitor) -> NDArray[np.float32]:
        self._fit.load_best(monitor)
        try:
            return predict(self.model, self._test, self._device, self.job.world)
        except FloatingPointError as error:
            raise BenchmarkError(f"{self.job.recipe.id}: the test scores: {error}") from None

    def _quality(self, kept: KeptScores) -> Quality:
        """The metrics of what is kept, so that `verify` finds the same bits."""
        fit, oracle, test = self._fit, self.job.store.oracle, scores.evaluate(kept.best)
        if self._test.group is not None:
            logit = scores.rounded(self._best_logits)
            gauc = metrics.grouped_auc(logit, self._test.label, self._test.group)
            test = replace(test, gauc=gauc)
        calibrated = kept.best_logloss
        return Quality(
            valid=fit.best(self.job.recipe.train.monitors[0]).valid,
            test=test,
            valid_logloss=fit.best("logloss").valid if calibrated else None,
            test_logloss=scores.evaluate(calibrated) if calibrated else None,
            oracle_auc=oracle.auc if oracle else None,
            oracle_logloss=oracle.logloss if oracle else None,
        )

    def _measured(self) -> Measured:
        best, world = self._probe.spectra(), self.job.world
        make_whole(self.model, self._tables, world)
        schema, train = self.job.store.schema, self._train_split
        return Measured(
            initial=self._initial,
            best=best,
            tables=world.from_first(lambda: table_spectra(self.model, schema, train)),
            curve=tuple(self._fit.curve),
            rank_curve=tuple(self._rank_curve),
        )

    def _restore(self, snapshot: Snapshot) -> None:
        try:
            self._fit.restore(snapshot)
        except (KeyError, RuntimeError, ValueError) as error:
            why = " ".join(str(error).split())
            raise BenchmarkError(
                f"the checkpoint of step {snapshot.progress.step} does not fit this code ({why});"
                " --fresh starts again"
            ) from None

    def _record(self, kept: KeptScores) -> Record:
        job, recipe, store, fitted = self.job, self.job.recipe, self.job.store, self._fitted
        found, monitors = self._measured(), recipe.train.monitors
        if isinstance(self.model, HasTrainingNote):
            self._notes += (self.model.training_note(),)
        return Record(
            numerics=NUMERICS,
            dataset=recipe.dataset,
            name=job.name,
            train_rows=job.rows,
            recipe=recipe.resolved(),
            recipe_digest=recipe.digest(),
            notes=self._notes,
            seed=job.seed,
            threads=job.threads,
            device=job.device,
            processes=_processes(job.world),
            data=store.fingerprint,
            parameters=self._outline.parameters,
            flops_per_sample=self._outline.flops_per_sample,
            metrics=self._quality(kept),
            digests=_digests(kept, found),
            probe_rows=len(self._probe.rows),
            curve_probe_rows=len(self._probe.curve_rows),
            best=_epoch(self._fit.best(monitors[0])),
            best_logloss=_epoch(self._fit.best("logloss")) if len(monitors) > 1 else None,
            stopped_by=fitted.reason,
            cost=Cost(
                train_seconds=fitted.train_seconds,
                total_seconds=self._seconds,
                train_samples_per_s=fitted.samples_per_s,
                predict_samples_per_s=fitted.predict_samples_per_s,
                peak_memory_gib=peak_memory_gib(),
            ),
            environment=environment.on(self._device),
            caveat=job.card.caveat,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            measured=found,
        )


def _digests(kept: KeptScores, found: Measured) -> Digests:
    calibrated = kept.best_logloss
    return Digests(
        scores=scores.digest(kept.best),
        scores_logloss=None if calibrated is None else scores.digest(calibrated),
        measured=measured.digest(found),
    )


def _processes(world: World) -> Processes | None:
    return None if world.size == 1 else Processes(count=world.size, backend=world.backend)


def _epoch(evaluated: Evaluated) -> Epoch:
    return Epoch(step=evaluated.step, epoch=evaluated.epoch)
