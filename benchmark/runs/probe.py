"""Ranks inside a model: those of its stages over probe rows, and of its embedding table."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.data.schema import Schema, Split
from benchmark.measure import spectrum, trajectory
from benchmark.measure.spectrum import BatchCollector, Spectrum, StageCollector, TableSpectrum
from benchmark.measure.trajectory import Density
from benchmark.model import CTRModel, embedding_table
from benchmark.records.record import RankPoint, StageSpectra
from benchmark.training.predict import observe

Rows = NDArray[np.int64]

PROBE_ROWS = 4096
CURVE_ROWS = 512
PROBE_SEED = 20_260_101
"""The probe is the same rows of a data set's validation split for every model and seed."""


@dataclass(frozen=True)
class Views:
    """Spectra of every stage in `token` and in `batch` form, and the density of samples' ranks."""

    token: dict[str, Spectrum | None]
    batch: dict[str, Spectrum | None]
    density: dict[str, Density]


class Probe:
    """Measures a model on the probe rows `rows`, or on fewer of them, `curve_rows`."""

    def __init__(self, model: CTRModel, valid: Split, device: torch.device) -> None:
        self._model, self._valid, self._device = model, valid, device
        self.rows = probe_rows(len(valid), PROBE_ROWS)
        self.curve_rows = probe_rows(len(valid), CURVE_ROWS)

    def views(self) -> Views:
        """Every stage with the weights as they are."""
        token, batch = StageCollector(), BatchCollector()

        def add(stage: str, x: NDArray[np.float32]) -> None:
            token.add(stage, x)
            batch.add(stage, x)

        self._observe(self.rows, add)
        densities = trajectory.densities(token.samples("erank"))
        by_stage = {density.stage: density for density in densities}
        return Views(token.spectra(), batch.spectra(), by_stage)

    def point(self, step: int) -> RankPoint:
        """The normalised effective rank of each stage after `step` steps."""
        token = StageCollector()
        self._observe(self.curve_rows, token.add)
        return RankPoint(step=step, erank=trajectory.normalised(token.spectra(), "erank"))

    def _observe(self, rows: Rows, add: Callable[[str, NDArray[np.float32]], None]) -> None:
        def callback(stage: str, x: torch.Tensor) -> None:
            add(stage, x.cpu().numpy())

        observe(self._model, self._valid, rows, self._device, callback)


def stage_spectra(initial: Views, best: Views) -> tuple[StageSpectra, ...]:
    return tuple(
        StageSpectra(
            stage=stage,
            initial=initial.token[stage],
            best=best.token[stage],
            initial_batch=initial.batch[stage],
            best_batch=best.batch[stage],
            initial_density=initial.density[stage],
            best_density=best.density[stage],
        )
        for stage in best.token
    )


def table_spectra(model: CTRModel, schema: Schema, train: Split) -> tuple[TableSpectrum, ...]:
    """The model's embedding table by field, over the ids seen in training; empty without one."""
    table = embedding_table(model)
    if table is None:
        return ()
    counts = spectrum.id_counts(train.sparse, schema.cardinalities)
    return spectrum.table_spectra(table.detach().cpu().numpy(), schema, counts)


def probe_rows(n: int, count: int) -> Rows:
    """`count` of n validation rows, at most all, in order; fewer rows are a subset of more."""
    rows = np.random.Generator(np.random.Philox(key=PROBE_SEED)).permutation(n)[:count]
    return np.sort(rows)
