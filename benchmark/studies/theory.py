"""What the papers prove about rank, tried on random matrices as at initialisation.

By the rank of the input: the share of draws in which each statement holds, and means over the
draws. None of it is proven for trained networks, whose ranks `rank` shows.

X is T x D of rank r, the product of two Gaussian matrices; srank is the stable rank. Numerical rank
counts the singular values above 1e-9 times the largest."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.reports.document import Report, Table

Matrices = NDArray[np.float64]
Generator = np.random.Generator
Tried = tuple[NDArray[np.bool_], dict[str, Matrices]]
"""Whether a statement holds in each draw, and the quantities it is about."""

TOKENS, WIDTH, LIFTED, GROUPS = 26, 30, 90, 13
FULL_MAPS = 10
INPUT_RANKS = (1, 2, 3, 5, 10, 20, 26)
NUMERICAL_RANK = 1e-9
COMMAND = "python -m benchmark theory --write"
MADE_BY = f"Made by `{COMMAND}`; do not edit. None of it is proven for trained networks."


@dataclass(frozen=True)
class Statement:
    """A statement; `check(generator, input rank, draws)` tries it at the input ranks `ranks`."""

    name: str
    claim: str
    assumes: str
    check: Callable[[Generator, int, int], Tried]
    ranks: tuple[int, ...] = INPUT_RANKS


@dataclass(frozen=True)
class Outcome:
    """The share of draws in which a statement holds, and means of the quantities it is about."""

    holds: float
    means: dict[str, float]


def run(draws: int, seed: int) -> dict[tuple[str, int], Outcome]:
    """Try every statement at its input ranks; outcomes by statement name and input rank."""
    outcomes = {}
    for number, statement in enumerate(STATEMENTS):
        for rank in statement.ranks:
            generator = np.random.Generator(np.random.Philox(key=[seed, 1000 * number + rank]))
            holds, quantities = statement.check(generator, rank, draws)
            means = {name: float(values.mean()) for name, values in quantities.items()}
            outcomes[statement.name, rank] = Outcome(float(holds.mean()), means)
    return outcomes


def report(draws: int, seed: int) -> Report:
    """The outcomes, a row for each statement and input rank; the statements in full below."""
    from benchmark.reports.words import derived

    outcomes = run(draws, seed)
    rows = []
    for (name, rank), outcome in outcomes.items():
        means = ", ".join(f"{key} {value:.3g}" for key, value in outcome.means.items())
        rows.append((name, str(rank), f"{outcome.holds:.1%}", means))
    remarks = [f"{each.name}: {each.claim}; assumes: {each.assumes}." for each in STATEMENTS]
    head = ("statement", "input rank", "holds in", "means over the draws")
    title = f"{draws} random matrices by statement and input rank, seed {seed}"
    table = Table(title, head, tuple(rows), tuple(remarks))
    numbers = {
        f"{name}, rank {rank}": {"holds": outcome.holds, **outcome.means}
        for (name, rank), outcome in outcomes.items()
    }
    return Report("The papers' statements about rank", (MADE_BY,), (table,), derived(numbers))


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


def _mixing(generator: Generator, rank: int, draws: int) -> Tried:
    x = of_rank(generator, rank, draws, TOKENS, TOKENS)  # T heads need T to divide D
    y = transposed_blocks(x)
    k, m, mixed = srank(x), srank(y), srank(x + y)
    lower, upper = 2 * k * m / (np.sqrt(k) + np.sqrt(m)) ** 2, 2 * (k + m)
    norms = np.linalg.norm(x, axis=(1, 2)) * np.linalg.norm(y, axis=(1, 2))
    leading_x, leading_y = (np.linalg.svd(each, full_matrices=False)[0][:, :, 0] for each in (x, y))
    return (lower <= mixed) & (mixed <= upper), {
        "lower": lower,
        "srank(X+Y)": mixed,
        "upper": upper,
        "inner product": np.abs(np.sum(x * y, axis=(1, 2))) / norms,
        "leading directions": np.abs(np.sum(leading_x * leading_y, axis=1)),
    }


def _contraction(generator: Generator, rank: int, draws: int) -> Tried:
    x = of_rank(generator, rank, draws)
    ratio = srank(_relu_ffn(generator, x)) / srank(x)
    return ratio < 1, {"srank(F(X))/srank(X)": ratio}


def _rank_one(generator: Generator, rank: int, draws: int) -> Tried:
    x = of_rank(generator, rank, draws)
    gelu = _gelu(x @ generator.standard_normal((draws, WIDTH, LIFTED)))
    relu_rank, gelu_rank = (
        np.linalg.matrix_rank(each, rtol=NUMERICAL_RANK) for each in (_relu_ffn(generator, x), gelu)
    )
    return relu_rank <= 2, {"rank(F(X))": relu_rank, "rank(gelu(XA))": gelu_rank}


def _glu(generator: Generator, rank: int, draws: int) -> Tried:
    x = of_rank(generator, rank, draws)
    gate, value = (generator.standard_normal((draws, WIDTH, LIFTED)) for _ in range(2))
    gelu = _gelu(x @ gate)
    before, glu, control = srank(x), srank(gelu * (x @ value)), srank(gelu)
    return glu > before, {
        "srank(X)": before,
        "delta": glu - before,
        "delta of gelu(XA)": control - before,
        "GLU less GELU": glu - control,
        "share of GLU above GELU": (glu > control).astype(np.float64),
    }


def _kronecker(generator: Generator, rank: int, draws: int) -> Tried:
    maps = of_rank(generator, rank, min(draws, FULL_MAPS), rank, rank)
    distances = np.array([distance_to_groups(full, GROUPS) for full in maps])
    return distances > NUMERICAL_RANK, {"relative distance": distances}


def _relu_ffn(generator: Generator, x: Matrices) -> Matrices:
    lift = generator.standard_normal((len(x), WIDTH, LIFTED))
    reduce = generator.standard_normal((len(x), LIFTED, WIDTH))
    return np.asarray(np.maximum(x @ lift, 0) @ reduce)


def _gelu(x: Matrices) -> Matrices:
    from scipy.special import ndtr

    return np.asarray(x * ndtr(x))


STATEMENTS = (
    Statement(
        "mixing",
        "2km/(sqrt k + sqrt m)^2 <= srank(X + Y) <= 2(k + m), Y the block transpose of X, k and m"
        " their stable ranks",
        "X and Y nearly incoherent: inner product and that of the leading left directions near 0 (D"
        " = T here)",
        _mixing,
    ),
    Statement(
        "contraction",
        "srank(F(X)) <= alpha srank(X), alpha < 1, F(X) = relu(XA) B, for X of low rank (theorem"
        " 2.2 of RankElastor; it holds in the draws where the ratio is below 1)",
        f"Gaussian A, B of width {LIFTED}, the same for every row",
        _contraction,
    ),
    Statement(
        "rank one",
        "rank(relu(XA) B) <= 2 for X of rank 1",
        "Gaussian A, B; a positively homogeneous activation without bias, as ReLU is and GELU is"
        " not",
        _rank_one,
        ranks=(1,),
    ),
    Statement(
        "glu",
        "srank(G) >= srank(X) + delta, delta > 0, G = gelu(XA) * (XC); the control is gelu(XA) of"
        " the same draws, without the gate",
        f"Gaussian A, C of width {LIFTED} without bias",
        _glu,
    ),
    Statement(
        "kronecker",
        f"a full map M lies at positive distance from every I_g (x) W, g = {GROUPS}",
        f"M Gaussian on R^(TD); {FULL_MAPS} draws",
        _kronecker,
        ranks=(TOKENS * WIDTH,),
    ),
)
