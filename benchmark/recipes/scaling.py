"""The [scaling] table of a recipe: the sizes at which its scaling law is measured.

[scaling]
model.expansion = 2.0
steps = [
  { model.num_blocks = 1, model.token_dim = 8 },
  { model.num_blocks = 2, rows = 50_000, train.learning_rate = 5e-4 },
]

A step is the recipe with other values by dotted key; with `rows`, it trains on the first rows only.
Keys beside `steps` apply to every step that does not name them. Every run stops early on LogLoss.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from benchmark import registry
from benchmark.errors import UsageError
from benchmark.recipes.search import FIXED, flat
from benchmark.utils import toml
from benchmark.utils.types import Frozen

Settings = Mapping[str, Any]


class _Table(Frozen):
    steps: Annotated[list[dict[str, Any]], Field(min_length=1)]


@dataclass(frozen=True)
class Step:
    """A step: its values by dotted key, and its training rows, all where None."""

    values: Settings
    rows: int | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """The values that differ from the recipe, the monitor included."""
        return {**self.values, "train.monitor": "logloss"}


def parse(table: Settings, settings: Settings, where: str) -> tuple[Step, ...]:
    """The steps of a [scaling] table; `settings` are the recipe's by dotted key.

    Raises UsageError naming `where` and the key for an unknown key, a wrong number of rows and a
    step that stands twice."""
    common = flat({key: value for key, value in table.items() if key != "steps"})
    _step(common, settings, where)
    own = {key: value for key, value in table.items() if key == "steps"}
    steps: list[Step] = []
    for number, values in enumerate(toml.validate(_Table, own, where).steps, start=1):
        step = _step({**common, **flat(values)}, settings, f"{where} step {number}")
        if step in steps:
            raise UsageError(f"{where} step {number} is the same as step {steps.index(step) + 1}")
        steps.append(step)
    return tuple(steps)


def _step(values: dict[str, Any], settings: Settings, where: str) -> Step:
    rows = values.get("rows")
    if rows is not None and not _is_count(rows):
        raise UsageError(f"{where}: rows = {rows!r} must be a whole number of at least 1")
    varied = {key: value for key, value in values.items() if key != "rows"}
    for key in varied:
        if key not in settings:
            raise UsageError(f"{where}: {registry.unknown('key', key, [*settings, 'rows'])}")
        if key in FIXED:
            raise UsageError(f"{where}: {key} cannot be varied")
    return Step(varied, rows)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
