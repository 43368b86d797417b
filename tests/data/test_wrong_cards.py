import pytest

from benchmark.data import catalog
from benchmark.errors import UsageError
from tests.data.cards import CARD, write_card
from tests.data.tables import ignore


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


@pytest.mark.parametrize("length", [100, 101])
def test_an_id_has_at_most_100_characters(folder, length):
    card = write_card(folder, text=CARD.replace('"mine"', f'"{length * "x"}"'))
    if length == 100:
        assert catalog.open_data(card, data_root=None, notify=ignore)[1].folder.is_dir()
        return
    with pytest.raises(UsageError, match="id: String should have at most 100 characters") as error:
        catalog.find_card(card)
    assert "\n" not in str(error.value)
