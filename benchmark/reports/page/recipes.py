"""The tables of one row of the page: its recipe, its runs, its ranks, and where all come from."""

import json
from pathlib import PurePosixPath

from benchmark.recipes.recipe import dotted
from benchmark.records.archive import ranked_place, record_file
from benchmark.records.record import Record
from benchmark.reports.document import Cells, Table
from benchmark.reports.page.rows import Row
from benchmark.reports.rank import recipe as ranks

RUN = (
    *("seed", "test AUC", "test LogLoss", "NE", "calibration", "ECE", "gAUC", "best epoch"),
    *("stopped by", "train seconds", "samples/s", "peak GiB", "created"),
)


def tables(row: Row) -> tuple[Table, ...]:
    """What the row is made of; the tables of ranks are those of `rank`, without any of a model
    without stages."""
    staged = ranks.of_recipe(row.runs) if row.runs[0].stages else ()
    return (_runs(row), _settings(row), _origin(row), *staged)


def remarks(row: Row) -> tuple[str, ...]:
    """What makes the row doubtful: a caveat of its data, notes of its model, warnings of runs."""
    warned = (f"seed {run.seed}: {each}" for run in row.runs for each in run.warnings)
    return tuple(filter(None, (row.runs[0].caveat, *row.runs[0].notes, *warned)))


def links(row: Row) -> dict[int, str]:
    """The record of each seed, as a link from the folder of the page."""
    folder = ranked_place(row.board.dataset, row.line["recipe"])
    paths = {run.seed: PurePosixPath("..", folder, record_file(run.seed)) for run in row.runs}
    return {seed: path.as_posix() for seed, path in paths.items()}


def _runs(row: Row) -> Table:
    return Table("Runs", RUN, tuple(map(_run, row.runs)))


def _run(run: Record) -> Cells:
    test, calibrated, cost = run.metrics.test, run.metrics.calibrated, run.cost
    gauc = "" if test.gauc is None else f"{test.gauc:.5f}"
    quality = f"{test.auc:.5f}", f"{calibrated.logloss:.5f}", f"{calibrated.ne:.5f}"
    spread = f"{calibrated.calibration:.4f}", f"{calibrated.ece:.5f}", gauc
    end = str(run.best.epoch), run.stopped_by, f"{cost.train_seconds:,.1f}"
    machine = f"{cost.train_samples_per_s:,.0f}", f"{cost.peak_memory_gib:.2f}"
    return (str(run.seed), *quality, *spread, *end, *machine, run.created)


def _settings(row: Row) -> Table:
    settings = dotted(row.runs[0].recipe)
    rows = tuple((key, json.dumps(value).strip('"')) for key, value in settings.items())
    return Table("Recipe", ("setting", "value"), rows)


def _origin(row: Row) -> Table:
    first = row.runs[0]
    facts = {
        "values of the recipe": row.track.provenance,
        "tuning study": (first.provenance and first.provenance.study) or "none",
        "recipe's digest": first.recipe_digest,
        "data's digest": first.data.arrays,
        "numerics": str(first.numerics),
        "precision": first.precision,
        "device and threads": f"{first.device}, {first.threads}",
        "processes": ", ".join(sorted({str(run.shared_by) for run in row.runs})),
        "machines": ", ".join(sorted({run.environment.machine for run in row.runs})),
        "commits": ", ".join(sorted({run.environment.commit or "unknown" for run in row.runs})),
    }
    return Table("Where it comes from", ("fact", "value"), tuple(facts.items()))
