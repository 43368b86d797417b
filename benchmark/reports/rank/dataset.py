"""The ranks of all recipes of a data set, as a table."""

from collections.abc import Mapping

from benchmark.measure.trajectory import over_seeds
from benchmark.records.archive import Runs
from benchmark.records.ranks import WHEN, bands
from benchmark.reports.document import Cells, Table
from benchmark.reports.figures.style import OVER_LIMIT
from benchmark.reports.words import bars, mean_sd, seeds_in_words


def overview(recipes: Mapping[str, Runs]) -> Table:
    """A row a recipe: where its representation ends, and its course through the stages."""
    title = f"{OVER_LIMIT} of the last stage"
    tokens = (f"token, {shown}" for shown in WHEN.values())
    head = ("recipe", "seeds", "test AUC", *tokens, "batch, trained", "stages, token, trained")
    rows = tuple((name, *_row(runs)) for name, runs in recipes.items())
    return Table(title, head, rows, ("Mean ± sd over seeds; stages: a bar each, from 0 to 1.",))


def _row(runs: Runs) -> Cells:
    auc = mean_sd(over_seeds(run.metrics.test.auc for run in runs), 5)
    untrained, trained = (list(bands(runs, "erank", "token", when).values()) for when in WHEN)
    batch = list(bands(runs, "erank", "batch", "best").values())
    ends = (mean_sd(course[-1]) if course else "" for course in (untrained, trained, batch))
    return seeds_in_words([run.seed for run in runs]), auc, *ends, bars(trained)
