import os

import pytest

from tests.studies.tuning.small import small_store


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Its test arrays are gone: nothing that is tuned on it has read them."""
    made = small_store(tmp_path_factory.mktemp("small") / "store")
    for path in made.folder.glob("test.*.npy"):
        path.unlink()
    return made


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: None)
