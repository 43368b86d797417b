"""What the papers prove about rank, tried on random matrices as at initialisation: in what share of
the draws does each statement hold, by the rank of the input, and what are its assumptions? Nothing
of it is proven for trained networks: `trained` only tells what was measured there.

X is T x D of rank r, the product of two Gaussian matrices; srank is the stable rank. Numerical rank
counts the singular values above 1e-9 times the largest.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from benchmark.measure.spectrum import rank_metrics, singular_values
from benchmark.records.record import Record, StageSpectra

Matrices = NDArray[np.float64]
Generator = np.random.Generator

TOKENS, WIDTH = 26, 30
LIFTED = 90
GROUPS = 13
FULL_MAPS = 10
INPUT_RANKS = (1, 2, 3, 5, 10, 20, 26)
NUMERICAL_RANK = 1e-9


@dataclass(frozen=True)
class StatementOutcome:
    """The share of draws in which a statement holds, and means of the quantities it is about."""

    holds: float
    means: dict[str, float]


@dataclass(frozen=True)
class Statement:
    """`check(generator, input rank, draws)`."""

    name: str
    claim: str
    assumes: str
    ranks: tuple[int, ...]
    check: Callable[[Generator, int, int], StatementOutcome]


@dataclass(frozen=True)
class TheoryRow:
    statement: Statement
    input_rank: int
    outcome: StatementOutcome


@dataclass(frozen=True)
class TrainedStep:
    """One stage of a run: its mean stable rank over that of the stage before, untrained and with
    the best weights."""

    dataset: str
    recipe: str
    seed: int
    stage: str
    initial: float
    best: float


def run(draws: int, seed: int) -> list[TheoryRow]:
    """Every statement at the input ranks it is about, each from a generator of its own."""
    rows = []
    for number, statement in enumerate(STATEMENTS):
        for rank in statement.ranks:
            generator = np.random.Generator(np.random.Philox(key=[seed, 1000 * number + rank]))
            rows.append(TheoryRow(statement, rank, statement.check(generator, rank, draws)))
    return rows


def trained(records: Sequence[Record]) -> list[TrainedStep]:
    """How each stage changes the mean stable rank of the one before, in runs whose stages mix and
    feed forward."""
    return [
        TrainedStep(
            record.dataset,
            record.name or record.recipe_digest[:12],
            record.seed,
            after.stage,
            *ratios,
        )
        for record in records
        for before, after in pairwise(record.spectra)
        if after.stage.startswith("block") and (ratios := _ratios(before, after)) is not None
    ]


def of_rank(
    generator: Generator, rank: int, draws: int, rows: int = TOKENS, columns: int = WIDTH
) -> Matrices:
    """[draws, rows, columns] products of two Gaussian matrices of the given inner size."""
    product: Matrices = generator.standard_normal((draws, rows, rank)) @ generator.standard_normal(
        (draws, rank, columns)
    )
    return product


def srank(x: Matrices) -> Matrices:
    """Stable ranks [n] of matrices [n, rows, columns]."""
    return rank_metrics(singular_values(x))["srank"]


def numerical_rank(x: Matrices) -> NDArray[np.int64]:
    sigma = singular_values(x)
    count: NDArray[np.int64] = (sigma > NUMERICAL_RANK * sigma[..., :1]).sum(axis=-1)
    return count


def transposed_blocks(x: Matrices) -> Matrices:
    """RankMixer's mixing of [n, T, D]: head h of every token goes into token h."""
    n, tokens, width = x.shape
    return x.reshape(n, tokens, tokens, width // tokens).swapaxes(1, 2).reshape(x.shape)


def distance_to_groups(full: Matrices, groups: int) -> float:
    """Frobenius distance of a map [n, n] from the nearest I_groups (x) W, relative to its norm.

    The nearest W is the mean of the diagonal blocks."""
    size = len(full) // groups
    blocks = np.stack(
        [full[g * size : (g + 1) * size, g * size : (g + 1) * size] for g in range(groups)]
    )
    reached = groups * np.sum(blocks.mean(axis=0) ** 2)
    return float(np.sqrt(max(1 - reached / np.sum(full**2), 0.0)))


def _mixing(generator: Generator, rank: int, draws: int) -> StatementOutcome:
    x = of_rank(generator, rank, draws, TOKENS, TOKENS)  # T heads need T to divide D
    y = transposed_blocks(x)
    k, m, mixed = srank(x), srank(y), srank(x + y)
    lower, upper = 2 * k * m / (np.sqrt(k) + np.sqrt(m)) ** 2, 2 * (k + m)
    inner = np.abs(np.sum(x * y, axis=(1, 2))) / (_norm(x) * _norm(y))
    leading = np.abs(np.sum(_leading(x) * _leading(y), axis=1))
    means = {
        "lower": lower,
        "srank(X+Y)": mixed,
        "upper": upper,
        "|<X,Y>|/|X||Y|": inner,
        "|<u,u'>|": leading,
    }
    return _outcome((lower <= mixed) & (mixed <= upper), means)


def _contraction(generator: Generator, rank: int, draws: int) -> StatementOutcome:
    x = of_rank(generator, rank, draws)
    ratio = srank(_relu_ffn(generator, x)) / srank(x)
    return _outcome(ratio < 1, {"srank(F(X))/srank(X)": ratio})


def _rank_one(generator: Generator, rank: int, draws: int) -> StatementOutcome:
    x = of_rank(generator, rank, draws)
    found = numerical_rank(_relu_ffn(generator, x))
    gelu = numerical_rank(_gelu(x @ generator.standard_normal((draws, WIDTH, LIFTED))))
    return _outcome(found <= 2, {"rank(F(X))": found, "rank(gelu(XA))": gelu})


def _glu(generator: Generator, rank: int, draws: int) -> StatementOutcome:
    x = of_rank(generator, rank, draws)
    gate, value = (generator.standard_normal((draws, WIDTH, LIFTED)) for _ in range(2))
    found = numerical_rank(_gelu(x @ gate) * (x @ value))
    bound = np.full(draws, min(TOKENS, WIDTH, LIFTED, rank * (rank + 1) // 2))
    return _outcome(found >= bound, {"bound": bound, "rank": found})


def _kronecker(generator: Generator, rank: int, draws: int) -> StatementOutcome:
    size = TOKENS * WIDTH
    maps = of_rank(generator, rank, min(draws, FULL_MAPS), size, size)
    distances = np.array([distance_to_groups(full, GROUPS) for full in maps])
    return _outcome(distances > NUMERICAL_RANK, {"distance/|M|": distances})


def _relu_ffn(generator: Generator, x: Matrices) -> Matrices:
    lift = generator.standard_normal((len(x), WIDTH, LIFTED))
    reduce = generator.standard_normal((len(x), LIFTED, WIDTH))
    result: Matrices = np.maximum(x @ lift, 0) @ reduce
    return result


def _gelu(x: Matrices) -> Matrices:
    """The tanh form: what the statement needs is an activation that is no polynomial."""
    result: Matrices = 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    return result


def _leading(x: Matrices) -> Matrices:
    left: Matrices = np.linalg.svd(x, full_matrices=False)[0][:, :, 0]
    return left


def _norm(x: Matrices) -> Matrices:
    norm: Matrices = np.sqrt(np.sum(x * x, axis=(1, 2)))
    return norm


def _ratios(before: StageSpectra, after: StageSpectra) -> tuple[float, float] | None:
    spectra = (before.initial, after.initial, before.best, after.best)
    if any(spectrum is None for spectrum in spectra):
        return None
    first, second, third, fourth = (
        spectrum.srank.mean for spectrum in spectra if spectrum is not None
    )
    return second / first, fourth / third


def _outcome(
    holds: NDArray[np.bool_], quantities: dict[str, NDArray[np.floating] | NDArray[np.int64]]
) -> StatementOutcome:
    return StatementOutcome(
        float(holds.mean()), {name: float(values.mean()) for name, values in quantities.items()}
    )


STATEMENTS = (
    Statement(
        "mixing",
        "2km/(sqrt k + sqrt m)^2 <= srank(X + Y) <= 2(k + m), Y the block transpose of X, k and m"
        " their stable ranks",
        "X and Y nearly incoherent: inner product and that of the leading left directions near 0 (D"
        " = T here)",
        INPUT_RANKS,
        _mixing,
    ),
    Statement(
        "contraction",
        "srank(relu(XA) B) < srank(X)",
        f"Gaussian A, B of width {LIFTED}, the same for every row; claimed in the mean for inputs"
        " of high rank",
        INPUT_RANKS,
        _contraction,
    ),
    Statement(
        "rank one",
        "rank(relu(XA) B) <= 2 for X of rank 1",
        "Gaussian A, B; a positively homogeneous activation without bias, as ReLU is and GELU"
        " is not",
        (1,),
        _rank_one,
    ),
    Statement(
        "glu",
        "rank(gelu(XA) * (XC)) >= min(T, D, m, k(k + 1)/2) for X of rank k",
        f"Gaussian A, C without bias, width m = {LIFTED}",
        INPUT_RANKS,
        _glu,
    ),
    Statement(
        "kronecker",
        f"a full map M lies at positive distance from every I_g (x) W, g = {GROUPS}",
        f"M Gaussian on R^(TD); {FULL_MAPS} draws",
        (TOKENS * WIDTH,),
        _kronecker,
    ),
)
