"""Cards that are guessed from tables: they load, and their rows are prepared unedited."""

import gzip
import io
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from benchmark.data import catalog
from benchmark.data.init import write_card
from benchmark.data.store import Store
from benchmark.errors import BenchmarkError, UsageError
from tests.data.tables import ignore, real_data

COUNT = 120
FRAME = pl.DataFrame(
    {
        "click": [i % 3 == 0 for i in range(COUNT)],
        "user_id": [i * 7 % 30 for i in range(COUNT)],
        "price": [None if i % 10 == 0 else i * 0.5 for i in range(COUNT)],
        "views": [(1, 2, 3, 30, 400)[i % 5] + i // 5 for i in range(COUNT)],
        "colour": [("réd", "blue", None)[i % 3 - i % 2] for i in range(COUNT)],
        "day": [date(2024, 1, 1 + i % 28) for i in range(COUNT)],
        "row": [f"r{i}" for i in range(COUNT)],
    }
)
NUMBERS = FRAME.with_columns(pl.col("click").cast(pl.Int8))
KINDS = {
    "label": "click",
    "dense": ["price", "views"],
    "sparse": ["user_id", "colour"],
    "group": "user_id",
}


def written(**options: Any) -> bytes:
    return NUMBERS.write_csv(**options).encode()


def parquet(frame: pl.DataFrame) -> bytes:
    file = io.BytesIO()
    frame.write_parquet(file)
    return file.getvalue()


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    """Writes a card for files in the temporary folder and prepares it: [table] and the store."""
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))

    def make(*paths: Path, label: str | None = None) -> tuple[dict[str, Any], Store]:
        card = write_card(paths, tmp_path / "own.toml", label).path
        _, store = catalog.open_data(str(card), data_root=None, notify=ignore)
        return tomllib.loads(card.read_text())["table"], store

    return make


@pytest.mark.parametrize(
    ("content", "stated"),
    [
        (written(), {"separator": ","}),
        (written(separator=";"), {"separator": ";"}),
        (written(separator="\t", quote_style="always"), {"separator": "\t"}),
        (written(line_terminator="\r\n").replace(b",", b"::"), {"separator": "::"}),
        (gzip.compress(written(separator="|"), mtime=0), {"separator": "|"}),
        (written(null_value="NULL"), {"missing": ["NULL"]}),
        (FRAME.write_csv().encode("latin-1"), {"encoding": "latin-1"}),
        (FRAME.write_csv().encode("utf-16"), {"encoding": "utf-16"}),
        (parquet(FRAME.with_columns(tags=[[1]] * COUNT)), {"format": "parquet"}),
    ],
)
def test_files_of_one_table(tmp_path, prepared, content, stated) -> None:
    (tmp_path / "mine[1]*").write_bytes(content)
    table, store = prepared(tmp_path / "mine[1]*")
    assert table.items() >= (KINDS | stated).items()
    assert store.fingerprint.rows == {"train": 96, "valid": 12, "test": 12}
    assert sum(store.fingerprint.positives.values()) == 40
    assert store.fingerprint.cardinalities == (32, 4)


def test_a_table_without_names(tmp_path, prepared) -> None:
    rows = NUMBERS.with_columns(click=pl.col("click") * 2 - 1).write_csv(include_header=False)
    (tmp_path / "mine.csv").write_text(rows)
    table, store = prepared(tmp_path / "mine.csv")
    assert table["header"] == [f"c{n}" for n in range(1, 8)]
    assert (table["label"], table["positive"]) == ("c1", ["1"])
    assert (table["dense"], table["sparse"]) == (["c3", "c4"], ["c2", "c5"])
    assert sum(store.fingerprint.positives.values()) == 40


def test_three_files_and_folders_of_parts(tmp_path, prepared) -> None:
    for split in ("train", "valid"):
        (tmp_path / split).mkdir()
        for part in range(2):
            rows = NUMBERS[part * 60 : part * 60 + 60]
            rows.write_csv(tmp_path / split / f"part.{part}.csv")
    NUMBERS.write_csv(tmp_path / "test.csv")
    table, store = prepared(tmp_path / "train", tmp_path / "valid", tmp_path / "test.csv")
    assert table["files"] == {"train": "train", "valid": "valid", "test": "test.csv"}
    assert "split" not in table and table["label"] == "click"
    assert store.fingerprint.rows == dict.fromkeys(("train", "valid", "test"), COUNT)


@pytest.mark.parametrize(
    ("row", "stated"),
    [
        ("{label:+d} 1:0.5 2:{i}", {"format": "libsvm", "dense": ["1", "2"], "positive": ["1"]}),
        ("{label} 1:7:0.5 2:{i}:1 # x", {"format": "libffm", "dense": ["1"], "sparse": ["2"]}),
    ],
)
def test_pairs(tmp_path, prepared, row, stated) -> None:
    lines = [row.format(label=1 - i % 3 % 2 * 2, i=i) + "\n" for i in range(60)]
    (tmp_path / "mine.txt").write_text("# a comment\n" + "".join(lines))
    table, store = prepared(tmp_path / "mine.txt")
    assert table.items() >= (stated | {"label": "label"}).items()
    assert store.fingerprint.rows["train"] == 48


@pytest.mark.parametrize(
    ("labels", "positive"),
    [
        (["1.0", "0.0"], None),
        (["True", "False"], None),
        (["no", "yes"], ["yes"]),
        (["1", "5", "2", "4", "3"], "> 3"),
        (["10", "2", "7"], "> 6"),
    ],
)
def test_labels(tmp_path, prepared, labels, positive) -> None:
    rows = [f"{labels[i % len(labels)]},{i % 7},k{i % 9}\n" for i in range(90)]
    (tmp_path / "mine.csv").write_text("rating,label_of_x,kind\n" + "".join(rows))
    table, _ = prepared(tmp_path / "mine.csv", label="rating")
    assert table.get("positive") == positive


@pytest.mark.parametrize(
    ("header", "kinds"),
    [
        ("click,,a,a,b", {"sparse": ["b"]}),
        ('click,"a ""b"" c","c\x7fd",e é,#f', {"sparse": ['a "b" c', "c\x7fd", "e é", "#f"]}),
        ("click,2019,2020,2021,2022", {"sparse": ["2019", "2020", "2021", "2022"]}),
    ],
)
def test_odd_names(tmp_path, prepared, header, kinds) -> None:
    rows = [f"{i % 2},{i % 3},{i % 4},007,x{i % 3}\n" for i in range(60)]
    (tmp_path / "mine.csv").write_text(f"{header}\n{''.join(rows)}")
    assert prepared(tmp_path / "mine.csv")[0].items() >= kinds.items()


def test_the_place_and_name_of_a_card(tmp_path, monkeypatch) -> None:
    (tmp_path / "criteo_x1").mkdir()
    monkeypatch.chdir(tmp_path)
    for name, card in (("train.csv", "criteo_x1_own"), (f"{'n' * 200}.csv.gz", "n" * 96)):
        path = tmp_path / "criteo_x1" / name
        path.write_bytes(written())
        made = write_card([Path("criteo_x1", name)], None, None)
        assert made.path == Path("criteo_x1", f"{card}.toml")
        assert catalog.find_card(str(made.path)).card.id == card
    again = write_card([Path("criteo_x1/train.csv")], tmp_path / "b" / "c.toml", None).path
    assert tomllib.loads(again.read_text())["table"]["files"] == {"all": "../criteo_x1/train.csv"}
    before = again.read_bytes()
    with pytest.raises(UsageError, match=r"c\.toml exists and is left as it is; name .* --output"):
        write_card([Path("criteo_x1/train.csv")], again, None)
    assert again.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"click\n1\n0\n", "a table of one column"),
        (b"a,b\n3,x\n4,y\n5,z\n", "no column is like a label.* name it with --label, one of: a, b"),
        (b"click,a\n1,2\n0\n", "line 3: 1 field instead of 2"),
        (b"PK\x03\x04 zip", "is a zip file, not text; unpack it first"),
        (b"PAR1 cut off", "cannot be read"),
        (b"1,\0,2\n", "a NUL byte"),
        (b"label\tlabel\tx\n1\t0\t2\n", "the header names 'label' more than once"),
        (b"," * 2500 + b"\n", "2,501 columns, the limit is 2,000; a card names each"),
        (gzip.compress(written(), mtime=0)[:50], "no whole gzip file"),
        (b"click,day\n1,2024-01-01\n0,2024-01-02\n", "no column is of use but the label"),
    ],
)
def test_tables_without_a_card(tmp_path, content, message) -> None:
    (tmp_path / "mine.csv").write_bytes(content)
    with pytest.raises(BenchmarkError, match=message):
        write_card([tmp_path / "mine.csv"], None, None)
    assert not list(tmp_path.glob("*.toml"))


def test_wrong_requests(tmp_path) -> None:
    path = tmp_path / "mine.csv"
    path.write_bytes(written())
    for paths, label, message in (
        ([path, path], None, "2 files: give one table, or its train, valid and test files"),
        ([tmp_path / "none.csv"], None, "none.csv: there is no such file or folder"),
        ([path], "clik", "--label clik: the columns are click, user_id, price"),
    ):
        with pytest.raises(UsageError, match=message):
            write_card(paths, None, label)


@pytest.mark.parametrize(
    ("files", "label", "counts"),
    [
        (["avazu_kaggle/train.csv"], "click", (0, 22, 1)),
        (["criteo_kaggle/train.txt"], "c1", (11, 28, 0)),
        (["movielens_1m/ratings.dat"], "c3", (0, 2, 1)),
        (["kuairand_14d/log_standard_4_22_to_5_08_pure.csv.gz"], "is_click", (3, 13, 2)),
        ([f"frappe_x1r/{split}.csv" for split in ("train", "valid", "test")], "label", (0, 10, 0)),
    ],
)
def test_real_tables(tmp_path, prepared, files, label, counts) -> None:
    lines = {}
    for name in files:
        opener = gzip.open if name.endswith(".gz") else open
        with opener(real_data(name), "rb") as file:
            lines[tmp_path / Path(name).name] = b"".join(file.readlines(1 << 20))
    for path, content in lines.items():
        path.write_bytes(content)
    table, store = prepared(*lines)
    guess = write_card([*lines], tmp_path / "again.toml", None).guess
    assert table["label"] == label and store.fingerprint.rows["test"] > 100
    assert tuple(len(guess.of_kind(kind)) for kind in ("dense", "sparse", "left out")) == counts
