"""The [scaling] table of a recipe: the sizes at which its scaling law is measured.

[scaling]
model.expansion = 2.0
steps = [
  { model.num_blocks = 1, model.token_dim = 8 },
  { model.num_blocks = 2, model.token_dim = 16, train.learning_rate = 5e-4 },
  { model.num_blocks = 2, rows = 50_000 },
]

A step is the recipe with other values by dotted key; with `rows`, trained on the first rows alone. Keys beside `steps`
hold for every step that does not name them. What neither names, the learning rate included, is the recipe's own. Every
run of a ladder stops early on LogLoss.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from benchmark import registry, toml
from benchmark.errors import UsageError

FIXED = ("model.name", "train.monitor")
"""What no step may name: it would be another model, or another measure."""
MONITOR = {"train.monitor": "logloss"}


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    steps: Annotated[list[dict[str, Any]], Field(min_length=1)]


@dataclass(frozen=True)
class Step:
    """`values` by dotted key; all training rows where `rows` is None."""

    values: Mapping[str, Any]
    rows: int | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """What differs from the recipe, the monitor included."""
        return {**self.values, **MONITOR}


def parse(table: Mapping[str, Any], settings: Mapping[str, Mapping[str, Any]], where: str) -> tuple[Step, ...]:
    """`settings` are a resolved recipe's tables model and train. Raises UsageError naming `where` and the key for a
    wrong key, a wrong number of rows, and a step that is there twice."""
    common = {key: value for key, value in table.items() if key != "steps"}
    where = f"{where}: [scaling]"
    _step(common, settings, where)
    written = toml.validate(_Table, {key: table[key] for key in table.keys() & {"steps"}}, where)
    found: list[Step] = []
    for number, each in enumerate(written.steps, start=1):
        step = _step(_flat(common) | _flat(each), settings, name(where, number))
        if step in found:
            raise UsageError(f"{name(where, number)} is the same as step {found.index(step) + 1}")
        found.append(step)
    return tuple(found)


def name(where: str, number: int) -> str:
    """How a step is called in messages; the first is 1."""
    return f"{where} step {number}"


def _step(table: Mapping[str, Any], settings: Mapping[str, Mapping[str, Any]], where: str) -> Step:
    known = [f"{group}.{key}" for group, keys in settings.items() for key in keys]
    flat = _flat(table)
    rows = flat.pop("rows", None)
    if rows is not None and (isinstance(rows, bool) or not isinstance(rows, int) or rows < 1):
        raise UsageError(f"{where}: rows = {rows!r} must be a whole number of at least 1")
    for key in flat:
        if key not in known:
            raise UsageError(f"{where}: {registry.unknown('key', key, [*known, 'rows'])}")
        if key in FIXED:
            raise UsageError(f"{where}: {key} cannot be varied")
    return Step(flat, rows)


def _flat(table: Mapping[str, Any]) -> dict[str, Any]:
    """By dotted key."""
    flat: dict[str, Any] = {}
    for key, value in table.items():
        flat |= {f"{key}.{inner}": v for inner, v in value.items()} if isinstance(value, dict) else {key: value}
    return flat
