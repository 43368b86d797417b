"""`data` as a person types it, with a hub on the loopback address."""

import hashlib
import io
import os
import shlex
import sys
from pathlib import Path

import pytest

from benchmark.cli.data import HEAD
from benchmark.data import catalog
from benchmark.reports.document import Table
from benchmark.terminal.layout import laid_out
from tests.cli.test_commands import benchmark
from tests.data.hub import Hub, serving, write_card, write_stream_card, zipped
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
    out, _ = command("data", "list", **place)
    assert "45,840,617" in out and "2.89 GB to fetch" in out and "movielenslatest_x1" in out
    assert "prepared" not in out and "data list ID" in out
    out, _ = command("data", "show", "avazu_x1", **place)
    assert "17.50 / 16.79 / 15.25 %" in out and "accept them at https://www.kaggle.com" in out
    assert "9e2fe9c48705c9315ae7a0953eb57acf" in out and "positives = 4953382" in out
    out, _ = command("data", "show", "criteo_x4_001", **place)
    assert "CC BY-NC-SA 4.0" in out and "2582e812efc2f8405221900548591d0ddd89f727" in out
    assert "published_rows = 2086342" in command("data", "show", "criteo_x1", **place)[0]
    assert "oracle" in command("data", "show", "synthetic_tiny", **place)[0]
    _, err = command("data", "show", "criteo_x2", code=2, **place)
    assert "unknown data set 'criteo_x2'; did you mean criteo_x1" in err


def test_init_writes_a_card_that_its_next_command_prepares(command, place, tmp_path) -> None:
    (tmp_path / "my clicks.csv").write_text(rows(90).replace(",", ";"))
    out, _ = command("data", "init", str(tmp_path / "my clicks.csv"), **place)
    first, *following = out.replace("\n", " ").split("python -m benchmark ")
    card = tmp_path / "my_clicks.toml"
    assert f"{card} is written: label click, 1 dense, 1 sparse, 0 left out." in " ".join(
        first.split()
    )
    assert [shlex.split(words)[-1] for words in following] == [str(card)] * 2
    out, _ = command(*shlex.split(following[0]), **place)
    assert "my_clicks is ready: 72 / 9 / 9 rows" in out
    _, err = command("data", "init", str(tmp_path / "my clicks.csv"), code=2, **place)
    assert f"{card} exists and is left as it is; name another file with --output" in err


def test_shards_of_a_table_are_prepared_in_turn(command, place, tmp_path) -> None:
    (tmp_path / "clicks.csv").write_text(rows(90))
    command("data", "init", str(tmp_path / "clicks.csv"), **place)
    words = "data", "prepare", str(tmp_path / "clicks.toml"), "--wait", "0", "--shard"
    assert "--shard 3/2: expected i/n" in command(*words, "3/2", code=2, **place)[1]
    for shard, step, missing in (
        ("1/2", "rows", "2/2"),
        ("2/2", "counts", "1/2"),
        ("1/2", "vocabulary", "2/2"),
        ("2/2", "arrays", "1/2"),
    ):
        _, err = command(*words, shard, code=1, **place)
        line = f"{step}: still waiting for shards {missing}; run this again when they run too"
        assert line in " ".join(err.split())
    out, _ = command(*words, "1/2", **place)
    assert "clicks is ready: 72 / 9 / 9 rows" in out
    _, err = command(*words, "2/2", **place)
    assert "clicks is encoded already; no shard is needed" in err


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


def test_prepare_run_check_remove(command, place, card, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())  # nobody answers
    with serving(Hub({"we/Mine/Mine.zip": zipped(TEXTS)})) as hub:
        out, err = command("data", "prepare", card, HF_ENDPOINT=hub.address, **place)
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

    assert "Aborted" in command("data", "remove", card, code=1, **place)[1]
    assert array.exists() and source.exists()
    assert "mine: 0.000 GB freed" in command("data", "remove", card, "--yes", **place)[0]
    assert not array.exists() and not source.exists()
    assert "mine is not prepared" in command("data", "check", card, code=1, **place)[1]
    refused = {"HF_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    assert "cannot be reached" in command("run", *words, code=1, **refused, **place)[1]


def test_altered_files_are_refused(command, place, card) -> None:
    for name, text in TEXTS.items():
        Path(card).with_name(name).write_text(text if name != "test.csv" else rows(27))
    _, err = command("data", "prepare", card, code=1, **place)
    assert "test.csv: md5" in err and "give these rows a card of their own with another id" in err


def test_a_stream_of_the_hub(command, place, tmp_path) -> None:
    """HF_ENDPOINT and HF_HUB_OFFLINE are read when the client is imported, so in processes of their
    own; nothing but the cache folder is written to, and nothing of the client is printed."""
    place |= {"HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": ""}
    files = "train = 'train.csv', valid = 'valid.csv', test = 'test.csv'"
    card = str(write_stream_card(tmp_path / "card", files, f'format = "csv"\n{TABLE}'))
    contents = {f"we/Rows/{name}": text.encode() for name, text in TEXTS.items()}
    with serving(Hub(contents)) as hub:
        out, err = benchmark("data", "show", card, "--head", "2", HF_ENDPOINT=hub.address, **place)
        assert "kind                  k0          k1" in out and err == ""
        out, err = benchmark("data", "prepare", card, HF_ENDPOINT=hub.address, **place)
    assert "stream is ready: 90 / 30 / 24 rows" in out
    assert err.startswith("reading we/Rows at revision c0ffee") and err.count("\n") == 1
    assert not (tmp_path / "home").exists()
    lines = command("data", "list", card, **place)[0].splitlines()
    assert lines[2].startswith("hub       https://huggingface.co/datasets/we/Rows at c0ffee")
    assert len(lines) == 4 and lines[3].startswith("prepared  ")
    offline = place | {"HF_HUB_OFFLINE": "1"}
    assert "is ready" in command("data", "prepare", card, **offline)[0]
    command("run", *one_epoch(card, tmp_path), **offline)
    assert "0 source files checked, all correct" in command("data", "check", card, **offline)[0]
    assert "freed" in command("data", "remove", card, "--yes", **offline)[0]
    _, err = benchmark("data", "prepare", card, code=1, **offline)
    assert "the hub cannot be reached" in err and "HF_HUB_OFFLINE" in err
    assert err.count("\n") == 2


def test_head(command, place, card) -> None:
    for name, text in TEXTS.items():
        Path(card).with_name(name).write_text(text)
    out, _ = command("data", "show", card, "--head", "2", **place)
    assert out.count("click") == 3 and "price                 0.0         0.5" in out
    assert "40" not in command("data", "show", "synthetic_tiny", "--head", "1", **place)[0][:100]
    _, err = command("data", "show", "criteo_x1", "--head", "2", code=1, **place)
    assert "criteo_x1 is not here; `python -m benchmark data prepare criteo_x1` downloads" in err
    command("data", "show", card, "--head", "0", code=2, **place)


@pytest.mark.parametrize("form", ["parquet", "datasets"])
def test_export(command, place, tmp_path, monkeypatch, form) -> None:
    monkeypatch.chdir(tmp_path)
    out, _ = command("data", "export", "synthetic_tiny", "--to", form)
    folder = tmp_path / f"synthetic_tiny-{form}"
    assert f"synthetic_tiny-{form} is written; its README.md tells the terms: none" in out
    assert (folder / "README.md").read_text().startswith("---\nlicense: other\n")
    _, err = command("data", "export", "synthetic_tiny", "--to", form, code=2)
    assert "exists already; name another folder with --out or remove it" in err
    _, err = command("data", "export", "avazu_x1", "--to", form, "--out", "new", code=1, **place)
    assert "avazu_x1 is not here" in err and not Path("new").exists()


def own_card(folder: Path) -> Path:
    """A card of one's own with its three files, and the md5 that it expects of one."""
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / name).write_text(text)
    files = 'files = { train = "train.csv", valid = "valid.csv", test = "test.csv" }'
    md5 = hashlib.md5(TEXTS["test.csv"].encode()).hexdigest()
    path = folder / "card.toml"
    path.write_text(
        f'id = "own"\ntitle = "Own rows"\nsource = "a shop"\nterms = "ours alone"\n[table]\n'
        f'format = "csv"\n{files}\n{TABLE}\n[expected.test]\nmd5 = "{md5}"\n'
    )
    return path


def test_list_tells_of_one_what_to_get_and_what_is_here(command, place, tmp_path) -> None:
    path = own_card(tmp_path / "own")
    lines = command("data", "list", str(path), **place)[0].splitlines()
    assert lines[:3] == ["title     Own rows", "source    a shop", "terms     ours alone"]
    assert lines[3] == f"train     train.csv: {tmp_path}/own/train.csv, 0.000 GB"
    assert lines[-2:] == [
        f"searched  {tmp_path}/own",
        f"prepared  no; `python -m benchmark data prepare {path}` does that",
    ]
    (tmp_path / "own" / "valid.csv").unlink()
    assert "valid     valid.csv: not here" in command("data", "list", str(path), **place)[0]
    out, _ = command("data", "list", "criteo_x1", **place)
    assert "Criteo_x1.zip, 2.89 GB, from https://huggingface.co/datasets/reczoo/Criteo_x1;" in out
    assert "CC BY-NC-SA 4.0" in out and "--data-root or BENCHMARK_DATA_ROOT" in out
    assert "unknown data set 'criteo_x'" in command("data", "list", "criteo_x", code=2, **place)[1]


def test_list_finds_files_in_the_data_root(command, place, tmp_path) -> None:
    root = tmp_path / "root"
    (root / "frappe_x1r").mkdir(parents=True)
    for name in ("train", "valid"):
        (root / "frappe_x1r" / f"{name}.csv").write_text(rows(9))
    (root / "Criteo_x1.zip").write_bytes(bytes(3_000_000))
    found = {**place, "BENCHMARK_DATA_ROOT": str(root)}
    table = {
        line.split()[0]: line for line in command("data", "list", **found)[0].splitlines()[:-2]
    }
    assert "2 of 3 files" in table["frappe_x1r"]
    assert "0.003 GB" in table["criteo_x1"] and " zip " in table["criteo_x1"]
    assert f"{root}/frappe_x1r/valid.csv" in command("data", "list", "frappe_x1r", **found)[0]
    out, _ = command("data", "list", "criteo_x1", "--data-root", str(root), **place)
    assert f"zip       {root}/Criteo_x1.zip, 0.003 GB" in out
    gone = {**place, "BENCHMARK_DATA_ROOT": str(root / "gone")}
    assert f"no data folder {root}/gone" in command("data", "list", code=1, **gone)[1]


def test_the_table_fits_80_columns() -> None:
    longest = (
        "kuairand_14d_long_ids",
        "45,840,617",
        "2.89 GB to fetch",
        "2 of 3 files",
        "your files",
    )
    assert len(laid_out(Table("", HEAD, (longest,)), 80)) == 1


def test_check_honours_the_data_root_of_the_environment(
    command, place, tmp_path, monkeypatch
) -> None:
    path, root = own_card(tmp_path / "cards"), tmp_path / "root"
    built_in = catalog.FoundCard(catalog.find_card(str(path)).card, path, built_in=True)
    monkeypatch.setattr(catalog, "_built_in", lambda: {"own": built_in})
    (root / "own").mkdir(parents=True)
    for name in TEXTS:
        path.with_name(name).rename(root / "own" / name)
    found = {**place, "BENCHMARK_DATA_ROOT": str(root)}
    command("data", "prepare", "own", **found)
    assert "1 encoded and 1 source files checked" in command("data", "check", "own", **found)[0]
    (root / "own" / "test.csv").write_text(rows(25))
    assert "test.csv: md5" in command("data", "check", "own", code=1, **found)[0]
    assert "0 source files checked" in command("data", "check", "own", **place)[0]


def test_check_computes_the_naive_rates_again(command, place, card) -> None:
    for name, text in TEXTS.items():
        Path(card).with_name(name).write_text(text)
    with Path(card).open("a") as file:
        file.write('\n[naive]\nfields = ["kind"]\nauc = 0.75\nlogloss = 0.5\n')
    command("data", "prepare", card, **place)
    out, _ = command("data", "check", card, code=1, **place)
    assert "FAILED mine: the naive rates have auc 0." in out and "its card says 0.75" in out
    assert "have logloss 0." in out and "gauc" not in out


def test_waiting_without_a_shard_is_refused(command) -> None:
    _, err = command("data", "prepare", "synthetic_tiny", "--wait", "1", code=2)
    assert "--wait 1: nobody is waited for without --shard I/N" in err
