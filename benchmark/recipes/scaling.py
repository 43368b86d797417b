"""The [scaling] table of a recipe: the sizes at which its scaling law is measured.

[scaling]
model.expansion = 2.0
steps = [
  { model.num_blocks = 1, model.token_dim = 8 },
  { model.num_blocks = 2, rows = 50_000, train.learning_rate = 5e-4 },
]
depth = "model.num_blocks"
shapes = [{ model.num_blocks = 1, model.token_dim = 32 }, { model.num_blocks = 4 }]

A step is the recipe with other values by dotted key; with `rows`, it trains on the first rows only.
Keys beside `steps` apply to every step that does not name them. Every run stops early on LogLoss.

`shapes` are configurations of equal FLOPs that trade width for depth, the value of the key `depth`.
They belong to no ladder and train on the same rows.
"""

from collections.abc import Mapping, Sequence
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
    depth: str | None = None
    shapes: Annotated[list[dict[str, Any]], Field(min_length=2)] | None = None


@dataclass(frozen=True)
class Step:
    """A step or shape: its values by dotted key, and its training rows, all where None."""

    values: Settings
    rows: int | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """The values that differ from the recipe, the monitor included."""
        return {**self.values, "train.monitor": "logloss"}


@dataclass(frozen=True)
class Shapes:
    """Shapes of equal FLOPs; `depth` is the dotted key that counts the layers."""

    depth: str = ""
    of: tuple[Step, ...] = ()


def parse(table: Settings, settings: Settings, where: str) -> tuple[tuple[Step, ...], Shapes]:
    """The steps and shapes of a [scaling] table; `settings` are the recipe's by dotted key.

    Raises UsageError naming `where` and the key for an unknown key, a wrong number of rows, a step
    or shape that stands twice, and shapes without a depth."""
    lists = table.keys() & _Table.model_fields.keys()
    common = flat({key: value for key, value in table.items() if key not in lists})
    _step(common, settings, where)
    written = toml.validate(_Table, {key: table[key] for key in lists}, where)
    steps = _steps(written.steps, common, settings, f"{where} step")
    if (written.depth is None) != (written.shapes is None):
        fault = "depth = KEY, which counts the layers, and shapes = [...] go together"
        raise UsageError(f"{where}: {fault}")
    if written.depth is None or written.shapes is None:
        return steps, Shapes()
    shapes = Shapes(written.depth, _steps(written.shapes, common, settings, f"{where} shape"))
    for number, (own, shape) in enumerate(zip(written.shapes, shapes.of, strict=True), start=1):
        if "rows" in own:
            fault = "a shape names no rows: all train on the same ones"
            raise UsageError(f"{where} shape {number}: {fault}")
        layers = shape.values.get(shapes.depth)
        if not _is_count(layers):
            fault = f"its depth, must be a whole number of at least 1, got {layers!r}"
            raise UsageError(f"{where} shape {number}: {shapes.depth}, {fault}")
    return steps, shapes


def _steps(
    tables: Sequence[Settings], common: Settings, settings: Settings, where: str
) -> tuple[Step, ...]:
    steps: list[Step] = []
    for number, table in enumerate(tables, start=1):
        step = _step({**common, **flat(table)}, settings, f"{where} {number}")
        if step in steps:
            kind = where.rpartition(" ")[2]
            raise UsageError(f"{where} {number} is the same as {kind} {steps.index(step) + 1}")
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
