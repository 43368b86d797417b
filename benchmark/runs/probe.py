"""Ranks inside a model: those of its stages over probe rows, and of its embedding table."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.data.schema import Schema, Split
from benchmark.measure import spectrum
from benchmark.measure.spectrum import (
    BatchCollector,
    Spectrum,
    StageCollector,
    StageSpectra,
    TableSpectrum,
)
from benchmark.model import CTRModel, embedding_table
from benchmark.records.measured import RankPoint
from benchmark.training.predict import observe

Rows = NDArray[np.int64]

PROBE_ROWS = 4096
CURVE_ROWS = 512
PROBE_SEED = 20_260_101
"""The probe is the same rows of a data set's validation split for every model and seed."""


class Probe:
    """Measures a model on the probe rows `rows`, or on fewer of them, `curve_rows`."""

    def __init__(self, model: CTRModel, valid: Split, device: torch.device) -> None:
        self._model, self._valid, self._device = model, valid, device
        self.rows = probe_rows(len(valid), PROBE_ROWS)
        self.curve_rows = probe_rows(len(valid), CURVE_ROWS)

    def spectra(self) -> StageSpectra:
        """The spectra of every stage, with the weights as they are."""
        return self._measure(self.rows)

    def point(self, step: int) -> RankPoint:
        """The effective rank of each stage after `step` steps."""
        spectra = self._measure(self.curve_rows)
        return RankPoint(step, _eranks(spectra.token), _eranks(spectra.batch))

    def _measure(self, rows: Rows) -> StageSpectra:
        token, batch = StageCollector(), BatchCollector()

        def add(stage: str, x: torch.Tensor) -> None:
            values = x.cpu().numpy()
            token.add(stage, values)
            batch.add(stage, values)

        observe(self._model, self._valid, rows, self._device, add)
        return StageSpectra(token.spectra(), batch.spectra())


def _eranks(spectra: Mapping[str, Spectrum | None]) -> dict[str, float | None]:
    return {stage: None if each is None else each.erank.mean for stage, each in spectra.items()}


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
