"""Tables on a hub with side files, rules on values and text of other forms."""

import gzip

import polars as pl
import pytest

from benchmark.data import catalog
from benchmark.data.encoding.raw import RawEncoder
from benchmark.data.head import first_rows
from benchmark.errors import BenchmarkError
from tests.data.hub import TABLE, parquet, write_stream_card
from tests.data.tables import ignore

RATINGS = "user;stars;city\n" + "7;5;Malmö\n8;3;Lund\n9;1;Malmö\n7;2;Åre\n8;4;Lund\n9;5;Åre\n" * 3
RULES = """format = "csv"
separator = ";"
encoding = "latin-1"
label = "stars"
positive = "> 3"
drop = "== 3"
sparse = ["user", "city", "age"]
[[table.join]]
file = "SIDE"
on = "user"
[table.split]
method = "ordered"
parts = [1, 1, 1]"""


@pytest.mark.parametrize("side", ["users.csv", "users.parquet"])
def test_rules_and_side_files(tmp_path, stream_hub, side):
    """Of 18 rows 15 are left; each third has both classes."""
    ages = pl.DataFrame({"user": [7, 8], "age": ["young", "old"], "unused": [1, 2]})
    content = parquet(ages) if side.endswith("parquet") else ages.write_csv(separator=";").encode()
    packed = gzip.compress(RATINGS.encode("latin-1"))
    stream_hub.files = {"we/Rows/ratings.csv.gz": packed, f"we/Rows/{side}": content}
    rules = RULES.replace("SIDE", side)
    if side.endswith("parquet"):
        rules = rules.replace('on = "user"', 'on = "user"\nformat = "parquet"')
    card = str(write_stream_card(tmp_path, 'all = "ratings*"', rules))
    _, store = catalog.open_data(card, data_root=None, notify=ignore)
    assert store.fingerprint.rows == {"train": 5, "valid": 5, "test": 5}
    assert store.split("train").label.tolist() == [1, 0, 0, 1, 1]
    cities, ages = (
        pl.read_parquet(store.encoding_folder / f"{j}.parquet")["token"].to_list() for j in (1, 2)
    )
    assert set(cities) == {"Malmö", "Lund", "Åre"} and ages == ["young", "old"]
    assert set(store.fingerprint.sources) == {"we/Rows", "ratings.csv.gz", side}
    (tmp_path / "new.csv").write_bytes("user;city\n8;Lund\n9;Åre\n".encode("latin-1"))
    ((_, ids),) = RawEncoder(store.encoding_folder).read(tmp_path / "new.csv", ignore)
    assert ids[0, 2] == 2 and ids[1, 2] == 3
    rows = first_rows(card, 2, None)["all"].rows
    assert rows.rows() == [("5", "7", "Malmö"), ("3", "8", "Lund")]


def test_a_side_file_that_is_not_there(tmp_path, stream_hub):
    stream_hub.files = {"we/Rows/ratings.csv": RATINGS.encode("latin-1")}
    card = write_stream_card(tmp_path, 'all = "ratings.csv"', RULES.replace("SIDE", "no.csv"))
    with pytest.raises(BenchmarkError, match=r"no.csv: the hub has no such data set, revision or"):
        catalog.open_data(str(card), data_root=None, notify=ignore)


def test_libsvm(tmp_path, stream_hub):
    stream_hub.files = {f"we/Rows/{at}.svm": b"1 1:2 3:a\n0 1:1\n" for at in ("a", "b", "c")}
    table = TABLE.replace('"x"', '"1"').replace('"c"', '"3"')
    files = 'train = "a.svm", valid = "b.svm", test = "c.svm"'
    card = write_stream_card(tmp_path, files, f'format = "libsvm"\n{table}')
    _, store = catalog.open_data(str(card), data_root=None, notify=ignore)
    assert store.split("train").sparse[:, 0].tolist() == [1, 2]


def test_odd_names_of_files(tmp_path, stream_hub):
    names = {"train": "my data/tr äin#1%20?.csv", "valid": "v@lid+&=.csv", "test": "_test;.csv"}
    stream_hub.files = {f"we/Rows/{name}": b"y,x,c\n1,2,a\n0,1,b\n" for name in names.values()}
    files = ", ".join(f'{split} = "{name}"' for split, name in names.items())
    card = write_stream_card(tmp_path, files.replace("?", "*"), f'format = "csv"\n{TABLE}')
    _, store = catalog.open_data(str(card), data_root=None, notify=ignore)
    assert list(store.fingerprint.sources)[1:] == list(names.values())
