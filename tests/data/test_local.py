import gzip
import itertools
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmark.data import lines, local, parquet_table
from benchmark.data.card import Files, SplitRule
from benchmark.errors import BenchmarkError
from tests.data.tables import OTHER, THREE_FILES, TRAIN, assert_same_arrays, encode_files, make_table, write_files

LOG = np.log1p(np.float64([1.5, 0, 3])) * [1, 1, -1]


def encode_texts(folder: Path, texts, **changes):
    write_files(folder, texts)
    return encode_files(folder, make_table(**changes))


def test_rows_of_csv_files_by_hand(tmp_path):
    store = encode_texts(tmp_path, {})
    train, test = store.split("train"), store.split("test")
    assert train.label.tolist() == [1, 0, 1]
    assert train.sparse.tolist() == [[1], [2], [1]]
    np.testing.assert_array_equal(train.dense[:, 0], LOG.astype(np.float32))
    assert test.label.tolist() == [0, 1]
    assert test.sparse.tolist() == [[2], [3]]
    assert store.schema.cardinalities == (4,)


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
    ids=["BOM-CRLF", "no-last-newline", "empty-lines", "quoted", "quoted-CRLF", "columns", "quoted-commas", "numbers"],
)
def test_ways_to_write_the_same_table(tmp_path, text):
    plain = encode_texts(tmp_path / "plain", {})
    assert_same_arrays(plain, encode_texts(tmp_path / "other", {"train.csv": text}))


@pytest.mark.parametrize("separator", ["\t", ";", "|", " "])
def test_other_separators(tmp_path, separator):
    plain = encode_texts(tmp_path / "plain", {})
    texts = {name: text.replace(",", separator) for name, text in (("train.csv", TRAIN), ("valid.csv", OTHER))}
    texts["test.csv"] = texts["valid.csv"]
    assert_same_arrays(plain, encode_texts(tmp_path / "other", texts, separator=separator))


def test_a_gzipped_file_is_read_as_it_is(tmp_path):
    plain = encode_texts(tmp_path / "plain", {})
    files = Files(train="train.csv.gz", valid="valid.csv", test="test.csv")
    packed = encode_texts(tmp_path / "other", {"train.csv.gz": gzip.compress(TRAIN.encode())}, files=files)
    assert_same_arrays(plain, packed)


def test_parquet_holds_numbers_as_numbers_and_categories_of_any_type(tmp_path):
    plain = encode_texts(
        tmp_path / "csv",
        {"train.csv": "y,x,c,d\n1,1.5,7,true\n0,,,false\n1,-3,12,true\n", "valid.csv": "y,x,c,d\n0,0,12,\n1,2,5,true\n"}
        | {"test.csv": "y,x,c,d\n0,0,12,\n1,2,5,true\n"},
        sparse=("c", "d"),
    )
    folder = tmp_path / "parquet"
    folder.mkdir()
    train = pl.DataFrame({"d": [True, False, True], "c": [7, None, 12], "y": [1, 0, 1], "x": [1.5, float("nan"), -3.0]})
    other = pl.DataFrame({"x": [0, 2], "y": [False, True], "c": ["12", "5"], "d": [None, "true"], "unused": [[1], [2]]})
    for split, frame in (("train", train), ("valid", other), ("test", other)):
        frame.write_parquet(folder / f"{split}.parquet")
    files = Files(train="train.parquet", valid="valid.parquet", test="test.parquet")
    store = encode_files(folder, make_table(format="parquet", files=files, sparse=("c", "d")))
    assert_same_arrays(plain, store)


def test_libsvm_names_columns_by_index(tmp_path):
    plain = encode_texts(tmp_path / "csv", {})
    texts = {
        "train.csv": "1 2:1.5 10:a # first\n0 10:b 3:9\n1\t10:a  2:-3\n",
        "valid.csv": "0 2:0 10:b\n1 2:2 10:z\n",
        "test.csv": "0 2:0 10:b\n1 2:2 10:z\n",
    }
    store = encode_texts(tmp_path / "svm", texts, format="libsvm", dense=("2",), sparse=("10",))
    assert_same_arrays(plain, store)


CSV_FAULTS = {
    "y,x,c\n1,1,a\n0,oops,b\n": "train.csv, line 3, column 'x': 'oops', expected a finite float32 number",
    "y,x,c\n1,1,a\n0,inf,b\n": "line 3, column 'x': 'inf'",
    "y,x,c\n1,1e39,a\n0,0,b\n": "line 2, column 'x': '1e39'",
    "y,x,c\n1,1,a\n0,0,b\n2,0,b\n": "train.csv, line 4, column 'y': '2', expected 0 or 1",
    "y,x,c\n1,1,a\n,0,b\n": "line 3, column 'y': missing, expected 0 or 1",
    "y,x,c\n1,1,a\nyes,0,b\n": "line 3, column 'y': 'yes'",
    "y,x,c\n1,1,a\n0,0\n": "train.csv, line 3: 2 fields where the header names 3",
    "y,x,c\n1,1,a,4\n0,0,b\n": "train.csv, line 2: 4 fields where the header names 3",
    'y,x,c\n1,1,"a,b"\n0,0,"b,c",4\n': "line 3: 4 fields",
    'y,x,c\n1,"a,b"\n0,0,b\n': "line 2: 2 fields",
    "y,x,c\n1,1,a\n\n0,0,b\n": "line 3: 1 fields",
    'y,x,c\n1,1,"a\n0,0,b\n': "line 2: not valid csv",
    'y,x,c\n1,1,"a\nb"\n0,0,b\n': "line 2: not valid csv: (a quoted field does not end on its line|unexpected end of data)",
    'y,x,c\n1,1,"a"b\n0,0,b\n': "line 2: not valid csv",
    b"y,x,c\n1,1,a\n0,0,\xff\n": r"train.csv, line 3: not UTF-8 \(byte 0xff\)",
    b"y,x,\xe9\n1,1,a\n": "train.csv, line 1: not UTF-8",
    "y,x,x,c\n": "train.csv: the header names 'x' more than once",
    "y,x\n1,1\n": "train.csv has no column 'c'; it has: y, x; correct the card or the file",
    "y;x;c\n1;1;a\n": "no column 'y', 'x', 'c'; it has: y;x;c",
    "": "train.csv is empty",
    "\n\n": "train.csv is empty",
    "y,x,c\n": "the train split is empty",
    "y,x,c\n1,1,a\n1,2,b\n": "all 2 labels of the train split are 1",
}


@pytest.mark.parametrize(("text", "message"), CSV_FAULTS.items())
@pytest.mark.parametrize("block", [8, lines.BLOCK_BYTES])
def test_broken_csv_names_file_and_line(tmp_path, monkeypatch, text, message, block):
    monkeypatch.setattr(lines, "BLOCK_BYTES", block)
    with pytest.raises(BenchmarkError, match=message):
        encode_texts(tmp_path, {"train.csv": text})
    assert not list(tmp_path.glob("*store*[!k]"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 2:1 10:a\n0 2:x 10:b\n", "line 2, column '2': 'x', expected a finite"),
        ("1 2:1 10:a\n-1 2:1 10:b\n", "line 2, column 'y': '-1', expected 0 or 1"),
        ("1 2:1 10:a\n\n0 10:a\n", "line 2, column 'y': missing"),
        ("1 2:1 10:a\n0 7 10:b\n", "line 2: '7' is not index:value"),
        ("1 2:1 10:a\n0 2: 10:b\n", "line 2: '2:' is not index:value"),
        ("1 2:1 10:a\n0 10:b 10:c\n", "line 2: index 10 occurs twice"),
        ("1 2:1 3:a\n0 3:b\n", "has no column '10'; it has: y, 2, 3"),
    ],
)
def test_broken_libsvm_names_file_and_line(tmp_path, text, message):
    other = "0 2:0 10:b\n1 2:2 10:z\n"
    with pytest.raises(BenchmarkError, match="train.csv.*" + message):
        encode_texts(
            tmp_path,
            {"train.csv": text, "valid.csv": other, "test.csv": other},
            format="libsvm",
            dense=("2",),
            sparse=("10",),
        )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": [1.0, float("inf")]}, "row 2, column 'x': inf, expected a finite"),
        ({"y": [1, 2]}, "row 2, column 'y': 2, expected 0 or 1"),
        ({"x": [[1.0], [2.0]]}, r"column 'x' has the type List\(Float64\), which cannot be encoded"),
        ({"c": [b"a", b"b"]}, "column 'c' has the type Binary"),
    ],
)
def test_broken_parquet_names_file_and_row(tmp_path, changes, message):
    good = {"y": [1, 0], "x": [1.0, 2.0], "c": ["a", "b"]}
    for name, columns in (("train", good | changes), ("valid", good), ("test", good)):
        pl.DataFrame(columns).write_parquet(tmp_path / f"{name}.csv")
    with pytest.raises(BenchmarkError, match=f"train.csv.*{message}"):
        encode_files(tmp_path, make_table(format="parquet"))


def test_a_file_that_is_no_parquet_or_no_gzip_is_named(tmp_path):
    write_files(tmp_path, {"train.csv.gz": "y,x,c\n"})
    with pytest.raises(BenchmarkError, match="train.csv is no readable parquet file"):
        encode_files(tmp_path, make_table(format="parquet"))
    files = THREE_FILES.model_copy(update={"train": "train.csv.gz"})
    with pytest.raises(BenchmarkError, match="train.csv.gz cannot be read: Not a gzipped file"):
        encode_files(tmp_path, make_table(files=files))


def test_missing_files_are_named(tmp_path):
    (tmp_path / "train.csv").write_text(TRAIN)
    (tmp_path / "valid.csv").mkdir()
    message = f"there is no file {tmp_path}/valid.csv and no file {tmp_path}/test.csv"
    with pytest.raises(BenchmarkError, match=message):
        local.find_files(make_table(), [tmp_path / "elsewhere", tmp_path])


ROWS = st.lists(
    st.tuples(st.sampled_from("01"), st.sampled_from(["", "0.5", "-2", "7"]), st.sampled_from(["", "a", "bb", "c"])),
    min_size=1,
    max_size=30,
)


def text_of(rows) -> str:
    return "y,x,c\n1,0,a\n0,1,b\n" + "".join(",".join(row) + "\n" for row in rows)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, other=ROWS, block=st.integers(1, 300))
def test_blocks_and_test_rows_leave_no_trace_in_train(tmp_path_factory, monkeypatch, rows, other, block):
    folder = tmp_path_factory.mktemp("table")
    whole = encode_texts(folder, {"train.csv": text_of(rows)}, dense_rule="log")
    with monkeypatch.context() as patch:
        patch.setattr(lines, "BLOCK_BYTES", block)
        pieces = encode_files(folder, make_table())
    assert_same_arrays(whole, pieces)
    changed = encode_texts(folder, {"train.csv": text_of(rows), "test.csv": text_of(other)})
    assert_same_arrays(whole, changed, ("train", "valid"))
    assert changed.schema == whole.schema


@pytest.mark.parametrize("order", itertools.permutations("yxcd"))
def test_the_order_of_columns_in_the_file_is_irrelevant(tmp_path, order):
    table = pl.DataFrame({"y": [1, 0, 1], "x": [1.5, None, -3], "c": ["a", "b", "a"], "d": ["u", "v", "w"]})
    for name in ("train", "valid", "test"):
        table.select(order).write_csv(tmp_path / f"{name}.csv")
    train = encode_files(tmp_path, make_table(sparse=("c", "d"))).split("train")
    assert train.sparse.tolist() == [[1, 1], [2, 2], [1, 3]]
    np.testing.assert_array_equal(train.dense[:, 0], LOG.astype(np.float32))


def test_parquet_chunks_leave_no_trace(tmp_path, monkeypatch):
    frame = pl.DataFrame({"y": [1, 0] * 9, "x": range(18), "c": list("abcabcaab") * 2})
    for name in ("train", "valid", "test"):
        frame.write_parquet(tmp_path / f"{name}.csv")
    table = make_table(format="parquet")
    whole = encode_files(tmp_path, table)
    monkeypatch.setattr(parquet_table, "CHUNK_ROWS", 5)
    assert_same_arrays(whole, encode_files(tmp_path, table))


def test_groups_are_numbered_over_all_splits(tmp_path):
    texts = {"train.csv": "y,x,c,u\n1,1,a,ann\n0,1,b,bob\n", "valid.csv": "y,x,c,u\n1,1,a,bob\n0,1,b,cid\n"}
    texts["test.csv"] = "y,x,c,u\n1,1,a,dan\n0,1,b,cid\n"
    store = encode_texts(tmp_path, texts, group="u")
    assert [store.split(split).group.tolist() for split in ("train", "valid", "test")] == [[0, 1], [1, 2], [3, 2]]
    assert store.schema.group == "u"
    assert store.schema.sparse == ("c",)


def test_stratified_split_keeps_the_classes_ratio():
    labels = np.array([1] * 20 + [0] * 80, np.uint8)
    assigned = local.assign(labels, SplitRule(parts=(8, 1, 1), seed=3))
    assert np.bincount(assigned).tolist() == [80, 10, 10]
    assert np.bincount(assigned[labels == 1]).tolist() == [16, 2, 2]


def test_random_and_ordered_splits():
    labels = np.arange(10, dtype=np.uint8) % 2
    assert local.assign(labels, SplitRule(method="ordered", parts=(3, 1, 1))).tolist() == [0] * 6 + [1] * 2 + [2] * 2
    one, same, other = (local.assign(labels, SplitRule(method="random", seed=seed)) for seed in (1, 1, 2))
    assert np.bincount(one).tolist() == [8, 1, 1]
    assert one.tolist() == same.tolist() != other.tolist()


def test_seeded_splits_are_those_of_every_version():
    labels = np.array([0, 1] * 6, np.uint8)
    assert local.assign(labels, SplitRule(parts=(1, 1, 1), seed=0)).tolist() == [0, 1, 2, 2, 2, 1, 1, 0, 0, 0, 1, 2]
    assert local.assign(labels, SplitRule(method="random", parts=(1, 1, 1), seed=0)).tolist() == [0, 2, 2, 0, 1, 2, 1, 0, 1, 2, 0, 1]


@settings(deadline=None)
@given(st.lists(st.integers(0, 1), max_size=60), st.tuples(*[st.integers(1, 9)] * 3), st.integers(0, 5))
def test_every_row_goes_to_one_split_of_about_its_share(labels, parts, seed):
    for method in ("stratified", "random", "ordered"):
        assigned = local.assign(np.array(labels, np.uint8), SplitRule(method=method, parts=parts, seed=seed))
        shares = np.bincount(assigned, minlength=3)[:3] - len(labels) * np.array(parts) / sum(parts)
        assert np.abs(shares).max() <= 2


def test_one_file_with_a_rule_equals_three_files_cut_by_hand(tmp_path, monkeypatch):
    rows = [f"{i % 2},{i},{'ab'[i % 3 == 0]}\n" for i in range(40)]
    rule = SplitRule(seed=7)
    assigned = local.assign(np.arange(40, dtype=np.uint8) % 2, rule)
    cut = {
        f"{split}.csv": "y,x,c\n" + "".join(row for row, part in zip(rows, assigned, strict=True) if part == code)
        for code, split in enumerate(("train", "valid", "test"))
    }
    three = encode_texts(tmp_path / "three", cut)
    monkeypatch.setattr(lines, "BLOCK_BYTES", 50)
    one = encode_texts(tmp_path / "one", {"all.csv": "y,x,c\n" + "".join(rows)}, files=Files(all="all.csv"), split=rule)
    assert_same_arrays(three, one)
    assert one.schema == three.schema


def test_md5_is_computed_once_for_an_unchanged_file(tmp_path, monkeypatch):
    write_files(tmp_path, {"train.csv": "abc", "valid.csv": "abd"})
    paths, memory = local.find_files(make_table(), [tmp_path]), tmp_path / "cache" / "md5.json"
    sums = local.md5_sums(paths, memory)
    assert sums["train"] == "900150983cd24fb0d6963f7d28e17f72"
    read: list[Path] = []
    compute = local._md5
    monkeypatch.setattr(local, "_md5", lambda path: read.append(path) or compute(path))
    assert local.md5_sums(paths, memory) == sums
    assert read == []
    before = paths["train"].stat().st_mtime_ns
    paths["train"].write_text("abd")
    os.utime(paths["train"], ns=(before + 1, before + 1))
    assert local.md5_sums(paths, memory) == sums | {"train": sums["valid"]}
    assert read == [paths["train"]]
    memory.write_text("{broken")
    assert local.md5_sums(paths, memory)["train"] == sums["valid"]


def real(name: str) -> Path:
    folder = os.environ.get("BENCHMARK_REAL_DATA")
    if not folder or not (path := Path(folder) / name).is_file():
        pytest.skip(f"BENCHMARK_REAL_DATA names no folder with {name}")
    return path


def test_real_avazu_rows(tmp_path):
    path = real("avazu_kaggle/train.csv")
    frame = pl.read_csv(path, infer_schema=False)
    sparse = tuple(name for name in frame.columns if name not in ("id", "click"))
    rule = SplitRule(method="ordered")
    table = make_table(files=Files(all=str(path)), split=rule, label="click", dense=(), sparse=sparse, min_count=2)
    store = encode_files(tmp_path, table)
    n = frame.height * 8 // 10
    assert store.fingerprint.rows["train"] == n
    for j, name in enumerate(sparse):
        counts: dict[str, int] = {}
        for token in frame[name][:n]:
            counts[token] = counts.get(token, 0) + 1
        kept = sorted((token for token in counts if counts[token] >= 2), key=lambda token: (-counts[token], token))
        id_of = {token: k for k, token in enumerate(kept, start=1)}
        assert store.schema.cardinalities[j] == len(kept) + 2
        expected = [id_of.get(token, len(kept) + 1) for token in frame[name]]
        found = np.concatenate([store.split(split).sparse[:, j] for split in ("train", "valid", "test")])
        assert found.tolist() == expected


def test_real_criteo_rows_with_a_header_of_our_own(tmp_path):
    path = real("criteo_kaggle/train.txt")
    dense = tuple(f"I{i}" for i in range(1, 14))
    sparse = tuple(f"C{i}" for i in range(1, 27))
    header = "\t".join(("label", *dense, *sparse)) + "\n"
    (tmp_path / "all.tsv").write_bytes(header.encode() + path.read_bytes())
    table = make_table(
        files=Files(all="all.tsv"), split=SplitRule(), separator="\t", label="label", dense=dense, sparse=sparse
    )
    store = encode_files(tmp_path, table)
    assert sum(store.fingerprint.rows.values()) == 19_017
    raw = np.genfromtxt(path, delimiter="\t", usecols=range(1, 14))
    expected = np.nan_to_num(np.sign(raw) * np.log1p(np.abs(raw))).astype(np.float32)
    found = np.concatenate([store.split(split).dense for split in ("train", "valid", "test")])
    np.testing.assert_allclose(np.sort(found, axis=0), np.sort(expected, axis=0), rtol=1e-6)
