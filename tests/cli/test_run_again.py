"""`run` where the record of the run is there: nothing is trained unasked, nothing is replaced."""

import json
import shutil

import pytest

import benchmark
from benchmark.records.archive import Archive
from benchmark.records.record import NUMERICS
from benchmark.training.checkpoint import Cadence

RUN = ("run", "--model", "lr", "--dataset", "synthetic_tiny", "--threads", "1", "--no-track")


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A results folder with the run of one committed recipe, seed 0."""
    folder = tmp_path_factory.mktemp("first") / "results"
    benchmark.run("synthetic_tiny/lr", results=folder, threads=1, track=False, quiet=True)
    return folder


@pytest.fixture
def results(first, tmp_path):
    return shutil.copytree(first, tmp_path / "results")


def contents(folder) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("seed-*")}


def test_what_is_there_is_said_and_not_run(command, results) -> None:
    """Nor shown in MLflow a second time."""
    before, store = contents(results), results.parent / "mlflow.db"
    words = (word for word in RUN if word != "--no-track")
    out, err = command(*words, "--results", str(results), MLFLOW_TRACKING_URI=f"sqlite:///{store}")
    path = Archive(results).path("synthetic_tiny", "lr", 0)
    assert out.startswith("synthetic_tiny/lr seed 0 is there: test AUC 0.")
    assert out.endswith(f" ({path}); --again runs it and compares\n")
    assert err == "" and contents(results) == before and not store.exists()


def test_seeds_that_are_missing_are_run(command, results) -> None:
    out, err = command(*RUN, "--seeds", "0,1", "--results", str(results))
    assert "lr seed 0 is there" in out and "record: " in out and "test NE" in out
    assert "lr seed 1: 40,000 training rows" in err and "lr seed 0:" not in err
    assert [run.seed for run in Archive(results).runs("synthetic_tiny", "lr")] == [0, 1]


def test_again_keeps_the_record_and_compares(command, results, tmp_path) -> None:
    before = contents(results)
    models = tmp_path / "models"
    out, err = command(*RUN, "--again", "--results", str(results), "--save-model", str(models))
    [path] = (results / "studies" / "adhoc" / "synthetic_tiny").glob("lr-*/seed-0.json")
    assert "lr seed 0: reproduced bit for bit: test AUC 0." in out and f"record: {path}" in out
    assert "valid AUC" in err and before.items() < contents(results).items()
    assert json.loads(path.read_text())["name"] is None
    assert (models / "synthetic_tiny" / "lr" / "seed-0" / "weights.safetensors").is_file()
    out, _ = command("verify", str(results))
    assert "2 records: all checks passed" in out


def test_a_model_to_save_is_reason_enough(command, results, tmp_path) -> None:
    out, _ = command(*RUN, "--results", str(results), "--save-model", str(tmp_path / "models"))
    assert "reproduced bit for bit" in out and list(tmp_path.rglob("weights.safetensors"))


@pytest.mark.parametrize("text", ['"numerics": 1', "{"], ids=["stale", "damaged"])
def test_a_record_of_another_run_is_not_replaced(command, results, text) -> None:
    path = Archive(results).path("synthetic_tiny", "lr", 0)
    content = path.read_text().replace(f'"numerics": {NUMERICS}', text) if text != "{" else text
    path.write_text(content)
    out, err = command(*RUN, "--results", str(results), "--quiet")
    assert "is not of this run, which is kept apart (" in err and "`suite` replaces it" in err
    assert path.read_text() == content and "reproduced" not in out
    assert f"record: {results}/studies/adhoc/synthetic_tiny/lr-" in out
    out, err = command(*RUN, "--results", str(results), "--quiet")
    assert out.startswith("synthetic_tiny/lr (ad hoc) seed 0 is there: ") and "warning" in err


def test_an_ad_hoc_run_is_not_made_twice_either(command, results) -> None:
    words = (*RUN, "--set", "train.epochs=1", "--rows", "4000", "--results", str(results))
    command(*words)
    out, err = command(*words)
    assert out.startswith("synthetic_tiny/lr (ad hoc) seed 0 is there: ") and err == ""
    out, _ = command(*words, "--again")
    assert "(ad hoc) seed 0: reproduced bit for bit: test AUC" in out


def test_python_returns_what_is_there_and_says_so(results, capsys) -> None:
    seen = []
    words = {"results": results, "threads": 1, "track": False, "watch": seen.append}
    kept = benchmark.run("synthetic_tiny/lr", **words)
    assert seen == [] and "lr seed 0 is there" in capsys.readouterr().err
    again = benchmark.run("synthetic_tiny/lr", **words, again=True)
    assert "reproduced bit for bit" in capsys.readouterr().err
    assert seen and again.digests == kept.digests and again.name is None
    assert benchmark.run("synthetic_tiny/lr", **words, quiet=True) == kept
    assert capsys.readouterr() == ("", "")


def test_an_interrupted_run_goes_on_though_its_record_is_there(results, tmp_path, capsys) -> None:
    """A kill between the record and the end leaves a checkpoint, which must not stay."""

    def interrupt(event) -> None:
        if getattr(event, "step", 0) == 20:
            raise KeyboardInterrupt

    words = {"threads": 1, "track": False, "cadence": Cadence(steps=5)}
    with pytest.raises(KeyboardInterrupt):
        benchmark.run("synthetic_tiny/lr", results=tmp_path / "other", watch=interrupt, **words)
    before = contents(results)
    benchmark.run("synthetic_tiny/lr", results=results, **words)
    said = capsys.readouterr().err
    assert "resumed at step" in said and "reproduced bit for bit" in said
    assert before.items() < contents(results).items()
    benchmark.run("synthetic_tiny/lr", results=results, **words)
    assert "is there" in capsys.readouterr().err
