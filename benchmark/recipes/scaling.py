"""The [scaling] table of a recipe: the sizes at which its scaling law is measured.

[scaling]
model.expansion = 2.0
steps = [
  { model.num_blocks = 1, model.token_dim = 8 },
  { model.num_blocks = 2, model.token_dim = 16, train.learning_rate = 5e-4 },
  { model.num_blocks = 2, rows = 50_000 },
]

A step is the recipe with other values by dotted key; with `rows`, it trains on the first rows only.
Keys beside `steps` apply to every step that does not name them; all others, the learning rate
included, are the recipe's own. Every run of a ladder stops early on LogLoss.

`shapes`, beside `steps` and written like them, are configurations of equal FLOPs that trade width
for depth, the value of the key `depth`. They belong to no ladder and train on the same rows.

depth = "model.num_blocks"
shapes = [
  { model.num_blocks = 1, model.token_dim = 32 },
  { model.num_blocks = 4, model.token_dim = 16 },
]
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from benchmark import registry
from benchmark.errors import UsageError
from benchmark.utils import toml
from benchmark.utils.types import Frozen

FIXED = ("model.name", "train.monitor")
"""Keys that no step may name: they would make another model or another measure of it."""
MONITOR = {"train.monitor": "logloss"}


class _Table(Frozen):
    steps: Annotated[list[dict[str, Any]], Field(min_length=1)]
    depth: str | None = None
    shapes: Annotated[list[dict[str, Any]], Field(min_length=2)] | None = None


@dataclass(frozen=True)
class Step:
    """A step or shape: its values by dotted key, and its training rows, all where None."""

    values: Mapping[str, Any]
    rows: int | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """The values that differ from the recipe, the monitor included."""
        return {**self.values, **MONITOR}


@dataclass(frozen=True)
class Shapes:
    """Shapes of equal FLOPs; `depth` is the dotted key that counts the layers."""

    depth: str = ""
    of: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Sizes:
    """A recipe's [scaling] table."""

    steps: tuple[Step, ...] = ()
    shapes: Shapes = Shapes()


def parse(table: Mapping[str, Any], settings: Mapping[str, Mapping[str, Any]], where: str) -> Sizes:
    """Parse a [scaling] table; `settings` are the recipe's resolved tables model and train.

    Raises UsageError naming `where` and the key for an unknown key, a wrong number of rows, a step
    or shape that stands twice, and shapes without a depth.
    """
    lists = table.keys() & _Table.model_fields.keys()
    common = {key: value for key, value in table.items() if key not in lists}
    where = f"{where}: [scaling]"
    _step(common, settings, where)
    written = toml.validate(_Table, {key: table[key] for key in lists}, where)
    steps = _steps(written.steps, common, settings, where, "step")
    if (written.depth is None) != (written.shapes is None):
        raise UsageError(
            f"{where}: depth = KEY, which counts the layers, and shapes = [...] go together"
        )
    if written.depth is None or written.shapes is None:
        return Sizes(steps)
    shapes = _steps(written.shapes, common, settings, where, "shape")
    for number, (each, shape) in enumerate(zip(written.shapes, shapes, strict=True), start=1):
        _require_shape(each, shape, written.depth, name(where, number, "shape"))
    return Sizes(steps, Shapes(written.depth, shapes))


def name(where: str, number: int, kind: str = "step") -> str:
    """The name of a step or shape in messages; the first is 1."""
    return f"{where} {kind} {number}"


def _steps(
    tables: Sequence[Mapping[str, Any]],
    common: Mapping[str, Any],
    settings: Mapping[str, Mapping[str, Any]],
    where: str,
    kind: str,
) -> tuple[Step, ...]:
    steps: list[Step] = []
    for number, table in enumerate(tables, start=1):
        step = _step(_flat(common) | _flat(table), settings, name(where, number, kind))
        if step in steps:
            raise UsageError(
                f"{name(where, number, kind)} is the same as {kind} {steps.index(step) + 1}"
            )
        steps.append(step)
    return tuple(steps)


def _require_shape(written: Mapping[str, Any], shape: Step, depth: str, where: str) -> None:
    if "rows" in written:
        raise UsageError(
            f"{where}: a shape names no rows: width is held against depth on the same rows"
        )
    layers = shape.values.get(depth)
    if isinstance(layers, bool) or not isinstance(layers, int) or layers < 1:
        raise UsageError(
            f"{where}: {depth}, its depth, must be a whole number of at least 1, got {layers!r}"
        )


def _step(table: Mapping[str, Any], settings: Mapping[str, Mapping[str, Any]], where: str) -> Step:
    allowed = [f"{group}.{key}" for group, keys in settings.items() for key in keys]
    flat = _flat(table)
    rows = flat.pop("rows", None)
    if rows is not None and (isinstance(rows, bool) or not isinstance(rows, int) or rows < 1):
        raise UsageError(f"{where}: rows = {rows!r} must be a whole number of at least 1")
    for key in flat:
        if key not in allowed:
            raise UsageError(f"{where}: {registry.unknown('key', key, [*allowed, 'rows'])}")
        if key in FIXED:
            raise UsageError(f"{where}: {key} cannot be varied")
    return Step(flat, rows)


def _flat(table: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a nested table by dotted key."""
    flat: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            flat |= {f"{key}.{inner}": each for inner, each in value.items()}
        else:
            flat[key] = value
    return flat
