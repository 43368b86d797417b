import json
from pathlib import Path

import pytest

from benchmark.records.archive import Archive
from benchmark.tracking import studies
from benchmark.tracking.sync import sync
from benchmark.tracking.variants import StudyKey
from tests.factories import keep, make_record
from tests.studies.scaling import test_ladders
from tests.tracking.stores import copy_of

RUNGS = {1: (1_000, 0.47), 2: (4_000, 0.45)}
MIXINGS = ("full", "none")
FIGURES = Path("figures", "scaling", "synthetic_tiny")


def made(tmp_path: Path) -> Path:
    """A ladder of two rungs with three trials each, an ablation of two cells, and a ranked run."""
    for step, (size, loss) in RUNGS.items():
        test_ladders.keep_trials(tmp_path, "a", step, size)
        for seed in (0, 1):
            test_ladders.keep(tmp_path, "a", step, seed, loss + 0.02 * seed, size)
    for mixing in MIXINGS:
        recipe = make_record().recipe
        recipe = {**recipe, "model": {"name": "rankelastor", "mixing": mixing, "ffn": "glu"}}
        path = Archive(tmp_path).path("synthetic_tiny", f"{mixing}-glu", 0, "ablation")
        keep(make_record(name=None, recipe=recipe), path)
    keep(make_record(), Archive(tmp_path).path("synthetic_tiny", "dnn", 0))
    (tmp_path / FIGURES).mkdir(parents=True)
    (tmp_path / FIGURES / "laws.png").write_text("drawn")
    sync(tmp_path, lambda _: None)
    return tmp_path


@pytest.fixture(scope="module")
def shown(empty_store, tmp_path_factory):
    """A store with them, for tests that only look."""
    folder = tmp_path_factory.mktemp("shown")
    with copy_of(empty_store, folder) as client:
        made(folder)
        yield client


def found(client, condition: str = "") -> dict:
    experiment = client.get_experiment_by_name("synthetic_tiny").experiment_id
    runs = client.search_runs([experiment], condition)
    names = {run.info.run_name: run for run in runs}
    assert len(names) == len(runs)
    return names


def parents(client) -> dict[str, str]:
    runs = found(client)
    names = {run.info.run_id: name for name, run in runs.items()}
    own = {name: run.data.tags.get("mlflow.parentRunId") for name, run in runs.items()}
    return {name: names[parent] for name, parent in own.items() if parent}


def tables(client, name: str) -> list[list[dict]]:
    run = found(client)[name].info.run_id
    files = [artifact.path for artifact in client.list_artifacts(run)]
    texts = [
        json.loads(Path(client.download_artifacts(run, file)).read_text())
        for file in sorted(files)
        if file.startswith("variants-")
    ]
    return [[dict(zip(t["columns"], row, strict=True)) for row in t["data"]] for t in texts]


def test_each_ladder_and_other_study_is_the_parent_of_its_variants(shown) -> None:
    trials = {f"a-{step}-{rate} seed 1000 (scaling)" for step in RUNGS for rate in (1, 2, 3)}
    rungs = {f"a-{step}-2 (scaling)" for step in RUNGS}
    cells = {f"{mixing}-glu (ablation)" for mixing in MIXINGS}
    expected = dict.fromkeys(trials | rungs, "ladder a") | dict.fromkeys(cells, "ablation study")
    for step in RUNGS:
        expected |= {f"a-{step}-2 seed {n} (scaling)": f"a-{step}-2 (scaling)" for n in (0, 1)}
    expected |= {
        f"{mixing}-glu seed 0 (ablation)": f"{mixing}-glu (ablation)" for mixing in MIXINGS
    }
    assert parents(shown) == expected | {"dnn seed 0": "dnn"}
    assert set(found(shown, "tags.level = 'study'")) == {"ladder a", "ablation study"}
    board = found(shown, "tags.kind = 'ranked' and tags.level = 'seeds'")
    assert set(board) == {"dnn"}


def test_a_study_has_a_table_of_its_variants_and_its_figures(shown) -> None:
    [rungs] = tables(shown, "ladder a")
    assert [(row["variant"], row["size"], row["model.hidden_units"]) for row in rungs] == [
        ("a-1-2", 1_000, "1000"),
        ("a-2-2", 4_000, "4000"),
    ]
    # means over the seeds, of which a trial is none
    assert [(row["seeds"], row["test/logloss"]) for row in rungs] == [
        (2, pytest.approx(0.48)),
        (2, pytest.approx(0.46)),
    ]
    assert {"test/auc", "rank_ratio", "cost/flops_per_sample"} <= rungs[0].keys()
    [cells] = tables(shown, "ablation study")
    assert [(row["variant"], row["model.mixing"]) for row in cells] == [
        ("full-glu", "full"),
        ("none-glu", "none"),
    ]
    assert "model.ffn" not in cells[0] and rungs[0]["train.learning_rate"] == "0.001"
    run = found(shown)["ladder a"].info.run_id
    assert [file.path for file in shown.list_artifacts(run, "figures")] == ["figures/laws.png"]


def test_what_did_not_change_is_not_sent_and_a_record_made_again_leaves_no_double(
    client, tmp_path
) -> None:
    results = made(tmp_path)
    before = {name: run.info.run_id for name, run in found(client).items()}
    older = {"ladder": "synthetic_tiny/a", "kind": "scaling", "level": "study"}
    client.create_run("1", None, older, "ladder of an older version")
    sync(results, pytest.fail)
    studies.show_studies(results, "synthetic_tiny", pytest.fail)
    assert {name: run.info.run_id for name, run in found(client).items()} == before
    test_ladders.keep(results, "a", 2, 1, 0.55, 4_000)
    client.delete_run(before["a-1-2 seed 0 (scaling)"])
    joined = parents(client) | {"a-1-2 seed 0 (scaling)": "a-1-2 (scaling)"}
    sync(results, lambda _: None)
    assert found(client).keys() == before.keys() and parents(client) == joined
    losses = [row["test/logloss"] for table in tables(client, "ladder a") for row in table]
    assert pytest.approx(0.5) in losses and len(losses) == 4

    for seed in (0, 1):  # a rung of other settings takes the place of the old one
        test_ladders.keep(results, "a", 1, seed, 0.47, 2_000)
    sync(results, lambda _: None)
    assert found(client)["a-1-2 (scaling)"].data.params["model.hidden_units"] == "2000"
    assert parents(client) == joined


@pytest.mark.parametrize(
    ("tag", "name", "variant"),
    [
        ("scaling d/a-b-1-2 0f", "ladder a-b", "a-b-1-2"),
        ("scaling d/other 0f", "scaling study", "other"),
        ("ablation d/full-glu 0f", "ablation study", "full-glu"),
        ("mine d/two words 0f", "mine study", "two words"),
    ],
)
def test_the_tag_of_seeds_names_the_study(tag: str, name: str, variant: str) -> None:
    key, own = StudyKey.of(tag)
    assert (key.name, own, key.origin, key.dataset) == (name, variant, "0f", "d")
