"""Several files of one split."""

import gzip

import pytest

from benchmark.data import catalog
from benchmark.data.sources import local
from benchmark.errors import BenchmarkError
from tests.data.tables import ignore, write_files
from tests.data.test_catalog import CARD, write_card


def test_several_files_of_a_split_are_read_one_after_the_other(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "mine"
    write_files(folder, {})
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
    (folder / "parts" / "inside").mkdir()
    with pytest.raises(BenchmarkError, match=r"no file .*/inside; a folder needs files in it"):
        catalog.open_data(write_card(folder, text=text), data_root=None, notify=ignore)
    (folder / "parts" / "inside").rmdir()
    (folder / "a.csv").unlink()
    with pytest.raises(BenchmarkError, match=f"there is no file {folder}/a.csv; put it"):
        catalog.open_data(write_card(folder, text=text), data_root=None, notify=ignore)


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ('["a.csv", "./a.csv"]', r"train reads .*/a\.csv more than once \(a packed"),
        ('["parts", "a.csv"]', r"train reads .*/1\.csv more than once"),
        ('["a.csv", "test.csv"]', r"train and test read .*/test\.csv more than once"),
    ],
)
def test_a_file_is_read_once(tmp_path, monkeypatch, train, message):
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "mine"
    write_files(folder, {"a.csv": "y,x,c\n1,2,a\n"})
    (folder / "parts").mkdir()
    for name, data in (("1.csv", b"y,x,c\n"), ("1.csv.gz", gzip.compress(b"y,x,c\n"))):
        (folder / "parts" / name).write_bytes(data)
    text = CARD.replace('"train.csv"', train)
    with pytest.raises(BenchmarkError, match=message):
        catalog.open_data(write_card(folder, text=text), data_root=None, notify=ignore)


def test_the_parts_of_a_folder_are_in_order_of_their_numbers(tmp_path):
    names = ["part.10", "part.2", "part-00001-c10.a", "part-00001-c9.b", "b", "1", "01"]
    for name in names:
        (tmp_path / name).write_text("")
    found = [path.name for path in local.parts_of(tmp_path)]
    assert found == ["b", "part-00001-c9.b", "part-00001-c10.a", "part.2", "part.10", "01", "1"]
