"""Which records are present, missing or stale."""

from dataclasses import replace
from pathlib import PurePath

import numpy as np
import pytest

from benchmark.data.store import Fingerprint
from benchmark.errors import UsageError
from benchmark.recipes import recipe as recipes
from benchmark.records import arrays, record, scores
from benchmark.records.archive import Archive
from benchmark.records.record import NUMERICS
from benchmark.records.scores import KeptScores
from benchmark.studies.campaign.cells import Cell, chosen, plan, ranked
from tests.factories import PROVENANCE, keep, make_record

RECIPE = replace(recipes.parse({"model": {"name": "dnn"}}, "synthetic_tiny", "test"), name="dnn")
TODAY: Fingerprint = make_record().data


def kept(results, cell: Cell, **changes) -> None:
    path = cell.path(results)
    keep(make_record(seed=cell.seed, **({"recipe_digest": cell.recipe.digest()} | changes)), path)
    record.arrays_path(path).touch()


def test_ranked_cells_are_where_verify_looks_for_their_records(tmp_path) -> None:
    [cell] = ranked(RECIPE, [3])
    assert cell.path(tmp_path) == Archive(tmp_path).path("synthetic_tiny", "dnn", 3)
    assert cell.key == "synthetic_tiny/dnn/seed-3"


def test_present_and_missing(tmp_path) -> None:
    cells = ranked(RECIPE, [0, 1])
    kept(tmp_path, cells[1])
    assert [(planned.cell, planned.state) for planned in plan(cells, tmp_path, TODAY)] == [
        (cells[0], "missing"),
        (cells[1], "present"),
    ]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"numerics": NUMERICS + 1}, "made with numerics"),
        ({"recipe_digest": "b" * 64}, "the recipe's digest is"),
        ({"data": replace(TODAY, arrays="9" * 64)}, "the data differ from today's in arrays"),
        ({"seed": 7}, "it is of seed 7"),
        ({"train_rows": 500}, "500 rows"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_stale(tmp_path, changes, why: str) -> None:
    [cell] = ranked(RECIPE, [0])
    path = cell.path(tmp_path)
    keep(make_record(**({"recipe_digest": RECIPE.digest()} | changes)), path)
    record.arrays_path(path).touch()
    [planned] = plan([cell], tmp_path, TODAY)
    assert planned.state == "stale" and why in planned.why


def test_a_record_that_cannot_be_read_or_whose_scores_are_damaged_is_stale(tmp_path) -> None:
    cells = ranked(RECIPE, [0, 1, 2, 3])
    for cell in cells[:3]:
        kept(tmp_path, cell)
    files = [record.arrays_path(cell.path(tmp_path)) for cell in cells]
    files[0].unlink()
    files[1].write_bytes(files[1].read_bytes()[:-40])
    best = scores.by_row(np.array([3, 2, 1], np.float32), np.array([1, 0, 1], np.uint8))
    arrays.save({**arrays.load(files[2]), **scores.pack(KeptScores(best))}, files[2])
    cells[3].path(tmp_path).write_text("{")
    planned = plan(cells, tmp_path, TODAY)
    assert {each.state for each in planned} == {"stale"}
    found = ("curves is missing", "curves is damaged", "metrics.test differs", "seed-3.json")
    assert all(why in each.why for why, each in zip(found, planned, strict=True))


def test_a_study_has_a_place_of_its_own(tmp_path) -> None:
    cell = Cell(
        replace(RECIPE, name=None),
        "synthetic_tiny",
        0,
        PurePath("studies/ablation/synthetic_tiny/full-glu"),
    )
    kept(tmp_path, cell)
    assert (
        tmp_path / "studies" / "ablation" / "synthetic_tiny" / "full-glu" / "seed-0.json"
    ).is_file()
    assert plan([cell], tmp_path, TODAY)[0].state == "present"


@pytest.fixture
def folder(tmp_path):
    for name in ("one/lr", "one/dnn", "two/lr", "synthetic_tiny/lr"):
        path = tmp_path / f"{name}.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'[model]\nname = "{path.stem}"\n{PROVENANCE}')
    return tmp_path


def test_chosen_recipes(folder) -> None:
    def ids(*words):
        return [recipe.id for group in chosen(*words, folder).values() for recipe in group]

    assert ids(None, None) == ["one/dnn", "one/lr", "two/lr"]
    assert ids(["two"], None) == ["two/lr"]
    assert ids(["synthetic_tiny"], None) == ["synthetic_tiny/lr"]
    assert ids(None, ["dnn"]) == ["one/dnn"]
    assert ids(None, ["l?", "*nn"]) == ["one/dnn", "one/lr", "two/lr"]
    with pytest.raises(UsageError, match="unknown data set with recipes 'onne'; did you mean one"):
        ids(["onne"], None)
    with pytest.raises(UsageError, match="unknown recipe name 'dnn'"):
        ids(["two"], ["dnn"])
    with pytest.raises(UsageError, match="unknown recipe name"):
        ids(None, ["*_tuned"])
