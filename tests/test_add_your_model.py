"""docs/add.md, "Add your model in one file", followed to the letter by someone who reads nothing
else."""

import os
import re
import shlex
import shutil
import sys

import pytest

from benchmark import registry
from benchmark.errors import BenchmarkError, UsageError
from benchmark.recipes import recipe as recipes
from benchmark.records.environment import current, source_digest
from benchmark.records.record import load
from benchmark.utils.paths import ROOT

SECTION = (
    (ROOT / "docs" / "add.md")
    .read_text(encoding="utf-8")
    .split("## Add your model in one file")[1]
    .split("\n## ")[0]
)
PLUGIN = "my_models/gated.py"
RECIPE = "my_models/synthetic_tiny/gated.toml"


def block(language: str) -> str:
    [found] = re.findall(rf"```{language}\n(.*?)```", SECTION, flags=re.DOTALL)
    return str(found)


@pytest.fixture
def shell(command, plugged, empty_store, monkeypatch, tmp_path):
    """Runs a block of `export` and `python -m benchmark` lines as typed in `tmp_path`, in this
    process: what it printed."""
    monkeypatch.chdir(tmp_path)
    database = shutil.copy(empty_store.database, tmp_path / "mlflow.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{database}")

    def call(commands: str) -> str:
        printed = ""
        for line in commands.replace("\\\n", "").splitlines():
            match shlex.split(line, comments=True):
                case ["export", setting]:
                    monkeypatch.setenv(*setting.split("=", 1))
                case ["python", "-m", "benchmark", *words]:
                    printed += command(*words)[0]
                case other:
                    raise AssertionError(f"a line of another kind: {other}")
        return printed

    return call


def test_the_page_is_all_one_needs_to_know(shell, tmp_path) -> None:
    for name, language in ((PLUGIN, "python"), (RECIPE, "toml")):
        assert f"`{name}`" in SECTION
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(block(language))
    out = shell(block("sh"))
    assert re.search(r"^ *gated +Every field gates every other", out, flags=re.MULTILINE)
    assert "3 records: all checks passed" in out
    records = [load(path) for path in sorted((tmp_path / "my_results").rglob("seed-*.json"))]
    assert sorted((made.recipe["model"]["gate_scale"], made.seed) for made in records) == [
        (1, 0),
        (2, 0),
        (2, 1),
    ]
    for made in records:
        assert made.metrics.test.auc > 0.6
        assert made.stages == ["embedding", "gated"]
        assert all(each.erank.mean > 1 for each in made.spectra("best").token.values())


WORKING = """
from torch import nn
from benchmark.registry import models

@models.register("{name}")
class Mine(nn.Module):
    def __init__(self, {parameters}):
        super().__init__()
    def forward(self, dense, sparse{observe}): ...
"""


def model(
    name: str = "mine",
    parameters: str = "schema, *, width: int = 3",
    observe: str = ", observe=None",
) -> str:
    return WORKING.format(name=name, parameters=parameters, observe=observe)


@pytest.fixture
def plugged(tmp_path, monkeypatch):
    """Sets the plug-in folders below `tmp_path` for a registry that has found none yet, in a
    process whose records do not name its source yet."""
    current.cache_clear()
    registry.models.names()
    monkeypatch.setattr(registry.models, "_items", dict(registry.models._items))
    monkeypatch.setattr(registry.models, "_discovered", False)
    yield lambda *folders: monkeypatch.setenv(
        "BENCHMARK_PLUGINS", os.pathsep.join(str(tmp_path / folder) for folder in folders)
    )
    for name in [name for name in sys.modules if name.startswith("benchmark_plugins.")]:
        del sys.modules[name]
    current.cache_clear()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (model().replace("super()", "super("), "mine.py, line 8 cannot be imported: SyntaxError: "),
        (
            "import no_such_thing",
            "mine.py cannot be imported: ModuleNotFoundError: No module named 'no_such_thing'",
        ),
        ("width = 3", 'no model and no source; put @models.register("NAME") or @sources'),
        (
            model(name="dnn"),
            "mine.py cannot be imported: ValueError: model 'dnn' is registered twice",
        ),
        (
            model(parameters="schema, **kwargs"),
            "model 'mine': its constructor takes **kwargs, which would swallow",
        ),
        (
            model(parameters="schema, width: int = 3"),
            "model 'mine': write its constructor as __init__(self, schema, *",
        ),
        (
            model(parameters="schema, *, width=3"),
            "write the hyperparameter 'width' with type and default",
        ),
        (
            model(parameters="schema, *, width: int"),
            "write the hyperparameter 'width' with type and default",
        ),
        (
            model(parameters='schema, *, width: "Wide" = 3'),
            "a type of its constructor is unknown: name 'Wide'",
        ),
        (model(observe=""), "model 'mine': give it forward(self, dense, sparse, observe=None)"),
        (None, "BENCHMARK_PLUGINS: there is no folder"),
        ("", "registers no model"),
    ],
)
def test_a_wrong_plug_in_is_one_message(tmp_path, plugged, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "one").mkdir()
        (tmp_path / "one" / "mine.py").write_text(text)
    plugged("one")
    with pytest.raises((BenchmarkError, UsageError)) as raised:
        recipes.find("mine", "synthetic_tiny")
    assert message in str(raised.value) and "\n" not in str(raised.value)


def test_the_command_line_says_it_in_one_line(command, plugged, tmp_path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "mine.py").write_text("def broken(:")
    plugged("one")
    _, err = command("list", "models", code=1)
    assert err.count("\n") == 1
    assert err.startswith("error: plug-in ") and "one/mine.py, line 1 cannot be imported" in err


def test_folders_add_up_and_private_files_are_left_out(tmp_path, plugged) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{folder}.py").write_text(model(name=folder))
    (tmp_path / "one" / "_parts.py").write_text("not Python")
    plugged("one", "two")
    assert {"one", "two", "dnn"} <= set(registry.models.names())


def test_folders_that_hold_nothing_and_files_of_one_name_are_refused(tmp_path, plugged) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    (tmp_path / "one" / "mine.py").write_text(model())
    plugged("one", "two")
    with pytest.raises(UsageError, match=r"BENCHMARK_PLUGINS: the folder .*two holds no \.py file"):
        registry.models.names()
    (tmp_path / "two" / "mine.py").write_text(model())
    with pytest.raises(UsageError, match="have the same name; rename one"):
        registry.models.names()


def test_plug_ins_are_part_of_the_source_that_a_record_names(tmp_path, plugged) -> None:
    without = source_digest()
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "mine.py").write_text(model())
    plugged("one")
    assert source_digest() != without
