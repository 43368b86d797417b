from pathlib import Path

import pytest

from benchmark.data import catalog
from benchmark.data.card import SPLITS
from benchmark.data.encoding import table
from benchmark.data.schema import Schema
from benchmark.data.sources import local
from benchmark.errors import BenchmarkError, UsageError
from benchmark.utils.paths import ROOT
from tests.data.tables import OTHER, TRAIN, ignore, real_data, write_files

CARD = """
id = "mine"
title = "My clicks"
{top}

[table]
format = "csv"
files = {{ train = "train.csv", valid = "valid.csv", test = "test.csv" }}
label = "y"
dense = ["x"]
sparse = ["c"]
{table}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A folder with the three files, and an empty cache beside them."""
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("BENCHMARK_DATA_ROOT", raising=False)
    write_files(tmp_path, {})
    return tmp_path


def write_card(folder: Path, top: str = "", table: str = "", text: str = CARD) -> str:
    path = folder / "card.toml"
    path.write_text(text.format(top=top, table=table))
    return str(path)


def test_built_in_cards_are_listed_sorted_and_found():
    names = catalog.card_names()
    assert names == sorted(set(names))
    assert "frappe_x1r" in names
    for name in names:
        card = catalog.find_card(name).card
        assert card.id == name
        assert card.title
        assert (card.table is None) != (card.generator is None)


def test_the_frappe_card_says_what_its_numbers_are_worth():
    card = catalog.find_card("frappe_x1r").card
    assert card.caveat == "official valid and test, train negatives resampled"
    assert card.terms == "research use, no redistribution"
    assert card.embedding_dim == 10
    assert len(card.table.sparse) == 10
    assert card.table.min_count == 1


def test_the_documentation_has_the_numbers_of_the_cards():
    text = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    cards = [catalog.find_card(name).card for name in catalog.card_names()]
    made = [card for card in cards if card.table is not None and card.table.source]
    assert len(made) == 5
    for card in made:
        assert card.naive is not None and card.arrays
        naive = card.naive
        gauc = f"{naive.gauc:.5f} " if naive.gauc else ""
        numbers = f"{naive.auc:.5f} | {gauc}| {naive.logloss:.5f}"
        assert (
            f"| `{card.id}` | {', '.join(naive.fields)} | {naive.smoothing:g} | {numbers} |" in text
        )
        for fact in ("rows", "positives"):
            counts = (getattr(card.expected[split], fact) for split in SPLITS)
            assert " / ".join(f"{count:,}" for count in counts) in text


def test_a_misspelt_name_is_answered_with_the_nearest(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "frape").mkdir()
    with pytest.raises(UsageError, match="unknown data set 'frape'; did you mean frappe_x1"):
        catalog.find_card("frape")


def test_a_persons_own_card_finds_its_files_beside_it(folder, monkeypatch):
    messages: list[str] = []
    found, store = catalog.open_data(write_card(folder), data_root=None, notify=messages.append)
    assert found.card.id == "mine"
    assert found.folder == folder
    assert store.schema == Schema(("x",), ("c",), (4,))
    assert store.fingerprint.sources == {
        name: local.md5(folder / name) for name in ("train.csv", "valid.csv", "test.csv")
    }
    assert store.folder.parent == folder / "cache" / "mine"
    assert len(store.folder.name) == 16
    assert messages == ["encoding mine; it is kept for the next time"]
    monkeypatch.chdir(folder)
    assert catalog.open_data("card.toml", data_root=None, notify=ignore)[1] == store


def test_a_store_is_found_again_at_once_and_made_anew_for_another_card_or_file(folder, monkeypatch):
    _, store = catalog.open_data(write_card(folder), data_root=None, notify=ignore)
    with monkeypatch.context() as patch:
        patch.setattr(table, "write", lambda *arguments: pytest.fail("encoded twice"))
        patch.setattr(local, "SMALL_BYTES", 0)
        patch.setattr(local, "md5", lambda path: pytest.fail("read twice"))
        assert (
            catalog.open_data(
                write_card(folder, top='terms = "any"'), data_root=None, notify=ignore
            )[1]
            == store
        )
    _, rare = catalog.open_data(
        write_card(folder, table="min_count = 2"), data_root=None, notify=ignore
    )
    assert rare.folder != store.folder
    assert rare.schema.cardinalities == (3,)
    (folder / "train.csv").write_text(TRAIN + "0,1,new\n")
    _, longer = catalog.open_data(write_card(folder), data_root=None, notify=ignore)
    assert longer.folder not in (store.folder, rare.folder)
    assert longer.fingerprint.rows["train"] == 4


def test_a_default_that_is_written_out_makes_no_other_store(folder):
    _, store = catalog.open_data(write_card(folder), data_root=None, notify=ignore)
    assert (
        catalog.open_data(write_card(folder, table="min_count = 1"), data_root=None, notify=ignore)[
            1
        ]
        == store
    )


def test_several_files_of_a_split_are_read_one_after_the_other(folder):
    text = CARD.replace('"train.csv"', '["b.csv", "parts", "a.csv"]')
    (folder / "parts").mkdir()
    for name, row in (("b", "1,1.5,a"), ("parts/2", "1,-3,a"), ("parts/1", "0,,b"), ("a", "0,,q")):
        (folder / f"{name}.csv").write_text(f"y,x,c\n{row}\n")
    for name in ("_SUCCESS", ".1.csv.crc"):
        (folder / "parts" / name).write_text("no rows")
    _, store = catalog.open_data(write_card(folder, text=text), data_root=None, notify=ignore)
    assert store.split("train").sparse[:, 0].tolist() == [1, 2, 1, 3]

    assert set(store.fingerprint.sources) == {
        "b.csv",
        "1.csv",
        "2.csv",
        "a.csv",
        "valid.csv",
        "test.csv",
    }
    pinned = text + '[expected.train]\nmd5 = "00"'
    with pytest.raises(BenchmarkError, match="train is several files, but the card of mine exp"):
        catalog.open_data(write_card(folder, text=pinned), data_root=None, notify=ignore)
    (folder / "a.csv").unlink()
    with pytest.raises(BenchmarkError, match=f"there is no file {folder}/a.csv; put it"):
        catalog.open_data(write_card(folder, text=text), data_root=None, notify=ignore)


def test_files_of_one_name_are_told_apart(folder):
    for split, text in (("a", TRAIN), ("b", OTHER), ("c", OTHER)):
        (folder / split).mkdir()
        (folder / split / "part.csv").write_text(text)
    files = 'files = { train = "a/part.csv", valid = "b/part.csv", test = "c/part.csv" }'
    lines = CARD.format(top="", table="").splitlines()
    (folder / "card.toml").write_text(
        "\n".join(files if line.startswith("files") else line for line in lines)
    )
    _, store = catalog.open_data(str(folder / "card.toml"), data_root=None, notify=ignore)
    assert set(store.fingerprint.sources) == {"train/part.csv", "valid/part.csv", "test/part.csv"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"top": "embeding_dim = 4"},
            r"unknown key 'embeding_dim'; did you mean 'embedding_dim'\? allowed: arrays, caveat, ",
        ),
        ({"table": "mincount = 2"}, "unknown key 'table.mincount'; did you mean 'min_count'"),
        ({"table": "min_count = 0"}, "table.min_count: .* got 0"),
        ({"table": 'min_count = "2"'}, "table.min_count"),
        ({"table": 'dense_rule = "square"'}, "table.dense_rule: .*'log', 'none' or 'standard'"),
        ({"table": 'group = "x"'}, "group column x is also the label or a dense column"),
        ({"table": 'separator = "§"'}, "separator is one ASCII character or several"),
        ({"table": "separator = 'a\"'"}, "separator is one ASCII character or several"),
        ({"table": 'encoding = "utf-9"'}, "encoding: .*'utf-9' is no text encoding"),
        ({"table": 'encoding = "rot13"'}, "encoding: .*'rot13' is no text encoding"),
        (
            {"text": CARD.replace('"csv"', '"parquet"'), "table": 'encoding = "latin-1"'},
            "encoding is that of csv, libsvm and libffm files",
        ),
        ({"table": "[table.split]"}, r"files.all and a \[table.split\] rule belong together"),
        ({"text": CARD.replace('sparse = ["c"]', 'sparse = ["x"]')}, "name x more than once"),
        (
            {"text": CARD.replace('dense = ["x"]', "").replace('sparse = ["c"]', "")},
            "at least one dense or sparse",
        ),
        (
            {"text": CARD.replace('valid = "valid.csv", ', "")},
            "give train, valid and test, or `all`",
        ),
        (
            {"text": CARD.replace('train = "train.csv"', 'all = "all.csv"')},
            "give train, valid and test, or `all`",
        ),
        ({"text": CARD.replace('"train.csv"', "[]")}, "give train, valid and test, or `all`"),
        ({"text": CARD.replace('"train.csv"', "7")}, "table.files.train: .*got 7"),
        ({"table": 'header = ["y", "x", "x", "c"]'}, "header names a column more than once"),
        ({"table": 'header = ["y", "x", "hour"]'}, "header does not name c"),
        (
            {"table": 'header = ["y", "x"]\nderive.c = { rule = "weekday", of = "c" }'},
            "header does not name c",
        ),
        (
            {"text": CARD.replace('"csv"', '"parquet"'), "table": 'header = ["y", "x", "c"]'},
            "the format is parquet",
        ),
        (
            {"table": 'derive.c = { rule = "week", of = "c" }'},
            "table.derive.c.rule: .*'weekday'.*got \"week\"",
        ),
        (
            {"table": 'derive.weekend = { rule = "weekday", of = "c" }'},
            "derive makes weekend, which is no dense, sparse",
        ),
        (
            {"table": 'derive.y = { rule = "weekday", of = "c" }'},
            "derive makes y, which is no dense, sparse or group",
        ),
        ({"text": CARD.replace('"mine"', '"../mine"')}, "id: .*got"),
        (
            {"text": CARD.replace('"mine"', '"frappe_x1r"')},
            "'frappe_x1r' is a built-in data set; choose another id",
        ),
        ({"text": CARD.replace('id = "mine"', "")}, "key 'id' is missing"),
        ({"text": 'id = "mine"\ntitle = "t"\n'}, r"give a \[table\]"),
        ({"text": 'id = "mine"\ntitle = "t"\ngenerator = "g"\n'}, "key 'table' is missing"),
        ({"text": "id = mine"}, "not valid TOML"),
    ],
)
def test_a_wrong_card_is_one_error_that_names_file_and_key(folder, changes, message):
    path = write_card(folder, **changes)
    with pytest.raises(UsageError, match=message) as caught:
        catalog.find_card(path)
    assert str(caught.value).startswith(path)
    assert "pydantic" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_card_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"absent\.toml: there is no such file"):
        catalog.find_card(str(tmp_path / "absent.toml"))


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ("[expected.train]\nrows = 4", "mine: 3 rows in train, but its card expects 4"),
        (
            "[expected.test]\npositives = 1000",
            "mine: 1 positives in test, but its card expects 1,000",
        ),
        (
            '[expected.valid]\nmd5 = "00"',
            "valid.csv: md5 [0-9a-f]{32}, but the card of mine expects 00",
        ),
    ],
)
def test_files_are_held_against_the_expected_facts(folder, expected, message):
    path = write_card(folder, text=CARD + expected)
    with pytest.raises(BenchmarkError, match=message):
        catalog.open_data(path, data_root=None, notify=ignore)


def test_a_built_in_table_needs_a_data_root(folder, monkeypatch):
    needed = (
        r"frappe_x1r .* needs train.csv, valid.csv, test.csv .* --data-root or BENCHMARK_DATA_ROOT"
    )
    with pytest.raises(BenchmarkError, match=needed):
        catalog.open_data("frappe_x1r", data_root=None, notify=ignore)
    with pytest.raises(BenchmarkError, match=r"there is no data folder .*absent"):
        catalog.open_data("frappe_x1r", data_root=folder / "absent", notify=ignore)
    monkeypatch.setenv("BENCHMARK_DATA_ROOT", str(folder / "cache"))
    (folder / "cache").mkdir()
    with pytest.raises(
        BenchmarkError, match=f"there is no file {folder}/cache/frappe_x1r/train.csv and no file"
    ):
        catalog.open_data("frappe_x1r", data_root=None, notify=ignore)
    with pytest.raises(
        BenchmarkError,
        match=f"{folder}/valid.csv: md5 .*, but the card of frappe_x1r expects 88d51b",
    ):
        catalog.open_data("frappe_x1r", data_root=folder, notify=ignore)


def test_the_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "x"))
    assert catalog.cache_folder() == tmp_path / "x"
    monkeypatch.delenv("BENCHMARK_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert catalog.cache_folder().name == "ctr-benchmark"


@pytest.mark.parametrize("length", [100, 101])
def test_an_id_has_at_most_100_characters(folder, length):
    card = write_card(folder, text=CARD.replace('"mine"', f'"{length * "x"}"'))
    if length == 100:
        assert catalog.open_data(card, data_root=None, notify=ignore)[1].folder.is_dir()
        return
    with pytest.raises(UsageError, match="id: String should have at most 100 characters") as error:
        catalog.find_card(card)
    assert "\n" not in str(error.value)


def test_a_cache_that_cannot_be_written_is_one_clear_error(folder, monkeypatch):
    monkeypatch.setenv("BENCHMARK_CACHE", str(folder / "train.csv"))
    with pytest.raises(BenchmarkError, match=r"train\.csv"):
        catalog.open_data(write_card(folder), data_root=None, notify=ignore)


def test_real_frappe_rows(folder):
    root = real_data("frappe_x1r").parent
    found, store = catalog.open_data("frappe_x1r", data_root=root, notify=ignore)
    assert store.fingerprint.rows == {
        split: found.card.expected[split].rows for split in ("train", "valid", "test")
    }
    assert store.schema.cardinalities == (956, 4084, 9, 9, 4, 5, 4, 11, 82, 235)
    # the first row of the file: label 1, user 266, item 1244, ...
    assert store.split("valid").sparse[0].tolist() == [352, 92, 6, 3, 1, 1, 1, 3, 4, 1]
