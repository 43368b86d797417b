"""One version, stated alike wherever it is stated."""

import re
import subprocess
import sys
import tomllib

import yaml

from benchmark import __version__
from benchmark.records.record import NUMERICS
from benchmark.utils.paths import ROOT

CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_command_line_states_the_version() -> None:
    command = [sys.executable, "-m", "benchmark", "--version"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == f"benchmark {__version__}\n"


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["cff-version"] == "1.2.0" and citation["type"] == "software"
    assert str(citation["version"]) == __version__
    assert citation["title"].lower().endswith(project["description"].lower())
    assert citation["license"] in project["license"]


def test_the_changelog_begins_with_this_version_and_todays_numerics() -> None:
    assert re.findall(r"^## .*?(\d+\.\d+\.\d+)", CHANGELOG, flags=re.MULTILINE)[0] == __version__
    numerics = CHANGELOG.split("### Numerics")[1]
    assert re.findall(r"^- (\d+):", numerics, flags=re.MULTILINE)[0] == str(NUMERICS)
