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
