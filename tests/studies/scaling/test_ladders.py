"""Ladders: their steps and rates, and the runs that count."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import typer

from benchmark.cli import app
from benchmark.errors import BenchmarkError, UsageError
from benchmark.measure.cost import Parameters
from benchmark.recipes import recipe as recipes
from benchmark.recipes.files import recipe_ids
from benchmark.records.archive import Archive
from benchmark.records.tuning import TUNING_SEED
from benchmark.studies.campaign import cells
from benchmark.studies.scaling import ladders
from benchmark.studies.scaling.ladders import Rung
from benchmark.studies.study import studies
from benchmark.verify import place
from tests import factories
from tests.factories import PROVENANCE, TEST, make_record

RATES = (5e-4, 1e-3, 2e-3)
RECIPE = """[model]
name = "dnn"
hidden_units = [8]

[train]
batch_size = 512

[scaling]
rates = [5e-4, 1e-3, 2e-3]
steps = [
    { model.hidden_units = [2] },
    { model.hidden_units = [4] },
    { model.hidden_units = [4], rows = 500 },
]
"""
COMMAND = typer.main.get_command(app)


def keep(
    results: Path,
    name: str,
    step: int,
    seed: int,
    loss: float,
    size: int = 1_000,
    rows: int | None = None,
    rate: int = 2,
) -> Path:
    """Save a run of a step at the rate of this number, with the same loss on both splits."""
    base = make_record()
    losses = {
        "test": replace(TEST, logloss=loss),
        "valid": replace(base.metrics.valid, logloss=loss),
    }
    train = {"monitor": "logloss", "learning_rate": RATES[rate - 1]}
    made = make_record(
        name=None,
        seed=seed,
        metrics=base.metrics.model_copy(update=losses),
        parameters=Parameters(embedding=10, dense=size - 100, head=100),
        flops_per_sample=2 * size,
        recipe={
            "dataset": "synthetic_tiny",
            "model": {"name": "dnn", "hidden_units": [size]},
            "train": train,
        },
        recipe_digest=f"{size + rate:064x}",
        train_rows=rows,
        caveat="made up",
    )
    folder = results / "studies" / "scaling" / "synthetic_tiny" / f"{name}-{step}-{rate}"
    path = folder / f"seed-{seed}.json"
    factories.keep(made, path)
    return path


def keep_trials(
    results: Path, name: str, step: int, size: int = 1_000, rows: int | None = None
) -> None:
    """The trials of a step, of which the second rate's is the best."""
    for rate, loss in ((1, 0.6), (2, 0.5), (3, 0.7)):
        keep(results, name, step, TUNING_SEED, loss, size, rows, rate)


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder of recipes with one ladder."""
    folder = tmp_path / "recipes"
    (folder / "synthetic_tiny").mkdir(parents=True)
    (folder / "synthetic_tiny" / "a.toml").write_text(RECIPE + PROVENANCE)
    return folder


def test_a_step_at_a_rate_is_a_cell_and_its_record_is_held_against_it(folder, tmp_path) -> None:
    found = ladders.variants(recipes.load("synthetic_tiny/a", folder))
    assert [each.name for each in found] == [f"a-{s}-{r}" for s in (1, 2, 3) for r in (1, 2, 3)]
    assert [each.recipe.train.learning_rate for each in found[:3]] == list(RATES)
    assert {each.recipe.train.monitor for each in found} == {"logloss"} and found[8].rows == 500
    [cell] = cells.of_study(ladders.STUDY, "synthetic_tiny", found[8:], [0])
    path = cell.path(tmp_path)
    digest = cell.recipe.digest()
    run = make_record(
        name=None, recipe=cell.recipe.resolved(), recipe_digest=digest, train_rows=500
    )
    factories.keep(run, path)

    def faults(run, name: str) -> str:
        there = path.parents[1] / name / path.name
        return "; ".join(place.faults(run, there, folder))

    assert faults(run, "a-3-3") == ""
    [planned] = cells.plan([cell], tmp_path, run.data)
    assert planned.state == "present"
    [planned] = cells.plan([replace(cell, rows=None)], tmp_path, run.data)
    assert "it is of seed 0 and 500 rows" in planned.why
    whole = run.model_copy(update={"train_rows": None})
    assert (
        faults(whole, "a-3-3")
        == "the record is of all training rows, step 3 of recipe synthetic_tiny/a of 500"
    )
    assert "stale: the recipe's digest is" in faults(run, "a-1-3")
    assert "stale: the recipe's digest is" in faults(run, "a-3-2")
    for name in ("a-4-1", "a-1-4"):
        assert "recipe synthetic_tiny/a has 3 steps and 3 rates" in faults(run, name)
    assert "unknown recipe 'synthetic_tiny/b'" in faults(run, "b-1-1")
    assert "recipe synthetic_tiny/lr has no ladder" in "; ".join(
        place.faults(run, path.parents[1] / "lr-1-1" / path.name)
    )
    assert "scaling/a-1 names no step and rate of a recipe" in faults(run, "a-1")


@pytest.mark.parametrize(
    ("place_of_run", "seed", "refused"),
    [
        ("studies/scaling/synthetic_tiny/dnn-1-1", 1000, False),
        ("studies/scaling/synthetic_tiny/dnn-1-1", 1001, True),
        ("studies/adhoc/synthetic_tiny/dnn-1", 1000, True),
        ("records/synthetic_tiny/dnn", 1000, True),
        ("anywhere", 1000, True),
        ("records/synthetic_tiny/dnn", 999, False),
    ],
)
def test_only_ladders_have_runs_of_the_seed_of_trials(place_of_run, seed, refused) -> None:
    run = make_record(seed=seed)
    faults = list(place.faults(run, Path("results", place_of_run, f"seed-{seed}.json")))
    fault = f"seed {seed}: seeds from 1000 on are for tuning, never reported"
    assert (fault in faults) == refused


def test_steps_of_too_many_rows_are_refused(folder, tmp_path) -> None:
    class Store:
        schema = None
        fingerprint = make_record().data

    found = ladders.variants(recipes.load("synthetic_tiny/a", folder))
    rows = Store.fingerprint.rows["train"]
    study = studies.get("scaling")
    few = [replace(each, rows=rows) for each in found]
    many = [replace(each, rows=rows + 1) for each in found]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cells, "require_buildable", lambda variants, schema: None)
        study.check_data(few, Store)
        with pytest.raises(UsageError, match=r"/a-1-1, \[scaling\]: rows = 1001, there are only"):
            study.check_data(many, Store)


def test_the_seeds_follow_at_the_rate_of_the_least_validation_loss(folder, tmp_path) -> None:
    found = ladders.variants(recipes.load("synthetic_tiny/a", folder))
    study = studies.get("scaling")

    def batches() -> list[list[str]]:
        made = study.batches("synthetic_tiny", found, [0, 1], tmp_path)
        return [[cell.key.removeprefix("synthetic_tiny/") for cell in batch] for batch in made]

    trials = [f"{each.name}/seed-{TUNING_SEED}" for each in found]
    assert batches() == [trials]
    keep_trials(tmp_path, "a", 1)
    keep(tmp_path, "a", 2, TUNING_SEED, 0.5, rate=1)
    assert batches() == [trials, ["a-1-2/seed-0", "a-1-2/seed-1"]]
    with pytest.raises(UsageError, match="1000 is the seed that chooses the learning rates"):
        list(study.batches("synthetic_tiny", found, [TUNING_SEED], tmp_path))


def test_a_ladder_of_one_rate_has_no_trials(tmp_path) -> None:
    recipe = recipes.load("synthetic_tiny/lr")
    with pytest.raises(UsageError, match="recipe synthetic_tiny/lr has no ladder: write"):
        ladders.variants(recipe)
    settings = {**recipe.settings(), "scaling": {"steps": [{"rows": 50}]}}
    own = recipes.parse(settings, "synthetic_tiny", "lr.toml")
    found = ladders.variants(replace(own, name="lr"))
    [batch] = studies.get("scaling").batches("synthetic_tiny", found, [0], tmp_path)
    assert [cell.key for cell in batch] == ["synthetic_tiny/lr-1-1/seed-0"]


def test_a_rung_is_the_seeds_at_the_chosen_rate(tmp_path) -> None:
    keep_trials(tmp_path, "a", 1)
    for seed in (0, 1):
        keep(tmp_path, "a", 1, seed, 0.55)
        keep(tmp_path, "a", 1, seed, 0.45, rate=3)
    keep_trials(tmp_path, "a", 2)
    [rung] = ladders.rungs(Archive(tmp_path), "synthetic_tiny")["a"]
    assert (rung.step, [run.seed for run in rung.runs], rung.rates) == (1, [0, 1], RATES)
    assert ladders.rate(rung.first) == 1e-3 and rung.losses == [0.55, 0.55]


def test_axes_hold_one_thing_fixed() -> None:
    def rung(step: int, size: int, rows: int | None, rate: float = 1e-3) -> Rung:
        model = {"name": "dnn", "hidden_units": [size]}
        settings = {"model": model, "train": {"learning_rate": rate}}
        sizes = Parameters(embedding=10, dense=size, head=1)
        recipe = {"dataset": "synthetic_tiny", **settings}
        run = make_record(recipe=recipe, parameters=sizes, train_rows=rows)
        return Rung(step, (run,), RATES)

    rungs = [rung(1, 40, None), rung(2, 20, None, 2e-3), rung(3, 20, 500), rung(4, 20, 250, 5e-4)]
    by_size = ladders.on_axis(rungs, ladders.PARAMETERS)
    assert [(each.step, ladders.PARAMETERS.of(each.first)) for each in by_size] == [
        (2, 21),
        (1, 41),
    ]
    assert [each.step for each in ladders.on_axis(rungs, ladders.ROWS)] == [4, 3, 2]
    assert ladders.varied_settings(rungs) == ["model.hidden_units"]


def test_records_of_two_data_sets_are_no_one_study(tmp_path) -> None:
    path = keep(tmp_path, "a", 1, 0, 0.5)
    other = keep(tmp_path, "a", 2, 0, 0.5)
    content = json.loads(path.read_text())
    content["numerics"] = 1
    other.write_text(json.dumps(content))
    with pytest.raises(BenchmarkError, match="the records are of different data or numerics"):
        ladders.rungs(Archive(tmp_path), "synthetic_tiny")


@pytest.mark.parametrize(
    ("folder", "place"),
    [("a-b-3-1", ("a-b", 3, 1)), ("a-2-1-4", ("a-2", 1, 4)), ("a-3", None), ("a-0-1", None)]
    + [(name, None) for name in ("a", "-3-1", "a-x1-2", "a-1-٣")],
)
def test_a_folder_is_of_one_step_and_rate(folder: str, place: tuple | None) -> None:
    assert ladders.place_of(folder) == place


def test_the_command_says_what_it_would_run(capsys) -> None:
    words = ["scale", "--recipe", "synthetic_tiny/dnn", "--seeds", "0", "--dry-run"]
    COMMAND.main(words, standalone_mode=False)
    printed = capsys.readouterr().out
    assert "0 cells done before, 21 to run" in printed
    assert "synthetic_tiny/dnn-7-3/seed-1000" in printed
    study = ["study", "scaling", *words[1:]]
    COMMAND.main([*study, "--step", "4", "--step", "2"], standalone_mode=False)
    printed = capsys.readouterr().out
    assert "0 cells done before, 6 to run" in printed
    assert "dnn-2-1/seed-1000" in printed and "dnn-4-3/seed-1000" in printed
    for words, message in (
        ([*study, "--step", "8"], "recipe synthetic_tiny/dnn has steps 1 to 7, not 8"),
        ([*study, "--step", "0"], "recipe synthetic_tiny/dnn has steps 1 to 7, not 0"),
        (["scale"], "--recipe DATASET/NAME"),
        (["scale", "--recipe", "synthetic_tiny/lr"], "recipe synthetic_tiny/lr has no ladder"),
    ):
        with pytest.raises(UsageError, match=message):
            COMMAND.main(words, standalone_mode=False)


@pytest.mark.parametrize("recipe_id", recipe_ids())
def test_every_committed_ladder_carries_a_fit(recipe_id: str) -> None:
    family = recipes.load(recipe_id).scaling
    if family is not None:
        whole = [step for step in family.steps if step.rows is None]
        counts = {step.rows for step in family.steps}
        assert len(whole or counts) >= 5
        assert len(family.rates) >= ladders.MIN_RATES
