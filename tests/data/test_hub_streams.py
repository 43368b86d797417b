"""Data sets whose files are read from a hub as a stream, and how `datasets` alone reads csv."""

from functools import partial
from pathlib import Path

import datasets
import polars as pl
import pytest

from benchmark.data import catalog
from benchmark.data.sources import client
from benchmark.data.store import Store
from benchmark.errors import BenchmarkError, MissingData, UsageError
from tests.data.hub import COMMIT, TABLE, TEXTS, Hub, parquet, write_card, write_stream_card
from tests.data.tables import OTHER, TRAIN, assert_same_arrays, encode_texts, ignore

FILES = 'train = "data/train-*.csv", valid = "valid.csv", test = "test.csv"'
CSV = {
    "data/train-0.csv": "c,x,unused,y\n007,1.50,q,1\nb,,q,0\n",
    "data/train-1.csv": 'y,x,c\n1,-3,NA\n0,2.0,"a,b"\n1,1,\n',
    "valid.csv": "y,x,c\n0,0,7\n1,2,007\n",
    "test.csv": "y,x,c\n0,0,b\n1,2,NA\n",
}


def put(hub: Hub, texts: dict[str, str | bytes]) -> None:
    contents = {
        name: text.encode() if isinstance(text, str) else text for name, text in texts.items()
    }
    hub.files = {f"we/Rows/{name}": content for name, content in contents.items()}


def open_stream(path: Path, **options: bool) -> Store:
    return catalog.open_data(str(path), data_root=None, notify=ignore, **options)[1]


def tokens(store: Store) -> list[str]:
    return pl.read_parquet(store.encoding_folder / "0.parquet")["token"].to_list()


def test_csv_by_value(tmp_path, stream_hub):
    """Parts in order, columns by name, and every category as it is spelt in the file."""
    put(stream_hub, CSV)
    store = open_stream(write_stream_card(tmp_path, FILES))
    assert store.fingerprint.rows == {"train": 5, "valid": 2, "test": 2}
    assert tokens(store) == ["007", "NA", "a,b", "b"]
    assert store.split("train").sparse[:, 0].tolist() == [1, 4, 2, 3, 5]
    assert store.split("valid").sparse[:, 0].tolist() == [5, 1]
    sources = store.fingerprint.sources
    assert sources["we/Rows"] == COMMIT
    assert list(sources) == [
        "we/Rows",
        "data/train-0.csv",
        "data/train-1.csv",
        "valid.csv",
        "test.csv",
    ]
    assert {revision for _, revision, _ in stream_hub.requests} == {COMMIT}
    stream_hub.status = 500
    assert_same_arrays(open_stream(tmp_path / "stream.toml"), store)  # nothing is asked of the hub


def test_parquet_by_value(tmp_path, stream_hub):
    frame = pl.DataFrame(
        {
            "y": [1, 0, 1, 0],
            "x": [0.5, None, float("nan"), 2.0],
            "c": pl.Series(["a", None, "b", "a"], dtype=pl.Categorical),
            "n": [7, 7, None, 10],
            "unused": [[1], [2], [3], [4]],
        }
    )
    files = {"one.parquet": parquet(frame, row_group_size=1), "two.parquet": parquet(frame[:2])}
    put(stream_hub, files)
    table = (
        'format = "parquet"\nlabel = "y"\ndense = ["x"]\nsparse = ["c", "n"]\ndense_rule = "none"'
    )
    names = 'train = ["two.parquet", "one.parquet"], valid = "v.parquet", test = "t.parquet"'
    put(stream_hub, files | {"v.parquet": parquet(frame), "t.parquet": parquet(frame[1:3])})
    store = open_stream(write_stream_card(tmp_path, names, table))
    train = store.split("train")
    assert train.label.tolist() == [1, 0, 1, 0, 1, 0]
    assert train.dense[:, 0].tolist() == [0.5, 0, 0.5, 0, 0, 2]
    assert tokens(store) == ["a", "b"]
    assert train.sparse.tolist() == [[1, 1], [3, 1], [1, 1], [3, 1], [2, 3], [1, 2]]


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_the_same_arrays_from_the_hub_and_from_the_disk(tmp_path, stream_hub, form):
    texts = {"train": TRAIN, "valid": OTHER, "test": OTHER}
    frames = {name: pl.read_csv(text.encode()) for name, text in texts.items()}
    contents = {
        f"{name}.{form}": text.encode() if form == "csv" else parquet(frames[name])
        for name, text in texts.items()
    }
    put(stream_hub, contents)
    files = {name: f"{name}.{form}" for name in texts}
    local = encode_texts(tmp_path / "local", contents, format=form, files=files)
    names = ", ".join(f'{key} = "{name}"' for key, name in files.items())
    store = open_stream(write_stream_card(tmp_path, names, f'format = "{form}"\n{TABLE}'))
    assert_same_arrays(store, local)


def test_a_configuration_names_the_files_of_its_splits(tmp_path, stream_hub):
    header = "configs:\n- config_name: small\n  data_files:\n"
    header += "".join(
        f"  - split: {split}\n    path: {path}\n"
        for split, path in [
            ("train", "data/*.csv"),
            ("validation", "valid.csv"),
            ("test", "test.csv"),
        ]
    )
    put(stream_hub, CSV | {"README.md": f"---\n{header}---\n"})
    names = 'train = "train", valid = "validation", test = "test"'
    store = open_stream(write_stream_card(tmp_path, names, hub='config = "small"'))
    assert store.fingerprint.rows == {"train": 5, "valid": 2, "test": 2}
    wrong = write_stream_card(
        tmp_path, names.replace("validation", "valid"), hub='config = "small"'
    )
    with pytest.raises(
        BenchmarkError, match="small has no split 'valid', but train, validation, test"
    ):
        open_stream(wrong)
    with pytest.raises(BenchmarkError, match=r"'big' not found. Available: \['small'\]"):
        open_stream(write_stream_card(tmp_path, names, hub='config = "big"'))


def test_one_file_and_a_split_rule(tmp_path, stream_hub):
    put(stream_hub, {"all.csv": "y,x,c\n" + "1,0,a\n0,1,b\n" * 20})
    table = f'format = "csv"\n{TABLE}\n[table.split]\nseed = 1'
    store = open_stream(write_stream_card(tmp_path, 'all = "all.csv"', table))
    assert store.fingerprint.rows == {"train": 32, "valid": 4, "test": 4}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ('train = "tran-*.csv"', r"Rows@c0ffee0*/: no file matches tran-\*.csv \(files.train\)"),
        ('train = "tran.csv"', r"tran.csv: the hub has no such data set, revision or file"),
        ('train = "no/*.csv"', r"no file matches no/\*.csv \(files.train\)"),
        ('train = "*.csv"', "the card reads test.csv, valid.csv more than once"),
    ],
)
def test_files_that_are_not_there(tmp_path, stream_hub, files, message):
    put(stream_hub, CSV)
    names = f'{files}, valid = "valid.csv", test = "test.csv"'
    with pytest.raises(BenchmarkError, match=message):
        open_stream(write_stream_card(tmp_path, names))
    assert not list((tmp_path / "cache" / "stream").glob("[!.]*"))


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (401, r"refuses access \(401\).*accept the terms there \(accept these\) and log in"),
        (403, r"refuses access \(403\)"),
        (404, "no such data set, revision or file"),
        (503, r"answers 503; try again later"),
    ],
)
def test_a_hub_that_refuses(tmp_path, stream_hub, status, message):
    put(stream_hub, CSV)
    stream_hub.status = status
    with pytest.raises(BenchmarkError, match=message) as raised:
        open_stream(write_stream_card(tmp_path, FILES))
    assert "\n" not in str(raised.value)


def test_a_repository_that_is_not_there(tmp_path, stream_hub):
    with pytest.raises(BenchmarkError, match="no such data set, revision or file"):
        open_stream(write_stream_card(tmp_path, FILES))


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_nothing_is_kept_of_a_stream_that_breaks_off(tmp_path, stream_hub, form, monkeypatch):
    monkeypatch.setattr(client, "RETRIES", 1)
    frame = pl.DataFrame({"y": [0, 1] * 50, "x": range(100), "c": [f"c{i}" for i in range(100)]})
    content = parquet(frame) if form == "parquet" else frame.write_csv().encode()
    put(stream_hub, {f"{name}.{form}": content for name in ("train", "valid", "test")})
    names = ", ".join(f'{name} = "{name}.{form}"' for name in ("train", "valid", "test"))
    card = write_stream_card(tmp_path, names, f'format = "{form}"\n{TABLE}')
    stream_hub.breaks_after = len(content) // 2
    with pytest.raises(BenchmarkError, match=f"train.{form}: the stream broke off") as raised:
        open_stream(card)
    assert "call again" in str(raised.value) and "\n" not in str(raised.value)
    assert not list((tmp_path / "cache" / "stream").glob("[!.]*"))
    stream_hub.breaks_after = None
    assert open_stream(card).fingerprint.rows == {"train": 100, "valid": 100, "test": 100}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("y,x,c\n1,2,a\n0,1\n", r"train-0.csv, line 3.*2 fields"),
        ("y,x,c\n2,2,a\n", r"train-0.csv, line 2, column 'y': '2', expected 0 or 1"),
        ("y,x\n1,2\n", r"train-0.csv has no column 'c'"),
        ("", r"train-0.csv is empty"),
    ],
)
def test_broken_csv_names_file_and_line(tmp_path, stream_hub, text, message):
    put(stream_hub, CSV | {"data/train-0.csv": text})
    with pytest.raises(BenchmarkError, match=message):
        open_stream(write_stream_card(tmp_path, FILES))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"y": [0, 3], "x": [1, 2], "c": ["a", "b"]}, r"t.parquet, row 2, column 'y': 3.*0 or 1"),
        ({"y": [0], "x": [[1]], "c": ["a"]}, r"column 'x' has the type List\(Int64\)"),
        ({"y": [0], "x": [1]}, r"t.parquet has no column 'c'"),
        ({}, r"t.parquet: cannot be read: ArrowInvalid: Parquet magic bytes"),
    ],
)
def test_broken_parquet_names_file_and_row(tmp_path, stream_hub, columns, message):
    good = parquet(pl.DataFrame({"y": [0, 1], "x": [1.0, 2.0], "c": ["a", "b"]}))
    content = parquet(pl.DataFrame(columns)) if columns else b"no parquet file"
    put(stream_hub, {"t.parquet": content, "v.parquet": good, "w.parquet": good})
    names = 'train = "t.parquet", valid = "v.parquet", test = "w.parquet"'
    with pytest.raises(BenchmarkError, match=message):
        open_stream(write_stream_card(tmp_path, names, f'format = "parquet"\n{TABLE}'))


def test_not_fetched_when_that_is_not_asked_for(tmp_path, stream_hub):
    put(stream_hub, CSV)
    with pytest.raises(MissingData, match="stream is not here; `python -m benchmark data prepare"):
        open_stream(write_stream_card(tmp_path, FILES), fetch=False)
    assert not stream_hub.requests


def test_the_token_is_sent(tmp_path, stream_hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_mine")
    put(stream_hub, CSV)
    open_stream(write_stream_card(tmp_path, FILES))
    assert {login for _, login in stream_hub.logins} == {"Bearer hf_mine"}


@pytest.mark.parametrize(
    ("hub", "message"),
    [
        ('revison = "1"', "unknown key 'hub.revison'; did you mean 'revision'"),
        ('config = ""', "hub.config: String should have at least 1 character"),
    ],
)
def test_wrong_keys_are_named(tmp_path, hub, message):
    with pytest.raises(UsageError, match=message):
        catalog.find_card(str(write_stream_card(tmp_path, FILES, hub=hub)))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (COMMIT, "main", r"hub.revision: String should match pattern"),
        (f'revision = "{COMMIT}"', "", "key 'hub.revision' is missing"),
        ("we/Rows", "Rows", "hub.dataset: String should match"),
        ('format = "csv"', 'source = "mine"', "need a format in \\[table\\]"),
        (
            TABLE,
            f'{TABLE}\n[expected.test]\nmd5 = "{"0" * 32}"',
            "the revision pins those on the hub",
        ),
    ],
)
def test_wrong_values_are_named(tmp_path, old, new, message):
    path = write_stream_card(tmp_path, FILES)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(UsageError, match=message):
        catalog.find_card(str(path))


def test_the_keys_of_a_zip_are_still_named(tmp_path):
    path = write_card(tmp_path / "zip", TEXTS, {"train": 3, "valid": 2, "test": 2}, TABLE)
    path.write_text(path.read_text().replace('file = "Mine.zip"', 'fil = "Mine.zip"'))
    with pytest.raises(UsageError, match=r"unknown key 'hub.fil'; did you mean 'file'"):
        catalog.find_card(str(path))


def test_why_csv_is_not_read_by_datasets(tmp_path):
    """It guesses types, fills a short row and takes the first field of long rows for an index."""
    (tmp_path / "t.csv").write_text("y,c\n1,007\n0\n")
    file = str(tmp_path / "t.csv")
    load = partial(datasets.load_dataset, "csv", data_files=file, split="train", streaming=True)
    assert list(load()) == [{"y": 1, "c": 7.0}, {"y": 0, "c": None}]
    (tmp_path / "t.csv").write_text("y,c\n1,a,q\n0,b,q\n")
    assert [row["y"] for row in load()] == ["a", "b"]
