"""What is odd about the rows is told when they are encoded, and each time they are opened."""

import pytest
from pydantic import TypeAdapter

from benchmark.data import catalog
from benchmark.data.store import Fingerprint
from tests.data.cards import write_card
from tests.data.tables import TRAIN, encode_texts, write_files

FLOATS = "y,x,c\n" + "".join(f"{i % 2},1,{i % 9}.0\n" for i in range(20))
WHOLE = "y,x,c\n" + "".join(f"{i % 2},1,{i % 9}\n" for i in range(19)) + "1,1,0\n"


def warnings(folder, texts, **changes) -> tuple[str, ...]:
    return encode_texts(folder, texts, **changes).fingerprint.warnings


def test_categories_that_train_has_not_are_told_with_an_example(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    write_files(tmp_path, {"train.csv": WHOLE, "valid.csv": FLOATS, "test.csv": WHOLE})
    told: list[str] = []
    for _ in range(2):
        catalog.open_data(write_card(tmp_path), data_root=None, notify=told.append)
    warning = (
        "warning: c: 100 % of the valid rows hold categories that train has not (such as '0.0';"
        " train has '0')"
    )
    assert told == ["encoding mine, once for all runs", warning, warning]


@pytest.mark.parametrize(("known", "told"), [(2, True), (3, False)])
def test_nine_tenths_of_the_values_of_a_split_are_the_limit(tmp_path, known, told):
    odd = [*(f"{i % 2},1,q{i:02}\n" for i in range(18)), "0,1,\n", "0,1,\n"]
    test = "y,x,c\n" + "".join([*odd, *["1,1,a\n"] * known])
    found = warnings(tmp_path, {"test.csv": test})
    expected = "c: 90 % of the test rows hold categories that train has not (such as 'q00'; train"
    assert [warning.startswith(expected) for warning in found] == [True] * told


def test_rare_categories_are_known_ones(tmp_path):
    assert warnings(tmp_path, {"train.csv": TRAIN + "0,0,z\n"}, min_count=3) == ()


def test_columns_without_a_value_are_told(tmp_path):
    nothing = "y,x,c,d\n1,,,a\n0,,,a\n"
    texts = dict.fromkeys(("train.csv", "valid.csv", "test.csv"), nothing)
    assert warnings(tmp_path, texts, sparse=("c", "d")) == (
        "x: missing in every row",
        "c: missing in every row",
    )


def test_a_record_keeps_warnings_and_has_no_key_without_any():
    form, facts = TypeAdapter(Fingerprint), ({}, {}, {}, (), (), (), "0")
    assert "warnings" not in form.dump_python(Fingerprint(*facts))
    odd = Fingerprint(*facts, ("c: missing in every row",))
    assert form.validate_json(form.dump_json(odd)) == odd
