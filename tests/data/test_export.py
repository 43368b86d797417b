"""What a prepared data set is for other tools, and how `datasets` itself reads published zips."""

import zipfile
from pathlib import Path

import datasets
import numpy as np
import polars as pl
import pytest

from benchmark.data import export
from benchmark.data.card import Card
from benchmark.data.store import Store
from benchmark.errors import BenchmarkError, UsageError
from tests.data.tables import encode_texts, make_table

FORMS = ("parquet", "datasets")


def make_card(**changes: object) -> Card:
    fields = {"id": "mine", "title": "My clicks", "table": make_table(group="c")}
    return Card(**(fields | changes))


@pytest.fixture
def store(tmp_path) -> Store:
    """Train holds a (twice) and b; valid and test hold b and z, which train has not."""
    return encode_texts(tmp_path / "files", {}, group="c")


@pytest.fixture(autouse=True)
def _quiet(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "hf")


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_parquet_by_value(tmp_path, store):
    export.export(make_card(), store, "parquet", tmp_path / "out")
    train = pl.read_parquet(tmp_path / "out" / "data" / "train.parquet")
    assert train.schema == {"y": pl.Int8, "x": pl.Float32, "c": pl.Int32, "c_group": pl.Int32}
    assert train["y"].to_list() == [1, 0, 1] and train["c"].to_list() == [1, 2, 1]
    assert train["x"].to_list() == pytest.approx([np.log(2.5), 0, -np.log(4)])
    assert train["c_group"].to_list() == [0, 1, 0], "groups are numbered over all splits"
    test = pl.read_parquet(tmp_path / "out" / "data" / "test.parquet")
    assert test["c"].to_list() == [2, 3] and test["c_group"].to_list() == [1, 2]
    words = pl.read_parquet(tmp_path / "out" / "vocabularies.parquet")
    assert words.rows() == [("c", 1, "a"), ("c", 2, "b")]


def test_load_dataset_opens_the_parquet_form(tmp_path, store):
    export.export(make_card(), store, "parquet", tmp_path / "out")
    opened = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "hf"))
    assert {split: rows.num_rows for split, rows in opened.items()} == store.fingerprint.rows
    assert opened["valid"]["c"][:] == [2, 3]
    words = datasets.load_dataset(
        str(tmp_path / "out"), "vocabularies", cache_dir=str(tmp_path / "hf")
    )
    assert words["train"][1] == {"field": "c", "id": 2, "token": "b"}


def test_load_dataset_opens_dense_columns_alone(tmp_path):
    store = encode_texts(tmp_path / "files", {}, sparse=(), group="c")
    card = make_card(table=make_table(sparse=(), group="c", dense=("x",)))
    export.export(card, store, "parquet", tmp_path / "out")
    opened = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "hf"))
    assert opened["train"].column_names == ["y", "x", "c"]
    assert datasets.get_dataset_config_names(str(tmp_path / "out")) == ["default"]
    assert not (tmp_path / "out" / "vocabularies.parquet").exists()


def test_names_of_columns_are_no_markup(tmp_path):
    text = "y,<b>,a|b\n1,2,u\n0,3,v\n"
    files = dict.fromkeys(("train.csv", "valid.csv", "test.csv"), text)
    table = {"dense": ("<b>",), "sparse": ("a|b",)}
    store = encode_texts(tmp_path / "files", files, **table)
    readme = export.readme(make_card(table=make_table(**table)), store, "parquet")
    assert "Dense columns: &#60;b>." in readme and "| a&#124;b | 4 |" in readme


def test_load_from_disk_opens_the_datasets_form(tmp_path, store):
    export.export(make_card(), store, "datasets", tmp_path / "out")
    opened = datasets.load_from_disk(str(tmp_path / "out"))
    assert list(opened) == ["train", "valid", "test"]
    assert opened["train"].features["x"].dtype == "float32"
    assert opened["train"]["c"][:] == [1, 2, 1] and opened["test"]["y"][:] == [0, 1]


@pytest.mark.parametrize("form", FORMS)
def test_same_bytes_in_any_folder_and_in_pieces(tmp_path, store, form, monkeypatch):
    for name in ("one", "other"):
        export.export(make_card(), store, form, tmp_path / name)
    assert contents(tmp_path / "one") == contents(tmp_path / "other")
    monkeypatch.setattr(export, "ROW_GROUP", 2)
    export.export(make_card(), store, form, tmp_path / "pieces")
    if form == "parquet":
        read = (pl.read_parquet(tmp_path / at / "data/train.parquet") for at in ("one", "pieces"))
        assert next(read).equals(next(read))
    else:
        assert datasets.load_from_disk(str(tmp_path / "pieces"))["train"]["c"][:] == [1, 2, 1]


@pytest.mark.parametrize(
    ("terms", "license"),
    [
        ("CC BY-NC-SA 4.0 (not commercial): you accept it", "cc-by-nc-sa-4.0"),
        ("CC BY 4.0", "cc-by-4.0"),
        ("research use, no redistribution", "other"),
        ("", "other"),
    ],
)
def test_the_header_names_the_license(tmp_path, store, terms, license):
    text = export.readme(make_card(terms=terms, caveat="not i.i.d."), store, "parquet")
    header = text.split("---\n")[1]
    assert f"license: {license}\n" in header and "pretty_name: My clicks" in header
    assert "- Caveat: not i.i.d." in text and (f"- Terms: {terms}" in text) == bool(terms)
    assert "| train | 3 | 2 |" in text and "| c | 4 |" in text and "ln(1 + |v|)" in text


def test_faults(tmp_path, store):
    (tmp_path / "there").mkdir()
    with pytest.raises(UsageError, match="there exists already"):
        export.export(make_card(), store, "parquet", tmp_path / "there")
    (tmp_path / "file").write_text("")
    with pytest.raises(BenchmarkError, match="file/out cannot be written: Not a directory"):
        export.export(make_card(), store, "parquet", tmp_path / "file" / "out")
    (store.encoding_folder / "0.parquet").write_bytes(b"")
    for form in FORMS:
        with pytest.raises(BenchmarkError, match=r"0\.parquet was altered"):
            export.export(make_card(), store, form, tmp_path / "out")
        assert not [path for path in tmp_path.iterdir() if "out" in path.name]


def test_load_dataset_takes_a_zip_of_three_splits_for_one(tmp_path):
    """Why the zips of the published splits are not read by `load_dataset`: it finds one split,
    called train, and the test rows are in it."""
    folder = tmp_path / "repository"
    folder.mkdir()
    with zipfile.ZipFile(folder / "Mine.zip", "w") as file:
        for name, rows in {"train": "1,a\n0,b\n", "valid": "1,v\n", "test": "0,t\n"}.items():
            file.writestr(f"{name}.csv", f"y,c\n{rows}")
    opened = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "hf"))
    assert {split: rows.num_rows for split, rows in opened.items()} == {"train": 4}
    assert sorted(opened["train"]["c"][:]) == ["a", "b", "t", "v"]
