import pytest

from benchmark.data import catalog, inventory
from benchmark.data.card import SPLITS
from benchmark.data.encoding import table
from benchmark.data.schema import Schema
from benchmark.data.sources import local
from benchmark.errors import BenchmarkError, MissingData, UsageError
from benchmark.utils.paths import ROOT
from tests.data.cards import CARD, write_card
from tests.data.tables import OTHER, TRAIN, ignore, real_data


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
        assert f"| `{card.id}` | {', '.join(naive.fields)} | {numbers} |" in text
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
    assert messages == ["encoding mine, once for all runs"]
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
        r"frappe_x1r is not downloaded: get train.csv, valid.csv, test.csv from https://hugg.*"
        r"Frappe_x1.*; put them in data/frappe_x1r, then `python -m benchmark data prepare "
        r"frappe_x1r"
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


def test_what_is_here_is_looked_for_where_a_run_looks(tmp_path):
    """Two cards of one source share its folder."""
    (tmp_path / "kuairand_14d").mkdir()
    found = catalog.find_card("kuairand_14d_long")
    [name] = found.card.table.files["users"]
    (tmp_path / "kuairand_14d" / name).touch()
    assert catalog.data_folders(found, tmp_path)[1] == tmp_path / "kuairand_14d"
    assert inventory.holdings(found, tmp_path).present == [tmp_path / "kuairand_14d" / name]


@pytest.mark.parametrize("name", [name for name in catalog.card_names() if "synthetic" not in name])
def test_missing_data_say_what_to_get_from_where_to_put_and_to_call(tmp_path, monkeypatch, name):
    card = catalog.find_card(name).card
    assert card.table is not None
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    with pytest.raises(MissingData) as error:
        catalog.open_data(name, data_root=tmp_path, notify=ignore)
    command = f"`python -m benchmark data prepare {name} --data-root {tmp_path}`"
    files = [file for files in card.table.files.values() for file in files]
    for told in ("https://", command, str(tmp_path / name), *files):
        assert told in str(error.value)
    assert "\n" not in str(error.value)
