"""The options that commands share, and the completion of names in the shell."""

import json
import os
import subprocess
import sys
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from benchmark import registry
from benchmark.cli import options as shared
from benchmark.cli.options import Options, RunOptions, completion, with_options
from benchmark.data.catalog import card_names
from benchmark.errors import UsageError
from benchmark.recipes.files import recipe_ids
from benchmark.utils.paths import ROOT

COMPLETE = """
import contextlib, io, json, os, sys
from benchmark.__main__ import main
answers = []
for words in json.loads(sys.argv[1]):
    os.environ["COMP_WORDS"] = " ".join(["benchmark", *words])
    os.environ["COMP_CWORD"] = str(len(words))
    with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.suppress(SystemExit):
        sys.argv = ["benchmark"]
        main()
    assert "torch" not in sys.modules, f"torch was imported for {words}"
    answers.append(printed.getvalue().split())
print(json.dumps(answers))
"""
COMPLETED = [
    (("run", "--model", "rankm"), ["rankmixer", "rankmixer_moe"]),
    (
        ("run", "--recipe", "synthetic/rankm"),
        [
            "synthetic/rankmixer",
            "synthetic/rankmixer_base",
            "synthetic/rankmixer_deep",
            "synthetic/rankmixer_moe",
        ],
    ),
    (("tune", "--recipe", "synthetic/dcnv2_"), ["synthetic/dcnv2_mixture"]),
    (("rank", "--dataset", "synthetic_l"), ["synthetic_large"]),
    (("leaderboard", "--dataset", "fr"), ["frappe_x1", "frappe_x1r"]),
    (("suite", "--recipes", "lr,dlrm_m"), ["lr,dlrm_mlp", "lr,dlrm_mlp_bars"]),
    (("suite", "--datasets", "synthetic,fra"), ["synthetic,frappe_x1", "synthetic,frappe_x1r"]),
    (("study", "abl"), ["ablation"]),
    (("study", "ablation", "--ce"), ["--cells"]),
    (("study", "damping", "--dataset", "frappe_x1r"), ["frappe_x1r"]),
]
"""Words, and what the shell is offered for the last of them."""


@pytest.fixture(scope="module")
def offered() -> list[list[str]]:
    """What the shell is offered for each words, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", COMPLETE, json.dumps([words for words, _ in COMPLETED])],
        cwd=ROOT,
        env=os.environ | {"_BENCHMARK_COMPLETE": "complete_bash"},
        capture_output=True,
        text=True,
    )
    assert not done.stderr, done.stderr
    answers: list[list[str]] = json.loads(done.stdout)
    return answers


@pytest.mark.parametrize("number", range(len(COMPLETED)), ids=lambda n: " ".join(COMPLETED[n][0]))
def test_names_are_completed_without_torch(offered, number: int) -> None:
    assert offered[number] == COMPLETED[number][1]


def test_completed_names_are_those_that_exist() -> None:
    assert sorted(shared.model_names()) == registry.models.names()
    assert sorted(shared.recipe_names()) == sorted({name.split("/")[1] for name in recipe_ids()})
    assert shared.dataset_names() == card_names()


def test_the_models_of_plug_ins_are_completed(tmp_path, monkeypatch) -> None:
    (tmp_path / "mine.py").write_text('@models.register("mine")\nclass Mine: ...\n')
    monkeypatch.setenv(registry.VARIABLE, str(tmp_path))
    assert completion(shared.model_names)("min") == ["mine"]
    monkeypatch.setenv(registry.VARIABLE, str(tmp_path / "missing"))
    assert completion(shared.model_names)("rankel") == ["rankelastor"]


def test_the_last_name_of_a_list_is_completed() -> None:
    complete = completion(lambda: ["lr", "dlrm", "dnn"])
    assert complete("") == ["dlrm", "dnn", "lr"]
    assert complete("lr,d") == ["lr,dlrm", "lr,dnn"]
    assert complete("x") == []


def test_shared_options_come_as_one_object() -> None:
    seen: list[tuple[str, Options]] = []
    app = typer.Typer()

    @app.command()
    @with_options(Options, seeds="0-4")
    def many(width: Annotated[str, typer.Option()] = "8", *, options: Options) -> None:
        """Run many."""
        seen.append((width, options))

    words = ["--width", "16", "--jobs", "2", "--no-track"]
    CliRunner().invoke(app, words, catch_exceptions=False)
    [(width, options)] = seen
    assert (width, options.seeds, options.jobs, options.track) == ("16", "0-4", 2, False)
    assert (options.device, options.threads, options.dry_run) == ("cpu", None, False)
    with pytest.raises(UsageError, match="--backend dask and --address HOST:PORT"):
        CliRunner().invoke(app, ["--backend", "dask"], catch_exceptions=False)


def test_a_command_of_one_run_has_fewer_options() -> None:
    app = typer.Typer()

    @app.command()
    @with_options(RunOptions)
    def one(options: RunOptions) -> None:
        """Run one."""

    text = CliRunner().invoke(app, ["--help"]).output
    assert "--threads" in text and "--device" in text
    assert "--jobs" not in text and "--options" not in text


@pytest.mark.parametrize(
    ("text", "seeds"), [("0", [0]), ("3-5", [3, 4, 5]), ("5,0, 2-3,2", [0, 2, 3, 5])]
)
def test_seeds(text: str, seeds: list[int]) -> None:
    assert shared.parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "4-2", "-1", "0-", "1.5", "²", "0,,1"])
def test_wrong_seeds_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="write 0, 0-4 or 0,2,5"):
        shared.parse_seeds(text)


@pytest.mark.parametrize("text", ["2147483648", "0-1000", "0-99999999999"])
def test_too_many_or_too_large_seeds_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="at most 1,000 seeds, each below 2\\^31"):
        shared.parse_seeds(text)


@pytest.mark.parametrize(
    ("options", "shares"),
    [
        ({}, (8, 1)),
        ({"jobs": 2}, (2, 4)),
        ({"jobs": 20}, (20, 1)),
        ({"threads": 3}, (2, 3)),
        ({"threads": 20}, (1, 20)),
        ({"jobs": 3, "threads": 4}, (3, 4)),
        ({"device": "cuda"}, (1, 8)),
        ({"device": "cuda", "threads": 2}, (1, 2)),
        ({"backend": "dask", "address": "host:1"}, (1, 1)),
    ],
)
def test_how_cores_are_shared(options, shares) -> None:
    assert Options(**options).shares(8) == shares
