"""Every snippet of the README and of docs/ is run, or says above it why not; every command of them
is one that the command line takes."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib

import pytest
import typer
from typer.core import TyperGroup

from benchmark.cli import app
from benchmark.utils.paths import ROOT
from tests.pages import PAGES, Snippet, benchmark_words, prose, snippets

ALL = [snippet for page in PAGES for snippet in snippets(page)]
RUN = [each for each in ALL if each.language in ("sh", "python") and not each.mark]
COMMAND = typer.main.get_command(app)
RUNNER = """
import json, sys
from benchmark.__main__ import main

def run(step):
    if step["python"]:
        exec(step["python"], {})
        return
    sys.argv = ["benchmark", *step["words"]]
    try:
        main()
    except SystemExit as ended:
        assert not ended.code, f"exit code {ended.code}"

for step in json.loads(sys.stdin.read()):
    print(step["place"], step["words"], file=sys.stderr)
    run(step)
"""
"""Runs the steps one after another in one process, as importing everything takes longest."""


def steps(snippet: Snippet) -> list[dict[str, object]]:
    if snippet.language == "python":
        return [{"place": snippet.place, "words": [], "python": snippet.text}]
    return [
        {"place": snippet.place, "words": benchmark_words(words), "python": ""}
        for words in snippet.commands()
    ]


def test_every_snippet_that_is_not_marked_runs(tmp_path, empty_store) -> None:
    """In a workspace that has committed records of one board, on synthetic_tiny."""
    todo = [step for snippet in RUN for step in steps(snippet)]
    assert len(todo) > 10
    assert not [step["place"] for step in todo if step["words"] is None], "no benchmark command"
    board = "results/records/synthetic"
    shutil.copytree(ROOT / board, tmp_path / board)
    database = shutil.copy(empty_store.database, tmp_path / "mlflow.db")
    environment = os.environ | {
        "BENCHMARK_HOME": str(tmp_path),
        "MLFLOW_TRACKING_URI": f"sqlite:///{database}",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-c", RUNNER],
        input=json.dumps(todo),
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_every_mark_says_why_or_names_its_test() -> None:
    for snippet in ALL:
        if snippet.mark == "tested by":
            assert (ROOT / snippet.why).is_file(), snippet.place
        if snippet.mark == "not run":
            assert len(snippet.why) > 10, snippet.place
    assert {each.language for each in ALL} <= {"sh", "python", "toml"}


@pytest.mark.parametrize(
    "snippet", [each for each in ALL if each.language == "toml"], ids=lambda each: each.place
)
def test_every_toml_snippet_is_toml(snippet: Snippet) -> None:
    assert tomllib.loads(snippet.text)


def parse(words: list[str]) -> None:
    """Read options and arguments as the command line does, and run nothing."""
    command = COMMAND
    if words[0].startswith("--"):  # an option of the program acts as soon as it is read
        assert words[0] in {name for each in command.params for name in each.opts}
        return
    context = command.make_context("benchmark", [*words])
    while isinstance(command, TyperGroup):
        name, found, words = command.resolve_command(context, words)
        assert found is not None and "--help" not in words
        command, context = found, found.make_context(name, [*words], parent=context)


def written_commands() -> list[tuple[str, str]]:
    """Every command as it is written, with its page: in shell blocks and in running text."""
    found = [
        (each.page.name, shlex.join(words))
        for each in ALL
        if each.language == "sh"
        for words in each.commands()
    ]
    for page in PAGES:
        inline = re.findall(r"`((?:python -m benchmark|ctrbench) [^`]+)`", prose(page))
        found += [(page.name, " ".join(command.split())) for command in inline]
    return sorted({*found})


@pytest.mark.parametrize(("page", "command"), written_commands())
def test_every_command_is_one_that_the_command_line_takes(page: str, command: str) -> None:
    words = benchmark_words(shlex.split(command))
    if words is None:
        return
    parse(words)
