"""Effective rank and its relatives: how many directions a representation really uses.

sigma_1 >= ... >= sigma_q are the singular values of a matrix, p_i = sigma_i / sum sigma, lambda_i =
sigma_i^2:
    erank = exp(-sum p_i ln p_i)               Roy & Vetterli 2007
    srank = sum sigma^2 / sigma_1^2            stable rank; the RankElastor paper (2605.23191)
    ia    = sum sigma / sigma_1                information abundance; Guo et al. 2310.04400
    pr    = (sum lambda)^2 / sum lambda^2      participation ratio
Always erank >= pr >= srank, erank >= ia >= srank.

Every spectrum is that of a float64 SVD. Gram matrices are not used: their eigenvalues give sigma_i
with an error of about eps sigma_1^2 / (2 sigma_i), so a matrix near rank deficiency would need the
SVD anyway, and for the others they save less than half of the time. Tall matrices are reduced by
QR, which keeps the singular values to rounding.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

METRICS = ("erank", "srank", "ia", "pr")
NEGLIGIBLE = 1e-12

Matrices = NDArray[np.floating]


@dataclass(frozen=True)
class Distribution:
    """One rank metric over the matrices of a stage, raw; divide by `Spectrum.limit` to
    normalise."""

    mean: float
    sd: float
    q05: float
    q50: float
    q95: float


@dataclass(frozen=True)
class Spectrum:
    """The rank metrics of one stage over many matrices of one shape; zero matrices are skipped and
    counted.

    `sigma` is the mean of sigma_i / sigma_1 over the matrices, [limit].
    """

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

    def normalised(self, metric: str) -> float:
        """The metric's mean over min(rows, columns)."""
        distribution: Distribution = getattr(self, metric)
        return distribution.mean / self.limit


def singular_values(matrices: Matrices) -> NDArray[np.float64]:
    """Singular values [..., q] of matrices [..., rows, columns], falling, by float64 SVD."""
    values: NDArray[np.float64] = np.linalg.svd(matrices.astype(np.float64), compute_uv=False)
    return values


def rank_metrics(sigma: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """The four metrics of singular values [..., q], each [...]; the largest value must not be
    negligible."""
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


def triangle(
    rows: NDArray[np.float64], above: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """R [..., at most columns, columns] of the QR factors of rows [..., n, columns], set below
    those of `above`.

    The singular values of R are those of all the rows so far, whose number then costs no memory.
    """
    stacked = rows if above is None else np.concatenate([above, rows], axis=-2)
    r: NDArray[np.float64] = torch.linalg.qr(
        torch.from_numpy(stacked), mode="r"
    ).R.numpy()  # numpy's ignores --threads
    return r


class StageCollector:
    """`token` form, one matrix a sample as it is; stages keep the order in which they are first
    seen."""

    def __init__(self) -> None:
        self._sigma: dict[str, list[NDArray[np.float64]]] = {}
        self._shape: dict[str, tuple[int, int]] = {}

    def add(self, stage: str, x: Matrices) -> None:
        """One batch [B, rows, columns] of a stage."""
        self._shape[stage] = (x.shape[1], x.shape[2])
        self._sigma.setdefault(stage, []).append(singular_values(x))

    def spectra(self) -> dict[str, Spectrum | None]:
        """Each stage's spectrum; None where every matrix is zero."""
        return {
            stage: _spectrum(np.concatenate(sigma), self._shape[stage])
            for stage, sigma in self._sigma.items()
        }

    def samples(self, metric: str) -> dict[str, NDArray[np.float64]]:
        """Each stage's metric over its limit, sample by sample [n]; nan where the matrix is
        zero."""
        found = {}
        for stage, parts in self._sigma.items():
            sigma = np.concatenate(parts)
            kept = sigma[:, 0] >= NEGLIGIBLE
            found[stage] = np.full(len(sigma), np.nan)
            found[stage][kept] = rank_metrics(sigma[kept])[metric] / sigma.shape[1]
        return found


class BatchCollector:
    """`batch` form: for each token the matrix of all samples by its width, centred per column.

    The column of ones in front takes the means with it: with [1 X] = Q R, the centred X has the
    singular values of R without its first row and column. Stages keep the order in which they are
    first seen.
    """

    def __init__(self) -> None:
        self._origin: dict[str, NDArray[np.float64]] = {}
        self._triangles: dict[str, list[NDArray[np.float64]]] = {}
        self._rows: dict[str, int] = {}

    def add(self, stage: str, x: Matrices) -> None:
        """One batch [B, tokens, width] of a stage."""
        origin = self._origin.setdefault(
            stage, x[0].astype(np.float64)
        )  # so that a constant column becomes zero
        above: Sequence[NDArray[np.float64] | None] = self._triangles.get(
            stage, [None] * len(origin)
        )
        self._triangles[stage] = [
            triangle(np.column_stack([np.ones(len(x)), x[:, token] - origin[token]]), r)
            for token, r in enumerate(above)
        ]
        self._rows[stage] = self._rows.get(stage, 0) + len(x)

    def spectra(self) -> dict[str, Spectrum | None]:
        """Each stage's spectrum, one matrix a token; None where no token varies."""
        found = {}
        for stage, triangles in self._triangles.items():
            centred = np.stack(triangles)[:, 1:, 1:]
            shape = (self._rows[stage], centred.shape[2])
            sigma = np.zeros((len(centred), min(shape)))
            sigma[:, : min(centred.shape[1:])] = singular_values(centred)
            found[stage] = _spectrum(sigma, shape)
        return found


def _spectrum(sigma: NDArray[np.float64], shape: tuple[int, int]) -> Spectrum | None:
    kept = sigma[sigma[:, 0] >= NEGLIGIBLE]
    if not len(kept):
        return None
    found = rank_metrics(kept)
    erank, srank, ia, pr = (_distribution(found[name]) for name in METRICS)
    decay = tuple(map(float, np.mean(kept / kept[:, :1], axis=0)))
    return Spectrum(*shape, len(sigma), len(sigma) - len(kept), erank, srank, ia, pr, decay)


def _distribution(values: NDArray[np.float64]) -> Distribution:
    q05, q50, q95 = np.quantile(values, (0.05, 0.5, 0.95))
    return Distribution(
        float(values.mean()), float(values.std()), float(q05), float(q50), float(q95)
    )
