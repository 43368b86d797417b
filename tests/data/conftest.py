"""A card whose files lie on a hub, and that hub."""

import time

import pytest

from tests.data.hub import ROWS, TABLE, TEXTS, Hub, serving, write_card, zipped


@pytest.fixture
def card(tmp_path, monkeypatch) -> str:
    """A card whose files lie on the hub alone; the cache is `tmp_path / cache`, and nothing waits
    between attempts."""
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("BENCHMARK_DATA_ROOT", raising=False)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(time, "sleep", lambda _: None)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY", True)
    monkeypatch.setattr(
        "huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 10
    )  # the client loses a chunk that broke off
    return str(write_card(tmp_path / "card", TEXTS, ROWS, TABLE))


@pytest.fixture
def hub(monkeypatch):
    with serving(Hub({"we/Mine/Mine.zip": zipped(TEXTS)})) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        yield hub


@pytest.fixture
def stream_hub(tmp_path, monkeypatch):
    """A hub without files, for the client of this process, which reads HF_ENDPOINT when it is
    imported; it waits for nothing and keeps no listing of an earlier hub."""
    import datasets
    from huggingface_hub import HfFileSystem, constants

    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(time, "sleep", lambda _: None)
    HfFileSystem.clear_instance_cache()
    with serving(Hub({})) as hub:
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, hub.address)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "ENDPOINT", hub.address)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache" / "hf"))
        monkeypatch.setattr(datasets.config, "HF_ENDPOINT", hub.address)
        yield hub
