"""Effective rank and related measures of how many directions a representation or an embedding table
uses.

With singular values sigma_1 >= ... >= sigma_q, p_i = sigma_i / sum sigma, lambda_i = sigma_i^2:
    erank = exp(-sum p_i ln p_i)               Roy & Vetterli 2007
    srank = sum sigma^2 / sigma_1^2            stable rank; the RankElastor paper (2605.23191)
    ia    = sum sigma / sigma_1                information abundance; Guo et al. 2310.04400
    pr    = (sum lambda)^2 / sum lambda^2      participation ratio
Always erank >= pr >= srank and erank >= ia >= srank.

Every spectrum comes from a float64 SVD: the eigenvalues of a Gram matrix would give sigma_i with an
error of about eps sigma_1^2 / (2 sigma_i). Tall matrices are reduced by QR, which keeps the
singular values up to rounding."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Literal

import numpy as np
import torch

from benchmark.data.schema import Schema
from benchmark.utils.arrays import Floats, Ids, Integers, Vector

SpectrumForm = Literal["token", "batch"]

METRICS = ("erank", "srank", "ia", "pr")
NEGLIGIBLE = 1e-12
CHUNK = 2**14  # table rows held in float64 at a time
COUNT_CHUNK = 2**20


@dataclass(frozen=True)
class Distribution:
    """One rank metric over the matrices of a stage."""

    mean: float
    sd: float
    q05: float
    q50: float
    q95: float


@dataclass(frozen=True)
class Spectrum:
    """The rank metrics of one stage over many matrices of one shape. Zero matrices are skipped and
    counted; `sigma` [limit] is the mean of sigma_i / sigma_1, to float32."""

    rows: int
    columns: int
    matrices: int
    skipped: int
    erank: Distribution
    srank: Distribution
    ia: Distribution
    pr: Distribution
    sigma: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.limit < 1:
            raise ValueError(f"a stage of {self.rows} x {self.columns}")

    @property
    def limit(self) -> int:
        return min(self.rows, self.columns)


@dataclass(frozen=True)
class StageSpectra:
    """A model's spectra by stage, in order: in `token` form one matrix a sample, in `batch` form
    one a token, its columns centred; None where every matrix is zero."""

    token: dict[str, Spectrum | None]
    batch: dict[str, Spectrum | None]

    def __getitem__(self, form: SpectrumForm) -> dict[str, Spectrum | None]:
        return self.token if form == "token" else self.batch


def singular_values(matrices: Floats) -> Vector:
    """Singular values [..., q] of matrices [..., rows, columns], falling, by float64 SVD."""
    values: Vector = np.linalg.svd(matrices.astype(np.float64), compute_uv=False)
    return values


def rank_metrics(sigma: Vector) -> dict[str, Vector]:
    """The four metrics of singular values [..., q], each [...]; sigma_1 must not be negligible."""
    s = sigma / sigma[..., :1]
    squares = s * s
    p = s / s.sum(-1, keepdims=True)
    entropy = -np.sum(p * np.log(np.where(p > 0, p, 1.0)), axis=-1)
    return {
        "erank": np.exp(entropy),
        "srank": squares.sum(-1),
        "ia": s.sum(-1),
        "pr": squares.sum(-1) ** 2 / np.sum(squares * squares, axis=-1),
    }


def triangle(rows: Vector, above: Vector | None = None) -> Vector:
    """R [..., at most columns, columns] of the QR of rows [..., n, columns] below `above`: it has
    the singular values of all rows so far."""
    stacked = rows if above is None else np.concatenate([above, rows], axis=-2)
    # numpy's QR ignores the number of threads
    r: Vector = torch.linalg.qr(torch.from_numpy(stacked), mode="r").R.numpy()
    return r


class StageCollector:
    """Spectra of the `token` form: one matrix per sample. Stages keep the order of their first
    batch."""

    def __init__(self) -> None:
        self._sigma: dict[str, list[Vector]] = {}
        self._shape: dict[str, tuple[int, int]] = {}

    def add(self, stage: str, x: Floats) -> None:
        """Add a batch [B, rows, columns] of a stage."""
        self._shape[stage] = (x.shape[1], x.shape[2])
        self._sigma.setdefault(stage, []).append(singular_values(x))

    def spectra(self) -> dict[str, Spectrum | None]:
        """Each stage's spectrum; None if every matrix is zero."""
        return {
            stage: _spectrum(np.concatenate(sigma), self._shape[stage])
            for stage, sigma in self._sigma.items()
        }


class BatchCollector:
    """Spectra of the `batch` form: for each token the matrix of samples x width, columns centred.

    Centring uses a column of ones: with [1 X] = Q R, the centred X has the singular values of R
    without its first row and column. Stages keep the order of their first batch."""

    def __init__(self) -> None:
        self._origin: dict[str, Vector] = {}
        self._triangles: dict[str, list[Vector]] = {}
        self._rows: dict[str, int] = {}

    def add(self, stage: str, x: Floats) -> None:
        """Add a batch [B, tokens, width] of a stage."""
        # subtracted so that a constant column becomes zero
        origin = self._origin.setdefault(stage, x[0].astype(np.float64))
        above: Sequence[Vector | None] = self._triangles.get(stage, [None] * len(origin))
        self._triangles[stage] = [
            triangle(np.column_stack([np.ones(len(x)), x[:, token] - origin[token]]), r)
            for token, r in enumerate(above)
        ]
        self._rows[stage] = self._rows.get(stage, 0) + len(x)

    def spectra(self) -> dict[str, Spectrum | None]:
        """Each stage's spectrum, with one matrix per token; None if no token varies."""
        spectra = {}
        for stage, triangles in self._triangles.items():
            centred = np.stack(triangles)[:, 1:, 1:]
            shape = (self._rows[stage], centred.shape[2])
            sigma = np.zeros((len(centred), min(shape)))
            sigma[:, : min(centred.shape[1:])] = singular_values(centred)
            spectra[stage] = _spectrum(sigma, shape)
        return spectra


def _spectrum(sigma: Vector, shape: tuple[int, int]) -> Spectrum | None:
    nonzero = sigma[sigma[:, 0] >= NEGLIGIBLE]
    if not len(nonzero):
        return None
    metrics = rank_metrics(nonzero)
    erank, srank, ia, pr = (_distribution(metrics[name]) for name in METRICS)
    decay = tuple(map(float, np.mean(nonzero / nonzero[:, :1], axis=0).astype(np.float32)))
    return Spectrum(*shape, len(sigma), len(sigma) - len(nonzero), erank, srank, ia, pr, decay)


def _distribution(values: Vector) -> Distribution:
    numbers = values.mean(), values.std(), *np.quantile(values, (0.05, 0.5, 0.95))
    return Distribution(*map(float, numbers))


@dataclass(frozen=True)
class TableRank:
    """Effective rank and information abundance of one field's table, not normalised."""

    erank: float
    ia: float


@dataclass(frozen=True)
class TableSpectrum:
    """One sparse field's matrix, seen x columns, of the ids that occur in training, not centred;
    `weighted`: each row times the square root of its count. Ranks of a zero matrix are None."""

    field: str
    cardinality: int
    seen: int
    columns: int
    plain: TableRank | None
    weighted: TableRank | None

    @property
    def limit(self) -> int:
        return min(self.seen, self.columns)


def id_counts(sparse: Ids, cardinalities: Sequence[int]) -> list[Integers]:
    """Count each id of each field: ids [n, n_sparse] -> n_sparse times [cardinality]."""
    counts = [np.zeros(cardinality, dtype=np.int64) for cardinality in cardinalities]
    for start in range(0, len(sparse), COUNT_CHUNK):
        part = sparse[start : start + COUNT_CHUNK]
        for j, count in enumerate(counts):
            count += np.bincount(part[:, j], minlength=len(count))
    return counts


def table_spectra(
    table: Floats, schema: Schema, counts: Sequence[Integers]
) -> tuple[TableSpectrum, ...]:
    """One spectrum per sparse field; `table` [sum of cardinalities, d] joins the fields' rows."""
    spectra, start = [], 0
    for field, count in zip(schema.sparse, counts, strict=True):
        rows = table[start : start + len(count)]
        start += len(count)
        seen = np.flatnonzero(count)
        chunks = [seen[first : first + CHUNK] for first in range(0, len(seen), CHUNK)]
        plain = _rank(rows[chunk] for chunk in chunks)
        weighted = _rank(rows[chunk] * np.sqrt(count[chunk])[:, None] for chunk in chunks)
        spectra.append(TableSpectrum(field, len(rows), len(seen), rows.shape[1], plain, weighted))
    return tuple(spectra)


def mean_over_fields(ranks: Iterable[TableRank | None]) -> TableRank | None:
    """The mean over the fields that have a rank, None if no field has."""
    present = [(rank.erank, rank.ia) for rank in ranks if rank is not None]
    return TableRank(*map(mean, zip(*present, strict=True))) if present else None


def _rank(parts: Iterable[Floats]) -> TableRank | None:
    r: Vector | None = None
    for part in parts:
        r = triangle(part.astype(np.float64), r)
    if r is None or (sigma := singular_values(r))[0] < NEGLIGIBLE:
        return None
    metrics = rank_metrics(sigma)
    return TableRank(float(metrics["erank"]), float(metrics["ia"]))
