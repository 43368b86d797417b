"""Effective rank and its relatives: how many directions a representation really uses.

sigma_1 >= ... >= sigma_q are the singular values of a matrix, p_i = sigma_i / sum sigma, lambda_i = sigma_i^2:
    erank = exp(-sum p_i ln p_i)               Roy & Vetterli 2007
    srank = sum sigma^2 / sigma_1^2            stable rank; the RankElastor paper (2605.23191)
    ia    = sum sigma / sigma_1                information abundance; Guo et al. 2310.04400
    pr    = (sum lambda)^2 / sum lambda^2      participation ratio
Always erank >= pr >= srank, erank >= ia >= srank.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

METRICS = ("erank", "srank", "ia", "pr")
NEGLIGIBLE = 1e-12

Matrices = NDArray[np.floating]


@dataclass(frozen=True)
class Distribution:
    """One rank metric over the matrices of a stage, raw; divide by `Spectrum.limit` to normalise."""

    mean: float
    sd: float
    q05: float
    q50: float
    q95: float


@dataclass(frozen=True)
class Spectrum:
    """The rank metrics of one stage over many matrices of one shape; zero matrices are skipped and counted."""

    rows: int
    columns: int
    matrices: int
    skipped: int
    erank: Distribution
    srank: Distribution
    ia: Distribution
    pr: Distribution

    def __post_init__(self) -> None:
        if self.limit < 1:
            raise ValueError(f"a stage of {self.rows} x {self.columns}")

    @property
    def limit(self) -> int:
        return min(self.rows, self.columns)


def singular_values(matrices: Matrices) -> NDArray[np.float64]:
    """Singular values [..., q] of matrices [..., rows, columns], falling, by float64 SVD."""
    values: NDArray[np.float64] = np.linalg.svd(matrices.astype(np.float64), compute_uv=False)
    return values


def rank_metrics(sigma: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """The four metrics of singular values [..., q], each [...]; the largest value must not be negligible."""
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


class StageCollector:
    """Gathers singular values stage by stage, a batch at a time; stages keep the order in which they are first seen."""

    def __init__(self) -> None:
        self._sigma: dict[str, list[NDArray[np.float64]]] = {}
        self._shape: dict[str, tuple[int, int]] = {}

    def add(self, stage: str, matrices: Matrices) -> None:
        """One batch [B, rows, columns] of a stage, one matrix a sample, not centred."""
        self._shape[stage] = (matrices.shape[1], matrices.shape[2])
        self._sigma.setdefault(stage, []).append(singular_values(matrices))

    def spectra(self) -> dict[str, Spectrum | None]:
        """Each stage's spectrum; None where every matrix is zero."""
        return {stage: _spectrum(np.concatenate(sigma), self._shape[stage]) for stage, sigma in self._sigma.items()}


def _spectrum(sigma: NDArray[np.float64], shape: tuple[int, int]) -> Spectrum | None:
    kept = sigma[sigma[:, 0] >= NEGLIGIBLE]
    if not len(kept):
        return None
    erank, srank, ia, pr = (_distribution(rank_metrics(kept)[name]) for name in METRICS)
    return Spectrum(*shape, len(sigma), len(sigma) - len(kept), erank, srank, ia, pr)


def _distribution(values: NDArray[np.float64]) -> Distribution:
    q05, q50, q95 = np.quantile(values, (0.05, 0.5, 0.95))
    return Distribution(float(values.mean()), float(values.std()), float(q05), float(q50), float(q95))
