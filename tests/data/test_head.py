"""The first rows of a data set, as they are in its files."""

import gzip
from pathlib import Path

import polars as pl
import pytest

from benchmark.data.head import first_rows
from benchmark.errors import MissingData
from tests.data.hub import ROWS, TABLE, TEXTS, parquet, write_stream_card, zipped

CARD = 'id = "own"\ntitle = "Own rows"\n[table]\nlabel = "y"\ndense = ["x"]\nsparse = ["c"]\n'


def write_own(folder: Path, table: str, files: dict[str, bytes]) -> str:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / "own.toml").write_text(CARD + table)
    return str(folder / "own.toml")


def test_a_csv_file_that_a_rule_divides(tmp_path):
    text = "c,extra,y,x\n007,q,1,1.50\n,r,oops,\nb,s,0,3\n"
    table = 'format = "csv"\nfiles = { all = "rows.csv" }\n[table.split]\nseed = 1\n'
    card = write_own(tmp_path, table, {"rows.csv.gz": gzip.compress(text.encode())})
    (head,) = first_rows(card, 2, None).values()
    assert head.rows.columns == ["y", "x", "c"] and head.unused == ("extra",)
    assert head.rows["y"].to_list() == ["1", "oops"], "as it is spelt, and unchecked"
    assert head.rows["x"][0] == "1.50" and head.rows["c"][0] == "007"


def test_parts_of_parquet_files(tmp_path):
    frame = pl.DataFrame({"y": [0, 1], "x": [0.5, None], "c": ["a", "b"]})
    table = 'format = "parquet"\nfiles = { train = ["1.parquet", "2.parquet"], '
    table += 'valid = "3.parquet", test = "4.parquet" }\n'
    files = {f"{n}.parquet": parquet(frame if n % 2 else frame.reverse()) for n in range(1, 5)}
    heads = first_rows(write_own(tmp_path, table, files), 3, None)
    assert heads["train"].rows.rows() == [(0, 0.5, "a"), (1, None, "b"), (1, None, "b")]
    assert heads["test"].rows.height == 2


def test_libsvm_names_columns_by_index(tmp_path):
    lines = b"1 3:a 1:0.5\n0 1:2\n"
    files = {f"{split}.svm": lines for split in ROWS}
    table = 'files = { train = "train.svm", valid = "valid.svm", test = "test.svm" }\n'
    text = CARD.replace('"x"', '"1"').replace('"c"', '"3"') + f'format = "libsvm"\n{table}'
    card = write_own(tmp_path, "", files)
    Path(card).write_text(text)
    rows = first_rows(card, 5, None)["train"].rows
    assert rows["1"].to_list() == ["0.5", "2"] and rows["3"][0] == "a" and rows.height == 2


def test_generated_rows_have_missing_numbers():
    heads = first_rows("synthetic_tiny", 4, None)
    assert list(heads) == list(ROWS) and heads["train"].rows.shape == (4, 40)
    assert heads["train"].rows["I3"][0] is None and heads["train"].rows["label"][0] == 1


def test_of_the_hub(tmp_path, stream_hub):
    frame = pl.DataFrame(
        {"y": [0, 1] * 4000, "x": [0.5] * 8000, "c": ["a"] * 8000, "u": range(8000)}
    )
    content = parquet(frame, row_group_size=1000, compression="uncompressed")
    stream_hub.files = {f"we/Rows/{split}.parquet": content for split in ROWS}
    files = ", ".join(f'{split} = "{split}.parquet"' for split in ROWS)
    card = write_stream_card(tmp_path, files, f'format = "parquet"\n{TABLE}')
    heads = first_rows(str(card), 3, None)
    assert heads["valid"].rows.rows() == [(0, 0.5, "a"), (1, 0.5, "a"), (0, 0.5, "a")]
    assert heads["valid"].unused == ("u",)
    assert not (tmp_path / "cache" / "stream").exists(), "nothing is kept"


def test_a_zip_that_is_not_here_is_not_downloaded(tmp_path, card, hub):
    hub.files = {"we/Mine/Mine.zip": zipped(TEXTS)}
    with pytest.raises(MissingData, match="mine is not here"):
        first_rows(card, 2, None)
    assert not hub.requests
