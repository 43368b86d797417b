"""The wheel, installed into an environment of its own and used from another folder."""

import os
import re
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.request
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.utils.paths import ROOT
from tests.conftest import PROVENANCE

Command = Callable[..., str]
COMMANDS = """
import shlex, sys
from benchmark.__main__ import main
for words in sys.argv[1:]:
    sys.argv = ["ctrbench", *shlex.split(words)]
    try:
        main()
    except SystemExit as ended:
        assert not ended.code, words
"""
"""Commands one after another in one process, as importing everything takes longest."""
RECIPE = '[model]\nname = "lr"\n\n[train]\nbatch_size = 4096\nlearning_rate = 0.02\nepochs = 1\n'


@pytest.fixture(scope="module")
def scripts(tmp_path_factory) -> Path:
    """The folder of commands of an environment that holds the wheel, and finds all else in that of
    the tests."""
    folder = tmp_path_factory.mktemp("wheel")
    python(ROOT, "-m", "hatchling", "build", "-t", "wheel", "-d", folder)
    [wheel] = folder.glob("*.whl")
    venv.create(folder / "venv", with_pip=False)
    own = folder / "venv" / "bin" / "python"
    python(folder, "-m", "pip", "--python", own, "install", "-q", "--no-deps", "--no-index", wheel)
    packages = installed(folder / "venv")
    (packages / "rest.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return own.parent


def python(folder: Path, *words: str | Path) -> str:
    return called(folder, sys.executable, *words)


def called(folder: Path, *words: str | Path) -> str:
    """What a command prints that ends well."""
    done = subprocess.run(
        [*map(str, words)], cwd=folder, env=clean(), capture_output=True, text=True
    )
    assert done.returncode == 0, f"{words}: {done.stdout}\n{done.stderr}"
    return done.stdout


def clean() -> dict[str, str]:
    """The environment without what would lead back to this checkout."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONPATH", "BENCHMARK_HOME", "BENCHMARK_PLUGINS", "MLFLOW_TRACKING_URI")
    }


def installed(environment: Path) -> Path:
    [packages] = environment.glob("lib/python*/site-packages")
    return packages


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.suffix != ".pyc" and path.is_file()}


def test_it_works_in_any_folder_and_writes_only_there(scripts, tmp_path) -> None:
    before = files(installed(scripts.parent))
    own = tmp_path / "recipes" / "synthetic_tiny"
    own.mkdir(parents=True)
    (own / "mine.toml").write_text(RECIPE + PROVENANCE)

    listed = called(tmp_path, scripts / "ctrbench", "list", "recipes").split()
    assert "kuairand_14d/rankelastor" in listed
    run = "run --recipe synthetic_tiny/mine --threads 1"
    commands = run, "leaderboard", "report", "verify"
    printed, page = with_the_ui(scripts / "python", tmp_path, *commands)
    [record] = re.findall(r"record: (\S+\.json)", printed)
    assert record == "results/records/synthetic_tiny/mine/seed-0.json"
    assert (tmp_path / record).is_file()
    assert (tmp_path / "mlflow.db").is_file()
    assert "mine" in printed.split(record)[1] and "1 record: all checks passed" in printed
    assert (tmp_path / "results" / "leaderboard.md").is_file()
    assert "synthetic_tiny/mine" in (tmp_path / "results" / "report" / "index.html").read_text()
    assert "MLflow" in page
    assert files(installed(scripts.parent)) == before


def with_the_ui(own: Path, folder: Path, *commands: str) -> tuple[str, str]:
    """What commands print, and the page that `ui` serves after them until it is interrupted."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [own, "-c", COMMANDS, *commands, f"ui --port {port}"]
    process = subprocess.Popen(words, cwd=folder, env=clean(), stdout=subprocess.PIPE, text=True)
    try:
        page = served(f"http://127.0.0.1:{port}", process)
    finally:
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return printed, page


def served(address: str, server: subprocess.Popen[str]) -> str:
    """The page at an address, once it is there."""
    while server.poll() is None:
        try:
            with urllib.request.urlopen(address) as page:
                text: str = page.read().decode()
                return text
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"{address} is not served: exit code {server.returncode}")
