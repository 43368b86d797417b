"""What the README lists is what there is."""

import re
import subprocess
import sys

import pytest

from benchmark.data.catalog import card_names
from benchmark.errors import BenchmarkError
from benchmark.recipes.recipe import Train
from benchmark.registry import models
from benchmark.reports import document, settings
from benchmark.utils.paths import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def code_words() -> set[str]:
    return set(re.findall(r"`([^`\n]+)`", README))


def test_every_model_data_set_and_training_key_is_named() -> None:
    named = {word for code in code_words() for word in code.split(", ")}
    assert set(models.names()) <= named
    assert set(card_names()) <= named
    assert set(Train.model_fields) <= named


def test_the_table_of_settings_is_that_of_their_definitions() -> None:
    assert "<!-- settings -->" in README
    assert all(field.description for field in Train.model_fields.values())
    document.check([settings.readme()])


def test_a_stale_table_of_settings_is_refused(tmp_path) -> None:
    stale = tmp_path / "README.md"
    stale.write_text(README.replace("| `epochs` | 100 |", "| `epochs` | 99 |"))
    with pytest.raises(BenchmarkError, match=r"run `python -m benchmark list settings --write`"):
        document.check([settings.readme(stale)])


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_every_path_exists(name: str) -> None:
    """Links, and the folders and files of the project that a text names in full."""
    text = (ROOT / name).read_text(encoding="utf-8")
    paths = set(re.findall(r"\]\((?!https?:)([^)#]+)\)", text))
    paths |= set(re.findall(r"`((?:benchmark|baselines|tests)/[\w./-]+)`", text))
    assert paths
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


def test_ci_installs_the_lock_and_runs_the_test_command() -> None:
    [test_command] = [
        line
        for line in README.splitlines()
        if line.startswith("python3 -m venv") and "pytest" in line
    ]
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for part in ("requirements.lock", "python -m pytest"):
        assert part in test_command and part in script


def test_every_command_of_the_readme_exists() -> None:
    commands = set(re.findall(r"python -m benchmark ([a-z]+)", README))
    help_text = subprocess.run(
        [sys.executable, "-m", "benchmark", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert commands
    assert [command for command in commands if f" {command} " not in help_text] == []


def test_the_lock_pins_everything_and_names_no_cuda() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    blocks = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace(" \\\n    ", " ").splitlines()
    form = r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+(?: ; [^-]+)?(?: --hash=sha256:[0-9a-f]{64})+"
    assert [block for block in blocks if not re.fullmatch(form, block)] == []
    names = [block.partition("=")[0] for block in blocks]
    assert "torch" in names and len({*names}) == len(names)
    assert not [name for name in names if re.match(r"nvidia|triton|cuda", name)]
