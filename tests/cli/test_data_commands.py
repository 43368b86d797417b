"""`data` as a person types it, with a hub on the loopback address."""

import os
from pathlib import Path

import pytest

from tests.cli.test_commands import benchmark
from tests.data.hub import Hub, serving, write_card, zipped
from tests.servers import free_port


def rows(count: int) -> str:
    return "click,price,kind\n" + "".join(
        f"{i % 3 == 0:d},{i * 0.5},k{i % 5}\n" for i in range(count)
    )


TEXTS = {"train.csv": rows(90), "valid.csv": rows(30), "test.csv": rows(24)}
TABLE = 'label = "click"\ndense = ["price"]\nsparse = ["kind"]'


@pytest.fixture
def place(tmp_path) -> dict[str, str]:
    """The environment of a person who has nothing yet."""
    return {
        "BENCHMARK_CACHE": str(tmp_path / "cache"),
        "BENCHMARK_DATA_ROOT": "",
        "HF_TOKEN": "",
        "NO_PROXY": "127.0.0.1",
    }


@pytest.fixture
def card(tmp_path) -> str:
    return str(write_card(tmp_path / "card", TEXTS, {"train": 90, "valid": 30, "test": 24}, TABLE))


def test_list_and_show(command, place) -> None:
    out, _ = benchmark("data", "list", **place)
    assert "45,840,617" in out and "2.89 GB to fetch" in out and "movielenslatest_x1" in out
    assert " yes " not in out
    out, _ = command("data", "show", "avazu_x1", **place)
    assert "17.50 / 16.79 / 15.25 %" in out and "accept them at https://www.kaggle.com" in out
    assert "9e2fe9c48705c9315ae7a0953eb57acf" in out and "positives = 4953382" in out
    out, _ = command("data", "show", "criteo_x4_001", **place)
    assert "CC BY-NC-SA 4.0" in out and "2582e812efc2f8405221900548591d0ddd89f727" in out
    assert "published_rows = 2086342" in command("data", "show", "criteo_x1", **place)[0]
    assert "oracle" in command("data", "show", "synthetic_tiny", **place)[0]
    _, err = command("data", "show", "criteo_x2", code=2, **place)
    assert "unknown data set 'criteo_x2'; did you mean criteo_x1" in err


def one_epoch(card: str, folder: Path) -> tuple[str, ...]:
    """The words of a short run whose record goes below `folder / r`."""
    results = str(folder / "r")
    return (
        "--model",
        "lr",
        "--dataset",
        card,
        "--set",
        "train.epochs=1",
        "--results",
        results,
        "--no-track",
    )


def test_prepare_run_check_remove(command, place, card, tmp_path) -> None:
    with serving(Hub({"we/Mine/Mine.zip": zipped(TEXTS)})) as hub:
        out, err = benchmark("data", "prepare", card, HF_ENDPOINT=hub.address, **place)
    assert [method for method, _, _ in hub.requests] == ["HEAD", "GET"], (
        "the client tells nobody more than it must"
    )
    assert "mine is ready: 90 / 30 / 24 rows" in out
    assert f"fetching {hub.address}/datasets/we/Mine" in err and "terms: none" in err

    words = one_epoch(card, tmp_path)
    command("run", *words, **place)
    assert "3 source files checked, all correct" in command("data", "check", card, **place)[0]

    [array] = (tmp_path / "cache" / "mine").glob("*/train.sparse.npy")
    before = array.stat()
    content = bytearray(array.read_bytes())
    content[-1] ^= 1
    array.write_bytes(content)
    os.utime(array, ns=(before.st_atime_ns, before.st_mtime_ns))  # what opening alone does not see
    [source] = (tmp_path / "cache").glob(".downloads/*/*/valid.csv")
    source.write_text(rows(31))
    out, _ = command("data", "check", card, code=1, **place)
    assert "train.sparse.npy was altered" in out and "valid.csv: md5" in out

    assert "Aborted" in benchmark("data", "remove", card, code=1, **place)[1]
    assert array.exists() and source.exists()
    assert "mine: 0.000 GB freed" in command("data", "remove", card, "--yes", **place)[0]
    assert not array.exists() and not source.exists()
    assert "mine is not prepared" in command("data", "check", card, code=1, **place)[1]
    refused = {"HF_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    assert "cannot be reached" in benchmark("run", *words, code=1, **refused, **place)[1]


def test_altered_files_are_refused(command, place, card) -> None:
    for name, text in TEXTS.items():
        Path(card).with_name(name).write_text(text if name != "test.csv" else rows(27))
    _, err = command("data", "prepare", card, code=1, **place)
    assert "test.csv: md5" in err and "give these rows a card of their own with another id" in err


def test_check_computes_the_naive_rates_again(command, place, card) -> None:
    for name, text in TEXTS.items():
        Path(card).with_name(name).write_text(text)
    with Path(card).open("a") as file:
        file.write('\n[naive]\nfields = ["kind"]\nsmoothing = 3.0\nauc = 0.75\nlogloss = 0.5\n')
    command("data", "prepare", card, **place)
    out, _ = command("data", "check", card, code=1, **place)
    assert "FAILED mine: the naive rates have auc 0." in out and "its card says 0.75" in out
    assert "have logloss 0." in out and "gauc" not in out
