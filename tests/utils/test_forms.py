"""Files that are not as they were written are one short line each, whatever is in them."""

import json
import os

import pytest

from benchmark.errors import BenchmarkError
from benchmark.records.record import Record
from benchmark.utils import forms

LONG = "9" * 1_000_000


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no valid JSON"),
        ("{", "no valid JSON"),
        ("\xff", "no valid JSON"),
        ("[" * 100_000 + "]" * 100_000, "nested too deep"),
        (f'{{"seed": {LONG}}}', "a whole number has 1,000,000 digits, the limit is 20"),
        ('{"seed": NaN}', "NaN is no number of JSON"),
        ('{"recipe": {"model": {"x": 1e999}}}', "1e999 is too large a number"),
        ('{"seed": 0, "seed": 1}', "key 'seed' occurs twice"),
        ("[1]", "should be an object"),
        (json.dumps({LONG: 1}), "numerics: Field required (and "),
        (json.dumps({"seed": -1, "dataset": LONG}), "more)"),
    ],
    ids=range(11),
)
def test_a_damaged_or_hostile_file_is_one_short_line(tmp_path, text, why) -> None:
    path = tmp_path / "seed-0.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(BenchmarkError) as caught:
        forms.read(Record, path, "run it again")
    line = str(caught.value).removeprefix(str(path))
    assert why in line and line.endswith("; run it again")
    assert "\n" not in line and len(line) < 600


def test_only_regular_files_of_bounded_size_are_read(tmp_path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "endless").symlink_to("/dev/zero")
    (tmp_path / "large").write_bytes(b"0" * 11)
    for name, why in (
        ("folder", "no regular file"),
        ("pipe", "no regular file"),
        ("endless", "no regular file"),
        ("large", "it has 11 bytes, the limit is 10"),
    ):
        with pytest.raises(ValueError, match=why):
            forms.content(tmp_path / name, most=10)
    with pytest.raises(BenchmarkError, match="cannot be read: No such file"):
        forms.read(int, tmp_path / "absent", "make it")
