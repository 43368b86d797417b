from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from benchmark.errors import UsageError
from benchmark.utils import toml


class Inner(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    rows: int = 0


class Circle(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    shape: Literal["circle"]
    radius: int = 0


class Square(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    shape: Literal["square"]
    side: int = 0


class Outer(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    splits: dict[str, Inner] = {}
    one: Inner | None = None
    union: list[Annotated[Circle | Square, Field(discriminator="shape")]] = []


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            {"splits": {"train": {"row": 1}}},
            "f.toml: unknown key 'splits.train.row'; did you mean 'rows'? allowed: rows",
        ),
        ({"one": {"row": 1}}, "f.toml: unknown key 'one.row'; did you mean 'rows'? allowed: rows"),
        (
            {"once": {}},
            "f.toml: unknown key 'once'; did you mean 'one'? allowed: one, splits, union",
        ),
        (
            {"union": [{"shape": "circle"}, {"shape": "square", "sid": 1}]},
            "f.toml: unknown key 'union.1.square.sid'; did you mean 'side'? allowed: shape, side",
        ),
        ({"one": {"rows": "3"}}, 'f.toml: one.rows: Input should be a valid integer, got "3"'),
    ],
)
def test_every_key_is_named_with_what_is_allowed(table, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        toml.validate(Outer, table, "f.toml")
    assert str(raised.value) == message


def test_every_fault_has_a_line() -> None:
    with pytest.raises(UsageError) as raised:
        toml.validate(Outer, {"a": 1, "one": {"rows": []}}, "f.toml")
    assert len(str(raised.value).splitlines()) == 2


def test_a_byte_order_mark_is_left_out(tmp_path):
    (tmp_path / "a.toml").write_bytes(b"\xef\xbb\xbfrows = 3\r\n")
    assert toml.read(tmp_path / "a.toml") == {"rows": 3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = " + "[" * 100_000, "nested too deeply; at most 32 levels"),
        ("x = " + "{a=" * 100_000, "nested too deeply; at most 32 levels"),
        (".".join("a" * 100_000) + " = 1", "nested too deeply; at most 32 levels"),
        ('["' + '" . "'.join("a" * 100_000) + '"]', "nested too deeply; at most 32 levels"),
        ("x = 1\n" * 200_000, "larger than 1 MiB"),
        ("x = " + "9" * 500_000, "limit .4300 digits"),
    ],
)
def test_bombs_are_refused_at_once(tmp_path, text: str, message: str) -> None:
    path = tmp_path / "f.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=message) as error:
        toml.read(path)
    assert len(str(error.value)) < 600


def test_large_values_and_many_faults_are_told_in_short() -> None:
    with pytest.raises(UsageError, match=r"^f: integers of more than 4,300 digits are not allowed"):
        toml.validate(Outer, {"one": {"rows": 1 << 20_000}}, "f")
    with pytest.raises(UsageError) as error:
        toml.validate(Outer, {"one": {"rows": "z" * 100_000}}, "f")
    assert len(str(error.value)) < 600
    with pytest.raises(UsageError) as error:
        toml.validate(Outer, {f"k{i}": 1 for i in range(1_000)}, "f")
    assert str(error.value).endswith("\nf: and 980 more faults")
