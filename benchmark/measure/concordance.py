"""Do several data sets order the same rows alike? Kendall's W, with what seeds leave open and what
orders that have nothing to do with each other reach.

Kendall & Babington Smith, "The problem of m rankings", Annals of Mathematical Statistics 10, 1939.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from benchmark.measure.significance import ALPHA, Interval
from benchmark.utils.arrays import Vector

DRAWS = 10_000
SEED = 1939
FEWEST_ROWS = 4
"""Random orders of three rows on two data sets agree too often for any W to be found."""


@dataclass(frozen=True)
class Concordance:
    """W of the rows' means: 1 where all data sets order them alike. `interval` is of W of the true
    means, about 95 %. Random orders reach `by_chance` in 5 % of draws and `w` in a share `p`."""

    w: float
    interval: Interval
    by_chance: float
    p: float

    @property
    def found(self) -> bool:
        """Whether seeds leave no doubt that the orders have more in common than random ones."""
        return self.interval.low is not None and self.interval.low > self.by_chance


def concordance(samples: Sequence[Vector]) -> Concordance:
    """Of the same rows on two data sets or more; samples [rows, seeds], one a data set.

    The true mean of a row is drawn as its mean plus Student's t of seeds - 1 degrees of freedom
    times the standard error, 10,000 times. That blurs the order once more than the seeds have, and
    W falls by it. So the interval begins at the lowest 2.5 % of the drawn W, and ends as far above
    `w` as that lies below it, or at the highest 2.5 % where these are higher.

    Raises ValueError for fewer than FEWEST_ROWS rows, two data sets or two seeds."""
    rows = {len(each) for each in samples}
    if len(samples) < 2 or len(rows) != 1 or min(rows) < FEWEST_ROWS:
        raise ValueError(
            f"concordance needs the same {FEWEST_ROWS} rows or more on two data sets or more"
        )
    rng = np.random.default_rng(SEED)
    w = kendall_w(np.stack([each.mean(axis=1) for each in samples]))
    drawn = kendall_w(np.stack([_true_means(each, rng) for each in samples], axis=1))
    low, highest = np.quantile(drawn, (ALPHA / 2, 1 - ALPHA / 2))
    high = min(max(highest, 2 * w - low), 1.0)
    random = kendall_w(rng.random((DRAWS, len(samples), *rows)))
    reached = (1 + np.count_nonzero(random >= w)) / (1 + DRAWS)
    by_chance = float(np.quantile(random, 1 - ALPHA))
    return Concordance(float(w), Interval(float(low), float(high)), by_chance, reached)


def _true_means(sample: Vector, rng: np.random.Generator) -> Vector:
    """Draws of the true means, [DRAWS, rows]."""
    rows, seeds = sample.shape
    if seeds < 2:
        raise ValueError("concordance needs two seeds of each row")
    error = sample.std(axis=1, ddof=1) / np.sqrt(seeds)
    means: Vector = sample.mean(axis=1) + error * rng.standard_t(seeds - 1, (DRAWS, rows))
    return means


def kendall_w(values: Vector) -> Vector:
    """Kendall's W of values [..., data sets, rows], with the correction for ties; 0 where no data
    set tells any rows apart."""
    judges, rows = values.shape[-2:]
    ranks = rankdata(values, axis=-1)
    totals = ranks.sum(axis=-2)
    between = ((totals - totals.mean(axis=-1, keepdims=True)) ** 2).sum(axis=-1)
    # m sum_j sum_i (r_ij - mean)^2 is m^2 (n^3 - n) / 12 without ties, and holds their correction
    most = judges * ((ranks - (rows + 1) / 2) ** 2).sum(axis=(-2, -1))
    w: Vector = np.divide(between, most, out=np.zeros_like(between), where=most > 0)
    return w
