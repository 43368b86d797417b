"""What is there, as polars frames: records, leaderboard, scores of new rows, data sets, models.

Heavy packages are imported inside the functions, so that to import this file costs nothing."""

from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.utils.paths import RESULTS, expanded

if TYPE_CHECKING:
    import polars as pl


def results(folder: str | Path = RESULTS) -> "pl.DataFrame":
    """Return all records below a results folder as one table, a row a record: where it stands, its
    metrics, cost, rank, data and versions. docs/results.md lists the columns.

    Raises UsageError without the folder, BenchmarkError naming a record that cannot be read.

    Example::

        ranked = results().filter(pl.col("study").is_null())
        ranked.group_by("dataset", "recipe").agg(pl.col("test_auc").mean())
        results().to_pandas()
    """
    from benchmark.reports.tidy.frame import frame

    return frame(expanded(folder))


def leaderboard(dataset: str | None = None, folder: str | Path = RESULTS) -> "pl.DataFrame":
    """Return the leaderboard of one or all data sets, a row a recipe: the columns of the file
    leaderboard.csv. Rows of one data set, track and provenance are ranked among each other; `apart`
    says why a row is not ranked. Nothing is written.

    Raises UsageError for a data set without ranked records, BenchmarkError as `results`. Recipes
    whose records fail a check of `verify` are left out.

    Example::

        leaderboard("synthetic").select("recipe", "auc_rank", "auc", "auc_sd")
    """
    from benchmark.records.archive import Archive
    from benchmark.registry import unknown
    from benchmark.reports.leaderboard import boards, text
    from benchmark.verify import ladder

    archive = Archive(expanded(folder))
    loaded = boards.load(archive, ladder.refused(archive))
    names = [board.dataset for board in loaded]
    if dataset is not None and dataset not in names:
        raise unknown("data set with records", dataset, names)
    return text.table(board for board in loaded if dataset in (None, board.dataset))


def predict(model: str | Path, rows: str | Path) -> "pl.DataFrame":
    """Return `logit` and click `probability` of raw rows, a row each, in their order.

    `model` is a folder that `run(..., save_model=...)` wrote, `rows` a file in the form of the
    training files, or a folder of such files; labels may be left out. Raises UsageError where there
    is no model, BenchmarkError for a damaged one and for a broken row.

    Example::

        run("synthetic/dnn", save_model="models")
        predict("models/synthetic/dnn/seed-0", "rows.csv")["probability"].mean()
    """
    import numpy as np
    import polars as pl

    from benchmark.measure.metrics import sigmoid
    from benchmark.runs.saved_model import score

    parts = [np.empty(0, np.float32), *score(expanded(model), expanded(rows))]
    logit = np.concatenate(parts)
    return pl.DataFrame({"logit": logit, "probability": sigmoid(logit)})


def datasets(data_root: str | Path | None = None) -> "pl.DataFrame":
    """Return the built-in data sets, a row each: `dataset`, `title`, `rows` (null where a card does
    not state them) and `here`, what of it is on this machine.

    `data_root` is the folder of your files, else BENCHMARK_DATA_ROOT. Raises MissingData for a data
    root that does not exist.
    """
    import polars as pl

    from benchmark.data import catalog, inventory

    root = None if data_root is None else expanded(data_root)
    found = [catalog.find_card(name) for name in catalog.card_names()]
    columns = {
        "dataset": [each.card.id for each in found],
        "title": [each.card.title for each in found],
        "rows": [sum(part.rows or 0 for part in each.card.expected.values()) for each in found],
        "here": [inventory.holdings(each, root).words for each in found],
    }
    return pl.DataFrame(columns).with_columns(pl.col("rows").replace(0, None))


def models() -> "pl.DataFrame":
    """Return the registered models, plug-ins included, a row each: `model` and `what` it is."""
    import polars as pl

    from benchmark import registry

    return pl.DataFrame(registry.summaries(), schema=["model", "what"], orient="row")
