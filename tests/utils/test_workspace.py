"""Where one's own recipes and results are."""

import os
import subprocess
import sys

import pytest

from benchmark.errors import UsageError
from benchmark.recipes import files
from benchmark.utils import paths
from benchmark.utils.paths import ROOT


@pytest.mark.parametrize(
    ("here", "home", "expected"),
    [
        ("{root}", None, "{root}"),
        ("{root}/docs", None, "{root}"),
        ("{own}", None, "{own}"),
        ("{own}", "{root}", "{root}"),
        ("{root}", "{own}", "{own}"),
        ("{own}", "below", "{own}/below"),
    ],
)
def test_the_workspace(here, home, expected, tmp_path) -> None:
    here, home, expected = (
        text and text.format(root=ROOT, own=tmp_path) for text in (here, home, expected)
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop(paths.VARIABLE, None)
    if home:
        environment[paths.VARIABLE] = home
    code = "from benchmark.utils import paths; print(paths.WORKSPACE, paths.RESULTS)"
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, cwd=here, env=environment, capture_output=True, text=True)
    assert done.stdout.split() == [expected, f"{expected}/results"], done.stderr


def test_recipes_of_the_workspace_and_of_plug_ins(tmp_path, monkeypatch) -> None:
    workspace, plug_ins = tmp_path / "workspace", tmp_path / "plug_ins"
    for folder, name in ((workspace, "mine"), (plug_ins, "theirs")):
        own = folder / "recipes" / "synthetic_tiny"
        own.mkdir(parents=True)
        (own / f"{name}.toml").write_text('[model]\nname = "lr"\n')
    monkeypatch.setattr(files, "WORKSPACE", workspace)
    monkeypatch.setenv("BENCHMARK_PLUGINS", str(plug_ins))
    wanted = {"synthetic_tiny/mine", "synthetic_tiny/theirs", "synthetic_tiny/lr"}
    assert wanted <= set(files.recipe_ids())
    assert files.recipe_path("synthetic_tiny/lr") == ROOT / "recipes/synthetic_tiny/lr.toml"


def test_two_files_of_one_recipe_are_alike_or_refused(tmp_path, monkeypatch) -> None:
    own = tmp_path / "recipes" / "synthetic_tiny" / "lr.toml"
    own.parent.mkdir(parents=True)
    own.write_bytes((ROOT / "recipes/synthetic_tiny/lr.toml").read_bytes())
    monkeypatch.setattr(files, "WORKSPACE", tmp_path)
    assert files.recipe_path("synthetic_tiny/lr") == own
    assert files.recipe_ids().count("synthetic_tiny/lr") == 1
    own.write_text('[model]\nname = "fm"\n')
    with pytest.raises(UsageError, match=r"recipe synthetic_tiny/lr: .*lr\.toml differ; rename"):
        files.recipe_path("synthetic_tiny/lr")


def test_paths_are_shown_from_the_current_folder(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert paths.shown(tmp_path / "results" / "a.json") == "results/a.json"
    assert paths.shown(ROOT / "README.md") == str(ROOT / "README.md")
