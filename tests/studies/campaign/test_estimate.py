"""What runs will take, against numbers worked out by hand."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.data.schema import Schema
from benchmark.measure.cost import flops_per_sample
from benchmark.recipes import recipe as recipes
from benchmark.recipes.recipe import on_meta
from benchmark.records import record
from benchmark.records.archive import Archive
from benchmark.reports.words import duration
from benchmark.studies.campaign import estimate
from benchmark.studies.campaign.cells import Planned, ranked
from benchmark.studies.campaign.estimate import Past, in_total, longest_first, makespan, seconds
from tests.factories import make_record

SCHEMA = Schema(("price",), ("user", "item"), (5, 9))
RECIPE = recipes.parse({"model": {"name": "dnn", "hidden_units": [16]}}, "synthetic_tiny", "test")
FLOPS = flops_per_sample(on_meta(RECIPE, SCHEMA).model, SCHEMA)
SAME = Past(
    "synthetic_tiny", "dnn", RECIPE.digest(), epochs=3, whole=True, seconds=0.001, flops=FLOPS
)


def test_the_past_of_a_record() -> None:
    found = estimate.past(make_record())
    assert (found.dataset, found.model, found.epochs, found.whole) == (
        "synthetic_tiny",
        "dnn",
        3,
        False,
    )
    assert found.seconds == pytest.approx(4.0 / (1000 * 3))


def test_runs_of_the_recipe_count_before_others() -> None:
    slow = replace(SAME, digest="f" * 64, seconds=1.0)
    assert seconds(RECIPE, SCHEMA, 1000, [slow, SAME]) == pytest.approx(0.001 * 1000 * 3)
    assert seconds(RECIPE, SCHEMA, 1000, [slow]) == pytest.approx(1.0 * 1000 * 3)


def test_in_proportion_to_flops_and_no_more_epochs_than_allowed() -> None:
    wider = replace(SAME, digest="f" * 64, flops=2 * FLOPS)
    assert seconds(RECIPE, SCHEMA, 1000, [wider]) == pytest.approx(0.0005 * 1000 * 3)
    short = recipes.override(RECIPE, ["train.epochs=1"])
    assert seconds(short, SCHEMA, 1000, [SAME]) == pytest.approx(0.001 * 1000)


def test_the_nearest_in_flops_counts() -> None:
    far = replace(SAME, digest="f" * 64, seconds=1.0, flops=10 * FLOPS)
    near = replace(SAME, digest="e" * 64, seconds=0.002, flops=2 * FLOPS)
    assert seconds(RECIPE, SCHEMA, 1000, [far, near]) == pytest.approx(0.001 * 1000 * 3)


def test_epochs_are_those_of_runs_that_were_not_cut_short() -> None:
    cut = replace(SAME, epochs=1, whole=False)
    assert seconds(RECIPE, SCHEMA, 1000, [cut, SAME]) == pytest.approx(0.001 * 1000 * 3)
    elsewhere = replace(SAME, model="lr", digest="f" * 64, epochs=7)
    assert seconds(RECIPE, SCHEMA, 1000, [cut, elsewhere]) == pytest.approx(0.001 * 1000 * 7)
    assert seconds(RECIPE, SCHEMA, 1000, [cut]) == pytest.approx(0.001 * 1000)


def test_other_data_sets_count_last_and_nothing_is_made_up() -> None:
    elsewhere = replace(SAME, dataset="other", digest="f" * 64, seconds=1.0)
    here = replace(SAME, digest="e" * 64)
    assert seconds(RECIPE, SCHEMA, 10, [elsewhere, here]) == pytest.approx(0.001 * 10 * 3)
    assert seconds(RECIPE, SCHEMA, 10, [elsewhere]) == pytest.approx(1.0 * 10 * 3)
    assert seconds(RECIPE, SCHEMA, 10, [replace(SAME, model="lr", digest="f" * 64)]) is None


def test_history_leaves_out_what_cannot_be_read(tmp_path: Path) -> None:
    record.save(make_record(), Archive(tmp_path).path("synthetic_tiny", "dnn", 0))
    study = tmp_path / "studies" / "ablation" / "synthetic_tiny" / "full-glu" / "seed-0.json"
    record.save(make_record(name=None), study)
    study.with_name("seed-1.json").write_text("{")
    assert len(estimate.history(tmp_path)) == 2


def test_the_unknown_and_the_longest_come_first() -> None:
    planned = [Planned(cell, "missing") for cell in ranked(replace(RECIPE, name="dnn"), range(4))]
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
