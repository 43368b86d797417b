"""What the papers prove about rank, tried on random matrices as at initialisation.

By the rank of the input: the share of draws in which each statement holds, and what it assumes.
None of it is proven for trained networks; `trained` only reports what was measured there.

X is T x D of rank r, the product of two Gaussian matrices; srank is the stable rank. Numerical rank
counts the singular values above 1e-9 times the largest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from benchmark.records.record import Record

Matrices = NDArray[np.float64]
Generator = np.random.Generator

TOKENS, WIDTH, LIFTED, GROUPS = 26, 30, 90, 13
FULL_MAPS = 10
INPUT_RANKS = (1, 2, 3, 5, 10, 20, 26)
NUMERICAL_RANK = 1e-9


@dataclass(frozen=True)
class StatementOutcome:
    """The share of draws in which a statement holds, and means of the quantities it is about."""

    holds: float
    means: dict[str, float]


Check = Callable[[Generator, int, int], StatementOutcome]


@dataclass(frozen=True)
class Statement:
    """A statement; `check(generator, input rank, draws)` tries it at the input ranks `ranks`."""

    name: str
    claim: str
    assumes: str
    ranks: tuple[int, ...]
    check: Check


STATEMENTS: list[Statement] = []


@dataclass(frozen=True)
class TrainedStep:
    """The mean stable rank of a stage over that of the stage before, untrained and trained."""

    dataset: str
    recipe: str
    seed: int
    stage: str
    initial: float
    best: float


def run(draws: int, seed: int) -> dict[tuple[str, int], StatementOutcome]:
    """Try every statement at its input ranks; outcomes by statement name and input rank."""
    outcomes = {}
    for number, statement in enumerate(STATEMENTS):
        for rank in statement.ranks:
            generator = np.random.Generator(np.random.Philox(key=[seed, 1000 * number + rank]))
            outcomes[statement.name, rank] = statement.check(generator, rank, draws)
    return outcomes


def trained(records: "Sequence[Record]") -> list[TrainedStep]:
    """How each block's stages change the mean stable rank, in runs that have block stages."""
    steps = []
    for run in records:
        subject = run.dataset, run.name or run.recipe_digest[:12], run.seed
        for before, after in pairwise(run.spectra):
            if not after.stage.startswith("block"):
                continue
            if before.initial and after.initial and before.best and after.best:
                initial = after.initial.srank.mean / before.initial.srank.mean
                best = after.best.srank.mean / before.best.srank.mean
                steps.append(TrainedStep(*subject, after.stage, initial, best))
    return steps


def of_rank(
    generator: Generator, rank: int, draws: int, rows: int = TOKENS, columns: int = WIDTH
) -> Matrices:
    """Products [draws, rows, columns] of two Gaussian matrices with this inner size."""
    left = generator.standard_normal((draws, rows, rank))
    product: Matrices = left @ generator.standard_normal((draws, rank, columns))
    return product


def srank(x: Matrices) -> Matrices:
    """Stable ranks [n] of matrices [n, rows, columns]."""
    from benchmark.measure.spectrum import rank_metrics, singular_values

    return rank_metrics(singular_values(x))["srank"]


def numerical_rank(x: Matrices) -> NDArray[np.int64]:
    """Numerical ranks [n] of matrices [n, rows, columns]."""
    return np.asarray(np.linalg.matrix_rank(x, rtol=NUMERICAL_RANK))


def transposed_blocks(x: Matrices) -> Matrices:
    """RankMixer's mixing of [n, T, D]: head h of every token goes into token h."""
    n, tokens, width = x.shape
    return x.reshape(n, tokens, tokens, width // tokens).swapaxes(1, 2).reshape(x.shape)


def distance_to_groups(full: Matrices, groups: int) -> float:
    """Frobenius distance of a map [n, n] from the nearest I_groups (x) W, relative to its norm.

    The nearest W is the mean of the diagonal blocks."""
    size = len(full) // groups
    blocks = full.reshape(groups, size, groups, size)
    diagonal = blocks[range(groups), :, range(groups)]
    explained = groups * np.sum(diagonal.mean(axis=0) ** 2)
    return float(np.sqrt(max(1 - explained / np.sum(full**2), 0.0)))


def statement(
    name: str, claim: str, assumes: str, ranks: tuple[int, ...] = INPUT_RANKS
) -> Callable[[Check], Check]:
    """Register a check as the next of STATEMENTS."""

    def register(check: Check) -> Check:
        STATEMENTS.append(Statement(name, claim, assumes, ranks, check))
        return check

    return register


@statement(
    "mixing",
    "2km/(sqrt k + sqrt m)^2 <= srank(X + Y) <= 2(k + m), Y the block transpose of X, k and m their"
    " stable ranks",
    "X and Y nearly incoherent: inner product and that of the leading left directions near 0 (D = T"
    " here)",
)
def _mixing(generator: Generator, rank: int, draws: int) -> StatementOutcome:
    x = of_rank(generator, rank, draws, TOKENS, TOKENS)  # T heads need T to divide D
    y = transposed_blocks(x)
    k, m, mixed = srank(x), srank(y), srank(x + y)
    lower, upper = 2 * k * m / (np.sqrt(k) + np.sqrt(m)) ** 2, 2 * (k + m)
    norms = np.linalg.norm(x, axis=(1, 2)) * np.linalg.norm(y, axis=(1, 2))
    leading_x, leading_y = (np.linalg.svd(each, full_matrices=False)[0][:, :, 0] for each in (x, y))
    means = {
        "lower": lower,
        "srank(X+Y)": mixed,
        "upper": upper,
        "|<X,Y>|/|X||Y|": np.abs(np.sum(x * y, axis=(1, 2))) / norms,
        "|<u,u'>|": np.abs(np.sum(leading_x * leading_y, axis=1)),
    }
    return _outcome((lower <= mixed) & (mixed <= upper), means)


@statement(
    "contraction",
    "srank(relu(XA) B) < srank(X)",
    f"Gaussian A, B of width {LIFTED}, the same for every row; claimed in the mean for inputs of"
    " high rank",
)
def _contraction(generator: Generator, rank: int, draws: int) -> StatementOutcome:
    x = of_rank(generator, rank, draws)
    ratio = srank(_relu_ffn(generator, x)) / srank(x)
    return _outcome(ratio < 1, {"srank(F(X))/srank(X)": ratio})


@statement(
    "rank one",
    "rank(relu(XA) B) <= 2 for X of rank 1",
    "Gaussian A, B; a positively homogeneous activation without bias, as ReLU is and GELU is not",
    ranks=(1,),
)
def _rank_one(generator: Generator, rank: int, draws: int) -> StatementOutcome:
    x = of_rank(generator, rank, draws)
    relu = numerical_rank(_relu_ffn(generator, x))
    gelu = numerical_rank(_gelu(x @ generator.standard_normal((draws, WIDTH, LIFTED))))
    return _outcome(relu <= 2, {"rank(F(X))": relu, "rank(gelu(XA))": gelu})


@statement(
    "glu",
    "rank(gelu(XA) * (XC)) >= min(T, D, m, k(k + 1)/2) for X of rank k",
    f"Gaussian A, C without bias, width m = {LIFTED}",
)
def _glu(generator: Generator, rank: int, draws: int) -> StatementOutcome:
    x = of_rank(generator, rank, draws)
    gate, value = (generator.standard_normal((draws, WIDTH, LIFTED)) for _ in range(2))
    ranks = numerical_rank(_gelu(x @ gate) * (x @ value))
    bound = np.full(draws, min(TOKENS, WIDTH, LIFTED, rank * (rank + 1) // 2))
    return _outcome(ranks >= bound, {"bound": bound, "rank": ranks})


@statement(
    "kronecker",
    f"a full map M lies at positive distance from every I_g (x) W, g = {GROUPS}",
    f"M Gaussian on R^(TD); {FULL_MAPS} draws",
    ranks=(TOKENS * WIDTH,),
)
def _kronecker(generator: Generator, rank: int, draws: int) -> StatementOutcome:
    size = TOKENS * WIDTH
    maps = of_rank(generator, rank, min(draws, FULL_MAPS), size, size)
    distances = np.array([distance_to_groups(full, GROUPS) for full in maps])
    return _outcome(distances > NUMERICAL_RANK, {"distance/|M|": distances})


def _relu_ffn(generator: Generator, x: Matrices) -> Matrices:
    lift = generator.standard_normal((len(x), WIDTH, LIFTED))
    reduce = generator.standard_normal((len(x), LIFTED, WIDTH))
    return np.asarray(np.maximum(x @ lift, 0) @ reduce)


def _gelu(x: Matrices) -> Matrices:
    """The tanh form: the statement only needs an activation that is no polynomial."""
    return np.asarray(0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))))


def _outcome(
    holds: NDArray[np.bool_], quantities: dict[str, NDArray[np.floating] | NDArray[np.int64]]
) -> StatementOutcome:
    means = {name: float(values.mean()) for name, values in quantities.items()}
    return StatementOutcome(float(holds.mean()), means)
