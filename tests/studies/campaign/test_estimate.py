"""What runs will take, against numbers worked out by hand."""

from dataclasses import replace

import pytest

from benchmark.data.schema import Schema
from benchmark.measure.cost import flops_per_sample
from benchmark.recipes import recipe as recipes
from benchmark.recipes.recipe import on_meta
from benchmark.records.archive import Archive
from benchmark.records.record import Record
from benchmark.reports.words import duration
from benchmark.studies.campaign.cells import PlannedCell, ranked
from benchmark.studies.campaign.estimate import (
    ROW_FLOPS,
    START,
    in_total,
    longest_first,
    makespan,
    seconds,
)
from tests.factories import keep, make_curve, make_record

SCHEMA = Schema(("price",), ("user", "item"), (5, 9))
RECIPE = recipes.parse({"model": {"name": "dnn", "hidden_units": [16]}}, "synthetic_tiny", "test")
FLOPS = flops_per_sample(on_meta(RECIPE, SCHEMA).model, SCHEMA)
OTHER = "f" * 64
BASE = make_record()


def past(per_row=0.001, epochs=3, model="dnn", **changes) -> Record:
    """A run of RECIPE that took `per_row` seconds a row and epoch, until its patience ended."""
    fields = {
        "recipe": {**BASE.recipe, "model": {**BASE.recipe["model"], "name": model}},
        "recipe_digest": RECIPE.digest(),
        "curve": make_curve(*[0.7] * epochs),
        "stopped_by": "patience",
        "cost": BASE.cost.model_copy(
            update={"total_seconds": per_row * epochs * BASE.data.rows["train"]}
        ),
        "flops_per_sample": FLOPS,
    }
    return make_record(**(fields | changes))


def expected(rows: int, *runs: Record, recipe=RECIPE) -> float | None:
    """Seconds beyond those of the start."""
    found = seconds(recipe, SCHEMA, rows, runs)
    return None if found is None else found - START


def flops(scale: float) -> int:
    """FLOPs of a model whose rows cost `scale` times those of RECIPE, other work included."""
    return round(scale * (FLOPS + ROW_FLOPS)) - ROW_FLOPS


def test_rows_that_a_run_left_out_do_not_count() -> None:
    assert expected(1000, past(train_rows=500)) == pytest.approx(2 * 0.001 * 1000 * 3)


def test_runs_of_the_recipe_count_before_others() -> None:
    slow = past(1.0, recipe_digest=OTHER)
    assert expected(1000, slow, past()) == pytest.approx(0.001 * 1000 * 3)
    assert expected(1000, slow) == pytest.approx(1.0 * 1000 * 3)


def test_in_proportion_to_flops_and_no_more_epochs_than_allowed() -> None:
    wider = past(recipe_digest=OTHER, flops_per_sample=flops(2))
    assert expected(1000, wider) == pytest.approx(0.0005 * 1000 * 3)
    without = past(recipe_digest=OTHER, flops_per_sample=0)
    share = (FLOPS + ROW_FLOPS) / ROW_FLOPS
    assert expected(1000, without) == pytest.approx(share * 0.001 * 1000 * 3)
    short = recipes.override(RECIPE, ["train.epochs=1"])
    assert expected(1000, past(), recipe=short) == pytest.approx(0.001 * 1000)


def test_the_nearest_in_flops_counts() -> None:
    far = past(1.0, recipe_digest=OTHER, flops_per_sample=flops(10))
    near = past(0.002, recipe_digest="e" * 64, flops_per_sample=flops(2))
    assert expected(1000, far, near) == pytest.approx(0.001 * 1000 * 3)


def test_epochs_are_those_of_runs_that_were_not_cut_short() -> None:
    cut = past(epochs=1, stopped_by="epochs")
    assert expected(1000, cut, past()) == pytest.approx(0.001 * 1000 * 3)
    elsewhere = past(epochs=7, model="lr", recipe_digest=OTHER)
    assert expected(1000, cut, elsewhere) == pytest.approx(0.001 * 1000 * 7)
    assert expected(1000, cut) == pytest.approx(0.001 * 1000)


def test_other_data_sets_do_not_count_and_nothing_is_made_up() -> None:
    elsewhere = past(1.0, dataset="other", recipe_digest=OTHER)
    here = past(recipe_digest="e" * 64)
    assert expected(10, elsewhere, here) == pytest.approx(0.001 * 10 * 3)
    assert expected(10, elsewhere) is None
    assert expected(10, past(model="lr", recipe_digest=OTHER)) is None
    assert expected(10) is None


def test_the_unknown_and_the_longest_come_first() -> None:
    planned = [
        PlannedCell(cell, "missing") for cell in ranked(replace(RECIPE, name="dnn"), range(4))
    ]
    ordered = longest_first(list(zip(planned, [2.0, None, 9.0, 2.0], strict=True)))
    assert [each.cell.seed for each, _ in ordered] == [1, 2, 0, 3]


def test_makespan_and_words() -> None:
    assert makespan([5, 4, 3], 2) == 7
    assert makespan([], 2) == 0
    assert [duration(time) for time in (None, 45, 720, 12240)] == [
        "unknown",
        "45 s",
        "12 min",
        "3.4 h",
    ]
    assert (
        in_total([50.0, 40.0, None], 2)
        == "about 50 s on 2 at once; 1 of unknown length, as no earlier run is like them"
    )


def test_records_that_cannot_be_read_are_left_out(tmp_path) -> None:
    archive = Archive(tmp_path)
    ranked_path = archive.folder() / "synthetic_tiny" / "dnn" / "seed-0.json"
    study_path = archive.folder("ablation") / "synthetic_tiny" / "full-glu" / "seed-0.json"
    for path in (ranked_path, study_path):
        keep(make_record(), path)
    study_path.with_name("seed-1.json").write_text("{")
    assert len(list(archive.readable())) == 2
