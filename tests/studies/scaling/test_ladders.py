"""Ladders: their steps, and tables made of hand-made records alone."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.cli import app
from benchmark.errors import BenchmarkError, UsageError
from benchmark.measure.cost import Parameters
from benchmark.recipes import recipe as recipes
from benchmark.records.archive import Archive
from benchmark.studies.campaign import cells
from benchmark.studies.scaling import figures, ladders
from benchmark.studies.scaling import report as scaling_report
from benchmark.studies.scaling.verdict import NO_LAW, curves
from benchmark.studies.study import studies
from benchmark.verify import ladder, place
from tests import factories
from tests.factories import PROVENANCE, TEST, make_record

SIZES = (1_000, 2_000, 4_000, 8_000, 16_000, 32_000)
NOISE = (-3e-4, 1e-4, 2e-4)
RECIPE = """[model]
name = "dnn"
hidden_units = [8]

[train]
batch_size = 512

[scaling]
steps = [
    { model.hidden_units = [2] },
    { model.hidden_units = [4] },
    { model.hidden_units = [4], rows = 500 },
]
"""


def falling(size: float) -> float:
    """E 0.45, A 0.02 at the geometric mean of the sizes, alpha 0.5."""
    return float(0.45 + 0.02 * (size / np.exp(np.log(SIZES).mean())) ** -0.5)


def keep(
    results: Path,
    name: str,
    step: int,
    seed: int,
    loss: float,
    size: int = 1_000,
    rows: int | None = None,
    seconds: float = 4.0,
) -> Path:
    quality = make_record().metrics.model_copy(update={"test": replace(TEST, logloss=loss)})
    model = {"name": "dnn", "hidden_units": [size]}
    made = make_record(
        name=None,
        seed=seed,
        metrics=quality,
        parameters=Parameters(embedding=10, dense=size, head=1),
        flops_per_sample=2 * size,
        cost=make_record().cost.model_copy(update={"total_seconds": seconds}),
        recipe={"dataset": "synthetic_tiny", "model": model, "train": {"monitor": "logloss"}},
        recipe_digest=f"{size:064x}",
        train_rows=rows,
        caveat="made up",
    )
    path = (
        results / "studies" / "scaling" / "synthetic_tiny" / f"{name}-{step}" / f"seed-{seed}.json"
    )
    factories.keep(made, path)
    return path


def climb(results: Path, name: str, law, sizes=SIZES) -> None:
    for step, size in enumerate(sizes, start=1):
        for seed, noise in enumerate(NOISE):
            keep(results, name, step, seed, law(size) + (noise if step % 2 else -noise), size)


@pytest.fixture(scope="module")
def three(tmp_path_factory) -> Path:
    """A falling ladder, a flat one, one of too few sizes; the first also on fewer rows."""
    results = tmp_path_factory.mktemp("ladders")
    climb(results, "falls", falling)
    climb(results, "flat", lambda size: 0.47)
    climb(results, "short", falling, SIZES[:2])
    for step, rows in enumerate((125, 250, 500), start=7):
        for seed, noise in enumerate(NOISE):
            keep(results, "falls", step, seed, 0.46 + 2 / rows + noise, 8_000, rows)
    return results


@pytest.fixture(scope="module")
def report(three):
    return scaling_report.report(three, "synthetic_tiny")


def law(report, recipe: str, axis: str) -> dict:
    [found] = [
        each for each in report.numbers["laws"] if (each["recipe"], each["axis"]) == (recipe, axis)
    ]
    return found


def test_a_law_is_fitted_where_there_is_one(report) -> None:
    for axis in ("parameters", "flops"):
        found = law(report, "falls", axis)
        assert (
            found["verdict"] == "law"
            and found["fit"]["E"]["low"] < 0.45 < found["fit"]["E"]["high"]
        )
        assert (
            found["fit"]["law"]["alpha"] == pytest.approx(0.5, abs=0.1)
            and found["fit"]["r2"] > 0.99
        )
    assert [size["size"] for size in law(report, "falls", "flops")["sizes"]] == [
        2 * size for size in SIZES
    ]


def test_no_law_has_no_exponent_and_a_refused_design_says_why(report) -> None:
    flat, short, rows = (
        law(report, "flat", "parameters"),
        law(report, "short", "flops"),
        law(report, "falls", "rows"),
    )
    assert (flat["verdict"], flat["fit"]) == (NO_LAW, None)
    assert (short["verdict"], short["fit"]) == (
        "not fitted: 2 sizes that are 5% apart: a law is fitted to at least 5",
        None,
    )
    assert [size["size"] for size in rows["sizes"]] == [125, 250, 500, 1000] and rows["fit"] is None
    text = report.markdown()
    assert "| flat | 6: 1,000 to 32,000 | 0-2 | no scaling law found (p = " in text
    assert "**made up**" in text and "elementwise work counts 0" in text
    assert "| 0.417 → 0.417 |" in text  # 2.5 of 6
    assert "| falls | 4: 125 to 1,000 | 0-2 | not fitted: 4 sizes that are 5% apart" in text


def test_steps_are_tabled_with_what_differs_between_them(report) -> None:
    text = report.markdown()
    head = (
        "| step | model.hidden_units | dense parameters without head | head parameters | FLOPs per"
        " sample |"
    )
    assert f"{head} training rows |" in text
    assert "| 7 | [8000] | 8,000 | 1 | 16,000 | 125 | 0-2 | 0.47600 ± 0.00026 |" in text


def test_tables_are_held_to_the_records(three, tmp_path) -> None:
    study = studies.get("scaling")
    made = study.documents(three, "synthetic_tiny", study.report(three, "synthetic_tiny"))
    assert [each.path for each in made] == [
        three / "scaling" / f"synthetic_tiny{form}" for form in (".md", ".json")
    ]
    markdown, numbers = (each.text for each in made)
    assert markdown.startswith("# Scaling laws on synthetic_tiny")
    assert json.loads(numbers)["dataset"] == "synthetic_tiny"
    assert study.datasets(three) == ["synthetic_tiny"]
    (tmp_path / "scaling").mkdir()
    (tmp_path / "scaling" / "simulation.md").write_text("")
    assert [path for path, _ in ladder.tables(Archive(tmp_path)) if "scaling" in str(path)] == []
    gone = tmp_path / "scaling" / "gone.md"
    gone.write_text("")
    assert (gone, "is made from no record; remove it") in ladder.tables(Archive(tmp_path))


def test_figures_of_every_axis(tmp_path) -> None:
    climb(tmp_path, "short", falling, SIZES[:2])
    paths = figures.draw(tmp_path, "synthetic_tiny")
    assert {path.stem for path in paths} == {"laws-parameters", "laws-flops"}
    assert {path.suffix for path in paths} == {".svg", ".png"}


def test_only_laws_have_a_panel_above_their_floor(three) -> None:
    found = curves(ladders.rungs(three, "synthetic_tiny"))
    for names, panels in ((("falls", "flat"), 2), (("flat", "short"), 1)):
        chosen = [
            curve for curve in found if curve.axis is ladders.PARAMETERS and curve.recipe in names
        ]
        figure = figures.laws("synthetic_tiny", ladders.PARAMETERS, chosen)
        assert len(figure.axes) == panels
    labels = figure.axes[0].get_legend_handles_labels()[1]
    assert labels == ["flat (no law)", "short (not fitted)"]


def test_records_of_two_data_sets_are_no_one_study(tmp_path) -> None:
    path = keep(tmp_path, "a", 1, 0, 0.5)
    other = keep(tmp_path, "a", 2, 0, 0.5)
    content = json.loads(path.read_text())
    content["numerics"] = 1
    other.write_text(json.dumps(content))
    with pytest.raises(BenchmarkError, match="the records are of different data or numerics"):
        ladders.rungs(tmp_path, "synthetic_tiny")


def test_a_step_is_a_cell_and_its_record_is_held_against_it(tmp_path) -> None:
    folder = tmp_path / "recipes" / "synthetic_tiny"
    folder.mkdir(parents=True)
    (folder / "a.toml").write_text(RECIPE + PROVENANCE)
    recipe = recipes.load("synthetic_tiny/a", folder.parent)
    found = ladders.variants(recipe)
    assert [each.name for each in found] == ["a-1", "a-2", "a-3"] and found[2].rows == 500
    assert {each.recipe.train.monitor for each in found} == {"logloss"}
    ladders.require_rows(found, 500)
    with pytest.raises(UsageError, match=r"synthetic_tiny/a-3.*rows = 500, there are only 499"):
        ladders.require_rows(found, 499)
    [cell] = cells.of_study(ladders.STUDY, "synthetic_tiny", found[2:], [0])
    path = cell.path(tmp_path)
    run = make_record(
        name=None, recipe=cell.recipe.resolved(), recipe_digest=cell.recipe.digest(), train_rows=500
    )
    keep(run, path)

    def faults(run, path: Path) -> str:
        return "; ".join(place.faults(run, path, folder.parent))

    assert faults(run, path) == ""
    [planned] = cells.plan([cell], tmp_path, run.data)
    assert planned.why == "its scores are missing"
    [planned] = cells.plan([replace(cell, rows=None)], tmp_path, run.data)
    assert "it is of seed 0 and 500 rows" in planned.why
    whole = run.model_copy(update={"train_rows": None})
    assert (
        faults(whole, path)
        == "the record is of all training rows, step 3 of recipe synthetic_tiny/a of 500"
    )
    assert "stale: the recipe's digest is" in faults(run, path.parents[1] / "a-1" / path.name)
    assert "has 3 steps, and the record is of step 4" in faults(
        run, path.parents[1] / "a-4" / path.name
    )
    assert "unknown recipe 'synthetic_tiny/b'" in faults(run, path.parents[1] / "b-1" / path.name)
    assert "scaling/none names no step of a recipe" in faults(
        run, path.parents[1] / "none" / path.name
    )


def test_the_command_says_what_it_would_run(capsys) -> None:
    import typer

    command = typer.main.get_command(app)
    command.main(
        ["scale", "--recipe", "synthetic_tiny/dnn", "--seeds", "0", "--dry-run"],
        standalone_mode=False,
    )
    printed = capsys.readouterr().out
    assert "0 cells done before, 7 to run" in printed and "synthetic_tiny/dnn-7/seed-0" in printed
    for words, message in (
        (["scale"], "--recipe DATASET/NAME"),
        (["scale", "--recipe", "synthetic_tiny/lr"], "recipe synthetic_tiny/lr has no ladder"),
    ):
        with pytest.raises(UsageError, match=message):
            command.main(words, standalone_mode=False)


@pytest.mark.parametrize(
    ("folder", "place"),
    [("a-b-3", ("a-b", 3)), ("a-shape12", None), ("a-2-1", ("a-2", 1)), ("a-0", None)]
    + [(name, None) for name in ("a", "-3", "a-x1", "a-٣")],
)
def test_a_folder_is_of_one_step_of_a_recipe(folder: str, place: tuple | None) -> None:
    assert ladders.place_of(folder) == place


@pytest.mark.parametrize("recipe_id", recipes.recipe_ids())
def test_every_committed_ladder_carries_a_fit(recipe_id: str) -> None:
    recipe = recipes.load(recipe_id)
    full = [step for step in recipe.scaling if step.rows is None]
    assert not recipe.scaling or len(full) >= 5
