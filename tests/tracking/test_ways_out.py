"""What leaves a run: nothing to the network, and no password to any place that is read."""

import ipaddress
import socket
from urllib.parse import quote

import pytest

from benchmark.data import catalog
from benchmark.errors import BenchmarkError
from benchmark.tracking import runs, store
from tests.data.hub import ROWS, TABLE, TEXTS, write_card
from tests.servers import free_port

PASSWORDS = ["s3cr/et", "s3cr@et", "s3cr%40et", "s3cr:et", "s3cret"]


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize("quoted", [False, True])
def test_no_way_out_shows_a_password(
    command, tmp_path, monkeypatch, capsys, password: str, quoted: bool
) -> None:
    written = quote(password, safe="") if quoted else password
    address = f"http://me:{written}@127.0.0.1:{free_port()}"
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_ENDPOINT", address)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("time.sleep", lambda _: None)
    shown: list[str] = []
    card = write_card(tmp_path / "card", TEXTS, ROWS, TABLE)
    with pytest.raises(BenchmarkError) as error:
        catalog.open_data(str(card), data_root=None, notify=shown.append)
    shown.append(str(error.value))
    for uri in (address, f"postgresql://me:{written}@127.0.0.1:1/runs"):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        with pytest.raises(BenchmarkError) as error, store.failures():
            runs.open_client().search_experiments()
        shown += [str(error.value), *command("track")]
        if uri == address:
            runs.ui(1, shown.append)
    shown += capsys.readouterr()
    assert "127.0.0.1" in "".join(shown)
    for spelling in (password, written, password[:4], "3cr"):
        assert spelling not in "".join(shown)


def test_a_run_phones_nobody_and_keeps_no_secret(
    empty_store, command, tmp_path, monkeypatch
) -> None:
    asked: list[object] = []
    connect = socket.socket.connect

    def local_only(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else "127.0.0.1"
        if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
            asked.append(address)
            raise OSError("blocked")
        connect(self, address)

    def look_up(host: object, *_: object, **__: object) -> None:
        asked.append(host)
        raise socket.gaierror("blocked")

    monkeypatch.setattr(socket.socket, "connect", local_only)
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setenv("HF_TOKEN", "hf_s3cret")
    monkeypatch.setenv("HF_ENDPOINT", "https://me:s3cret@example.org")
    database = tmp_path / "mlflow.db"
    database.write_bytes(empty_store.database.read_bytes())
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{database}")
    words = ["--model", "lr", "--dataset", "synthetic_tiny", "--rows", "2000", "--threads", "1"]
    settings = ["--set", "train.epochs=1", "--results", str(tmp_path / "results")]
    out, err = command("run", *words, *settings)
    assert asked == [] and "MLflow" not in err and "record: " in out
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name == "record.json" for path in files)
    assert not [path for path in files if b"s3cret" in path.read_bytes()]
    with pytest.raises(OSError, match="blocked"):  # it can fail
        socket.create_connection(("192.0.2.1", 80))
