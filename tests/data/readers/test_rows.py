import gzip

import numpy as np
import polars as pl
import pytest

from benchmark.data.card import SplitRule
from benchmark.data.readers import text as lines
from benchmark.data.store import Store
from benchmark.errors import BenchmarkError
from tests.data.tables import (
    OTHER,
    THREE_FILES,
    TRAIN,
    assert_same_arrays,
    encode_files,
    encode_texts,
    make_table,
)

PACKED = THREE_FILES | {"train": ("train.csv.gz",)}


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbf" + TRAIN.replace("\n", "\r\n").encode(),
        TRAIN.rstrip("\n"),
        TRAIN + "\n\r\n\n",
        '"y","x","c"\n"1","1.5","a"\n"0","","b"\n"1","-3","a"\n',
        'y,x,c\r\n1,1.5,"a"\r\n0,"",b\r\n"1",-3,a\r\n',
        "c,y,more,x\na,1,7,1.5\nb,0,,\na,1,8,-3.0\n",
        'y,x,c,note\n1,1.5,a,"one, two"\n0,,b,"say ""x"""\n1,-3,a,\n',
        "y,x,c\n1.0,+1.5,a\n0,nan,b\n1,-3e0,a\n",
    ],
    ids=[
        "BOM-CRLF",
        "no-last-newline",
        "empty-lines",
        "quoted",
        "quoted-CRLF",
        "columns",
        "quoted-commas",
        "numbers",
    ],
)
def test_ways_to_write_the_same_table(tmp_path, text):
    plain = encode_texts(tmp_path / "plain", {})
    assert_same_arrays(plain, encode_texts(tmp_path / "other", {"train.csv": text}))


def test_categories_are_the_text_of_the_file(tmp_path):
    store = encode_texts(tmp_path, {"train.csv": "y,x,c\n1,1,7\n0,1,007\n0,1,7.0\n0,1,7\n0,1, 7\n"})
    assert store.split("train").sparse[:, 0].tolist() == [1, 3, 4, 1, 2]


def test_each_file_may_order_its_columns_and_have_more(tmp_path):
    plain = encode_texts(tmp_path / "plain", {})
    texts = {"valid.csv": "c,note,x,y\nb,?,0,0\nz,,2,1\n"}
    assert_same_arrays(plain, encode_texts(tmp_path / "other", texts))


def test_numbers_may_have_blanks_around_them(tmp_path):
    plain = encode_texts(tmp_path / "plain", {})
    assert_same_arrays(
        plain,
        encode_texts(tmp_path / "other", {"train.csv": "y,x,c\n 1,\t1.5 ,a\n0 ,  ,b\n1,-3 ,a\n"}),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            TRAIN + "1,1," + "a" * 90 + "\n",
            "train.csv, line 5: a line longer than 0 MiB; is this a text file",
        ),
        (
            "y,x,c\n1,1,a\n" + "\n" * 90 + "0,0,b\n",
            "train.csv, line 3: empty lines of more than 0 MiB",
        ),
    ],
)
def test_lines_without_end_are_refused_before_they_fill_the_memory(
    tmp_path, monkeypatch, text, message
):
    monkeypatch.setattr(lines, "BLOCK_BYTES", 8)
    monkeypatch.setattr(lines, "LINE_BYTES", 60)
    with pytest.raises(BenchmarkError, match=message):
        encode_texts(tmp_path, {"train.csv": text})


def test_a_header_of_many_columns_is_shortened_in_the_message(tmp_path):
    with pytest.raises(
        BenchmarkError, match=r"has no column 'c'; it has: .* \.\.\.; correct"
    ) as refused:
        encode_texts(
            tmp_path,
            {"train.csv": ",".join(["y", "x", *(f"column {i}" for i in range(10_000))]) + "\n"},
        )
    assert len(str(refused.value)) < 2000


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "BOM"])
@pytest.mark.parametrize("block", [8, lines.BLOCK_BYTES])
def test_files_without_a_header_take_the_names_from_the_card(tmp_path, monkeypatch, mark, block):
    plain = encode_texts(tmp_path / "plain", {})
    texts = {
        name: mark + text.split("\n", 1)[1].encode()
        for name, text in (("train.csv", TRAIN), ("valid.csv", OTHER))
    }
    texts["test.csv"] = texts["valid.csv"]
    monkeypatch.setattr(lines, "BLOCK_BYTES", block)
    assert_same_arrays(plain, encode_texts(tmp_path / "other", texts, header=("y", "x", "c")))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TRAIN, "train.csv, line 1: it repeats the header of the card; leave the line out"),
        ("1,1,a\n0,1,b\n1,1\n", "train.csv, line 3: 2 fields instead of 3"),
        ("1,1,a,\n0,1,b\n", "train.csv, line 1: 4 fields instead of 3"),
        ("1,1\n0,1,b,c\n", "train.csv, line 1: 2 fields instead of 3"),
        ("1,1,a\n0,1,b\n1,oops,a\n", "train.csv, line 3, column 'x': 'oops'"),
    ],
)
def test_broken_files_without_a_header_name_file_and_line(tmp_path, text, message):
    with pytest.raises(BenchmarkError, match=message):
        encode_texts(tmp_path, {"train.csv": text}, header=("y", "x", "c"))


@pytest.mark.parametrize("separator", ["\t", ";", "|", " "])
def test_other_separators(tmp_path, separator):
    plain = encode_texts(tmp_path / "plain", {})
    texts = {
        name: text.replace(",", separator)
        for name, text in (("train.csv", TRAIN), ("valid.csv", OTHER))
    }
    texts["test.csv"] = texts["valid.csv"]
    assert_same_arrays(plain, encode_texts(tmp_path / "other", texts, separator=separator))


def test_a_gzipped_file_is_read_as_it_is(tmp_path):
    plain = encode_texts(tmp_path / "plain", {})
    packed = encode_texts(
        tmp_path / "other", {"train.csv.gz": gzip.compress(TRAIN.encode())}, files=PACKED
    )
    assert_same_arrays(plain, packed)


def test_parquet_holds_numbers_as_numbers_and_categories_of_any_type(tmp_path):
    plain = encode_texts(
        tmp_path / "csv",
        {
            "train.csv": "y,x,c,d\n1,1.5,7,true\n0,,,false\n1,-3,12,true\n",
            "valid.csv": "y,x,c,d\n0,0,12,\n1,2,5,true\n",
        }
        | {"test.csv": "y,x,c,d\n0,0,12,\n1,2,5,true\n"},
        sparse=("c", "d"),
    )
    folder = tmp_path / "parquet"
    folder.mkdir()
    train = pl.DataFrame(
        {
            "d": [True, False, True],
            "c": [7, None, 12],
            "y": [1, 0, 1],
            "x": [1.5, float("nan"), -3.0],
        }
    )
    other = pl.DataFrame(
        {
            "x": [0, 2],
            "y": [False, True],
            "c": ["12", "5"],
            "d": [None, "true"],
            "unused": [[1], [2]],
        }
    )
    for split, frame in (("train", train), ("valid", other), ("test", other)):
        frame.write_parquet(folder / f"{split}.parquet")
    files = {split: (f"{split}.parquet",) for split in THREE_FILES}
    store = encode_files(folder, make_table(format="parquet", files=files, sparse=("c", "d")))
    assert_same_arrays(plain, store)


def test_labels_may_be_true_and_false(tmp_path):
    plain = encode_texts(tmp_path / "numbers", {})
    words = {"train.csv": TRAIN.replace("\n1", "\nTrue").replace("\n0", "\n FALSE")}
    words["valid.csv"] = OTHER.replace("\n1", "\ntrue")
    assert_same_arrays(plain, encode_texts(tmp_path / "words", words))


def test_libsvm_names_columns_by_index(tmp_path):
    plain = encode_texts(tmp_path / "csv", {})
    texts = {
        "train.csv": "1 2:1.5 10:a # first\n0 10:b 3:9\n1\t10:a  2:-3\n",
        "valid.csv": "0 2:0 10:b\n1 2:2 10:z\n",
        "test.csv": "0 2:0 10:b\n1 2:2 10:z\n",
    }
    store = encode_texts(tmp_path / "svm", texts, format="libsvm", dense=("2",), sparse=("10",))
    assert_same_arrays(plain, store)


def write_parquet(folder, names, **changes) -> None:
    columns = {"y": [1, 0, 1], "x": [1.5, None, -3.0], "c": ["a", "b", "a"]}
    folder.mkdir(exist_ok=True, parents=True)
    for name in names:
        pl.DataFrame(columns | changes).write_parquet(folder / name)


def test_the_named_parquet_file_is_read_and_none_that_its_name_matches(tmp_path):
    names = ["part[1].parquet", "d*.parquet", "v?.parquet"]
    write_parquet(tmp_path, names)
    write_parquet(tmp_path, ["part1.parquet", "dz.parquet", "v1.parquet"], c=["u", "v", "w"])
    files = {split: (name,) for split, name in zip(THREE_FILES, names, strict=True)}
    store = encode_files(tmp_path, make_table(format="parquet", files=files))
    assert store.fingerprint.rows == dict.fromkeys(THREE_FILES, 3)
    assert store.schema.cardinalities == (4,)


def test_a_folder_of_parts_is_read_in_the_order_of_their_names(tmp_path):
    for at, categories in enumerate((["a", "b"], ["b", "a"], ["a", "c"])):
        part = {"y": [at % 2, 1 - at % 2], "x": [at, at], "c": categories}
        write_parquet(tmp_path / "all.parquet", [f"part-0{at}.parquet"], **part)
    for name in ("_SUCCESS", "_metadata", ".part-00.parquet.crc"):
        (tmp_path / "all.parquet" / name).write_text("no rows")
    rule = SplitRule(method="ordered", parts=(1, 1, 1))
    table = make_table(format="parquet", files={"all": ("all.parquet",)}, split=rule)
    store = encode_files(tmp_path, table)
    assert store.split("train").sparse[:, 0].tolist() == [1, 2]
    assert store.split("valid").sparse[:, 0].tolist() == [2, 1]
    assert store.split("test").sparse[:, 0].tolist() == [1, 3]
    (tmp_path / "empty").mkdir()
    with pytest.raises(BenchmarkError, match=f"there is no file {tmp_path}/empty; a folder needs"):
        encode_files(tmp_path, table.model_copy(update={"files": {"all": ("empty",)}}))


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_a_parquet_column_of_type_null_is_missing_in_every_row(tmp_path, kind):
    names = ["train.csv", "valid.csv", "test.csv"]
    write_parquet(tmp_path, names, n=[None, None, None])
    columns = {"dense": ("x",), "sparse": ("c",)}
    columns[kind] += ("n",)
    store = encode_files(tmp_path, make_table(format="parquet", **columns))
    assert store.fingerprint.warnings == ("n: missing in every row",)
    train = store.split("train")
    assert (train.dense if kind == "dense" else train.sparse)[:, 1].tolist() == (
        [0, 0, 0] if kind == "dense" else [1, 1, 1]
    )


@pytest.mark.parametrize("form", ["csv", "parquet", "libsvm"])
def test_a_table_may_have_dense_columns_alone(tmp_path, form):
    files = {split: (split,) for split in THREE_FILES}
    for split in files:
        path = tmp_path / split
        path.write_text("1 2:1.5\n0\n1 2:-3\n" if form == "libsvm" else "y,2\n1,1.5\n0,\n1,-3\n")
        if form == "parquet":
            pl.read_csv(path).write_parquet(path)
    store = encode_files(tmp_path, make_table(format=form, files=files, dense=("2",), sparse=()))
    train = Store.open(store.folder).split("train")
    assert train.sparse.shape == (3, 0)
    np.testing.assert_allclose(train.dense[:, 0], [np.log(2.5), 0, -np.log(4)], rtol=1e-6)
