"""A study in PostgreSQL: a cluster of the test's own on the loopback address, where its programs
are installed."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.servers import free_port
from tests.studies.tuning.small import small_plan, small_store, tune
from tests.studies.tuning.test_tune import timeless

PROGRAMS = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)
OTHER_USER = (
    ["runuser", "-u", "postgres", "--"] if hasattr(os, "getuid") and os.getuid() == 0 else []
)
"""PostgreSQL refuses to be run by root."""


@pytest.fixture
def database(tmp_path_factory):
    pytest.importorskip("psycopg")
    folder = tmp_path_factory.mktemp("postgres")
    if PROGRAMS is None or not (PROGRAMS / "initdb").exists():
        pytest.skip("no PostgreSQL here")
    if OTHER_USER:
        # pytest's own folders are closed to other users
        made = subprocess.run(
            [*OTHER_USER, "mktemp", "-d"], capture_output=True, text=True, check=False, cwd="/"
        )
        if made.returncode:
            pytest.skip("no user to run PostgreSQL as")
        folder = Path(made.stdout.strip())

    def call(program: str, *words: str) -> None:
        command = [*OTHER_USER, str(PROGRAMS / program), *words]
        subprocess.run(command, cwd="/", check=True, stdout=subprocess.DEVNULL, timeout=600)

    port, data = free_port(), str(folder / "data")
    call("initdb", "-D", data, "-U", "tuner", "-A", "trust", "--no-sync")
    options = f"-c listen_addresses=127.0.0.1 -p {port} -k {folder} -c fsync=off"
    call("pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
    try:
        call("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "tuner", "studies")
        yield f"postgresql+psycopg://tuner@127.0.0.1:{port}/studies"
    finally:
        call("pg_ctl", "-D", data, "-m", "immediate", "stop")
        subprocess.run([*OTHER_USER, "rm", "-rf", str(folder)], check=True, cwd="/")


def test_a_study_in_postgresql_is_that_of_a_journal(tmp_path, database):
    store = small_store(tmp_path / "store")
    journal = tune(small_plan(tmp_path / "journal"), store, 3).study()
    plan = small_plan(tmp_path / "database", storage=database)
    tune(plan, store, 2)
    assert timeless(tune(plan, store, 3).study().trials) == timeless(journal.trials)
