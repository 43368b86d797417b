"""What a run measured besides its metrics: spectra and curves, as arrays beside the record.

spectra.*       by [untrained or best, token or batch, stage]: shape, metrics, singular values
tables.*        by sparse field
curve.*         by evaluation
rank_curve.*    by evaluation, [token or batch, stage]
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from benchmark.measure.metrics import Metrics
from benchmark.measure.spectrum import (
    METRICS,
    Distribution,
    Spectrum,
    SpectrumForm,
    StageSpectra,
    TableRank,
    TableSpectrum,
)
from benchmark.recipes.recipe import MONITORS
from benchmark.records import arrays as files
from benchmark.records.arrays import Arrays
from benchmark.records.scores import is_score
from benchmark.training.fit import Evaluated
from benchmark.utils.arrays import Vector

When = Literal["initial", "best"]
"""Untrained, or with the best weights."""

WHEN: tuple[When, ...] = get_args(When)
FORMS: tuple[SpectrumForm, ...] = get_args(SpectrumForm)
SECONDS = "curve.seconds"


@dataclass(frozen=True)
class RankPoint:
    """Mean effective rank by stage after `step` steps, on the first of the probe rows."""

    step: int
    token: dict[str, float | None]
    batch: dict[str, float | None]

    def __getitem__(self, form: SpectrumForm) -> dict[str, float | None]:
        return self.token if form == "token" else self.batch


@dataclass(frozen=True)
class Measured:
    """Spectra untrained and with the best weights, the embedding table of each sparse field over
    the ids seen in training, the learning curve, and the ranks along it."""

    initial: StageSpectra
    best: StageSpectra
    tables: tuple[TableSpectrum, ...] = ()
    curve: tuple[Evaluated, ...] = ()
    rank_curve: tuple[RankPoint, ...] = ()

    def spectra(self, when: When) -> StageSpectra:
        return self.initial if when == "initial" else self.best

    @property
    def stages(self) -> list[str]:
        """The names of the stages, in order."""
        return list(self.best.token)


def pack(measured: Measured) -> Arrays:
    """The arrays of a file; `unpack` gives the same back, to the bit."""
    stages = measured.stages
    return {
        "stages": np.array(stages, dtype=np.str_),
        **_pack_spectra([measured.spectra(when)[form] for when in WHEN for form in FORMS], stages),
        **_pack_tables(measured.tables),
        **_pack_curve(measured.curve),
        **_pack_rank_curve(measured.rank_curve, stages),
    }


def digest(measured: Measured) -> str:
    """SHA-256 of all but the seconds, which differ from run to run."""
    return files.digest({k: array for k, array in pack(measured).items() if k != SECONDS})


def load(path: Path) -> Measured:
    """Raises BenchmarkError naming a missing, damaged or malformed file."""
    arrays = files.load(path, lambda name: not is_score(name))
    try:
        return unpack(arrays)
    except (KeyError, ValueError, TypeError, IndexError):
        raise files.malformed(path, "the spectra and curves") from None


def unpack(arrays: Arrays) -> Measured:
    """Raises KeyError, ValueError, TypeError or IndexError for arrays that `pack` does not make."""
    stages = [str(stage) for stage in arrays["stages"]]
    return Measured(
        *_unpack_spectra(arrays, stages),
        _unpack_tables(arrays),
        _unpack_curve(arrays),
        _unpack_rank_curve(arrays, stages),
    )


def _pack_spectra(
    views: Sequence[dict[str, Spectrum | None]], stages: Sequence[str]
) -> dict[str, NDArray[Any]]:
    shape = np.zeros((len(views), len(stages), 4), np.int32)
    metrics = np.zeros((len(views), len(stages), len(METRICS), 5))
    sigma: list[float] = []
    for (view, stage), spectrum in _each_spectrum(views, stages):
        if spectrum is not None:
            counts = spectrum.rows, spectrum.columns, spectrum.matrices, spectrum.skipped
            shape[view, stage] = counts
            metrics[view, stage] = [_five(getattr(spectrum, metric)) for metric in METRICS]
            sigma += spectrum.sigma
    return {
        "spectra.shape": shape,
        "spectra.metrics": metrics,
        "spectra.sigma": np.array(sigma, np.float32),
    }


def _each_spectrum(
    views: Sequence[dict[str, Spectrum | None]], stages: Sequence[str]
) -> Iterable[tuple[tuple[int, int], Spectrum | None]]:
    for v, view in enumerate(views):
        for s, stage in enumerate(stages):
            yield (v, s), view[stage]


def _five(each: Distribution) -> tuple[float, ...]:
    return each.mean, each.sd, each.q05, each.q50, each.q95


def _unpack_spectra(arrays: Arrays, stages: Sequence[str]) -> tuple[StageSpectra, StageSpectra]:
    shape, metrics = arrays["spectra.shape"], _finite(arrays["spectra.metrics"])
    lengths = shape[..., :2].min(axis=-1)
    sigma = _finite(arrays["spectra.sigma"])
    if len(sigma) != lengths.sum():
        raise ValueError("not the singular values of these shapes")
    decays = iter(np.split(sigma, np.cumsum(lengths)[:-1]))
    views = [
        {
            stage: _spectrum(counts, values, next(decays))
            for stage, counts, values in zip(stages, *view, strict=True)
        }
        for view in zip(shape.tolist(), metrics.tolist(), strict=True)
    ]
    return StageSpectra(*views[:2]), StageSpectra(*views[2:])


def _spectrum(
    counts: Sequence[int], values: Sequence[Sequence[float]], decay: Vector
) -> Spectrum | None:
    rows, columns, matrices, skipped = counts
    erank, srank, ia, pr = (Distribution(*each) for each in values)
    if not matrices:
        return None
    sigma = tuple(decay.tolist())
    return Spectrum(rows, columns, matrices, skipped, erank, srank, ia, pr, sigma)


def _pack_tables(tables: Sequence[TableSpectrum]) -> dict[str, NDArray[Any]]:
    ranks = [[_pair(table.plain), _pair(table.weighted)] for table in tables]
    return {
        "tables.fields": np.array([table.field for table in tables], dtype=np.str_),
        "tables.counts": np.array(
            [(table.cardinality, table.seen, table.columns) for table in tables], np.int64
        ),
        "tables.ranks": np.array(ranks, np.float64),
    }


def _pair(rank: TableRank | None) -> tuple[float, float]:
    return (np.nan, np.nan) if rank is None else (rank.erank, rank.ia)


def _unpack_tables(arrays: Arrays) -> tuple[TableSpectrum, ...]:
    fields, counts = arrays["tables.fields"].tolist(), arrays["tables.counts"].tolist()
    tables = []
    for field, numbers, ranks in zip(fields, counts, arrays["tables.ranks"].tolist(), strict=True):
        plain, weighted = (None if np.isnan(pair[0]) else TableRank(*pair) for pair in ranks)
        cardinality, seen, columns = numbers
        tables.append(TableSpectrum(field, cardinality, seen, columns, plain, weighted))
    return tuple(tables)


def _pack_curve(curve: Sequence[Evaluated]) -> dict[str, NDArray[Any]]:
    values = [(point.learning_rate, point.train_loss, *_six(point.valid)) for point in curve]
    improved = [[monitor in point.improved for monitor in MONITORS] for point in curve]
    return {
        "curve.steps": np.array([(point.step, point.epoch) for point in curve], np.int64),
        "curve.values": np.array(values, np.float64),
        "curve.improved": np.array(improved, np.bool_),
        SECONDS: np.array([point.seconds for point in curve], np.float64),
    }


def _six(valid: Metrics) -> tuple[float, ...]:
    gauc = np.nan if valid.gauc is None else valid.gauc
    return valid.auc, valid.logloss, valid.ne, valid.calibration, valid.ece, gauc


def _unpack_curve(arrays: Arrays) -> tuple[Evaluated, ...]:
    columns = (arrays[f"curve.{name}"].tolist() for name in ("steps", "values", "improved"))
    seconds: list[float] = arrays[SECONDS].tolist()
    curve = []
    for (step, epoch), numbers, flags, at in zip(*columns, seconds, strict=True):
        rate, loss, auc, logloss, ne, calibration, ece, gauc = numbers
        valid = Metrics(auc, logloss, ne, calibration, ece, None if np.isnan(gauc) else gauc)
        monitors = tuple(name for name, flag in zip(MONITORS, flags, strict=True) if flag)
        curve.append(Evaluated(step, epoch, rate, loss, valid, monitors, at))
    return tuple(curve)


def _pack_rank_curve(points: Sequence[RankPoint], stages: Sequence[str]) -> dict[str, NDArray[Any]]:
    values = [[[point[form][stage] for stage in stages] for form in FORMS] for point in points]
    return {
        "rank_curve.steps": np.array([point.step for point in points], np.int64),
        "rank_curve.erank": np.array(values, np.float64),
    }


def _unpack_rank_curve(arrays: Arrays, stages: Sequence[str]) -> tuple[RankPoint, ...]:
    steps: list[int] = arrays["rank_curve.steps"].tolist()
    points = []
    for step, forms in zip(steps, arrays["rank_curve.erank"].tolist(), strict=True):
        token, batch = (
            {s: None if np.isnan(v) else v for s, v in zip(stages, form, strict=True)}
            for form in forms
        )
        points.append(RankPoint(step, token, batch))
    return tuple(points)


def _finite(array: NDArray[Any]) -> Vector:
    values = array.astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("a number that is not finite")
    return values
