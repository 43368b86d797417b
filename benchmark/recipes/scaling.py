"""The [scaling] table of a recipe: a family of sizes, over which its scaling law is measured.

[scaling]
rates = [5e-4, 1e-3, 2e-3]
model.num_blocks = 1
steps = [
  { model.token_dim = 8, model.ffn_hidden = [16] },
  { model.token_dim = 16, model.ffn_hidden = [32] },
  { model.token_dim = 8, model.ffn_hidden = [16], rows = 50_000 },
]

A step is the recipe with other values by dotted key; with `rows`, it trains on the first rows only.
Keys beside `steps` apply to every step that does not name them. A family changes one thing: all
widths in one proportion, or one depth; the steps with `rows` are of one size. The learning rate of
every step is chosen from `rates`; without them it is the recipe's own. Runs stop early on LogLoss.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from benchmark import registry
from benchmark.errors import UsageError
from benchmark.recipes.search import FIXED, flat
from benchmark.utils import toml
from benchmark.utils.types import Frozen, Positive

DEPTHS = ("model.num_blocks", "model.num_cross_layers", "model.num_layers", "model.num_deep_layers")
"""Keys that count layers; so does the length of a list."""
RATE = "train.learning_rate"
ONE_THING = "a family changes one thing"

Settings = Mapping[str, Any]


class _Table(Frozen):
    steps: Annotated[list[dict[str, Any]], Field(min_length=1)]
    rates: Annotated[list[Positive], Field(min_length=3)] | None = None


@dataclass(frozen=True)
class Step:
    """A size: its values by dotted key, and its training rows, all where None."""

    values: Settings
    rows: int | None = None

    def settings(self, rate: float) -> dict[str, Any]:
        """The values that differ from the recipe at a learning rate."""
        return {**self.values, "train.monitor": "logloss", RATE: rate}


@dataclass(frozen=True)
class Family:
    """The steps of a ladder, and the learning rates from which that of each is chosen."""

    steps: tuple[Step, ...]
    rates: tuple[float, ...]


def parse(table: Settings, settings: Settings, where: str) -> Family:
    """The family of a [scaling] table; `settings` are the recipe's by dotted key.

    Raises UsageError naming `where` and the key for an unknown key, a wrong value, a step that
    stands twice, and steps that change more than one thing."""
    lists = table.keys() & _Table.model_fields.keys()
    common = flat({key: value for key, value in table.items() if key not in lists})
    _step(common, settings, where)
    written = toml.validate(_Table, {key: table[key] for key in lists}, where)
    rates = tuple(written.rates or (settings[RATE],))
    if len(set(rates)) < len(rates):
        raise UsageError(f"{where}: a value of rates is there twice")
    steps: list[Step] = []
    for number, own in enumerate(map(flat, written.steps), start=1):
        there = f"{where} step {number}"
        step = _step({**common, **own}, settings, there)
        if other := [key for key in own if key != "rows" and not key.startswith("model.")]:
            fault = f"{other[0]} is no size; write it beside steps, for all of them"
            raise UsageError(f"{there}: {fault}")
        if step in steps:
            raise UsageError(f"{there} is the same as step {steps.index(step) + 1}")
        steps.append(step)
    _require_one_change(steps, settings, where)
    return Family(tuple(steps), rates)


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
        if key == RATE:
            raise UsageError(f"{where}: {key} is chosen for every step from rates = [...]")
    return Step(varied, rows)


def _require_one_change(steps: Sequence[Step], settings: Settings, where: str) -> None:
    tables = [{**settings, **step.values} for step in steps]
    fewer = [at for at, step in enumerate(steps) if step.rows is not None]
    for at in fewer:
        if keys := _varied([tables[fewer[0]], tables[at]]):
            fault = f"{keys[0]} is not that of step {fewer[0] + 1}; steps with rows are of one size"
            raise UsageError(f"{where} step {at + 1}: {fault}")
    sizes = [table for at, table in enumerate(tables) if at not in fewer]
    widths = {key: [_widths(key, table[key], where) for table in sizes] for key in _varied(sizes)}
    layers = [key for key, each in widths.items() if key in DEPTHS or len({*map(len, each)}) > 1]
    if layers and len(widths) > 1:
        keep = f"keep {layers[0]} fixed, or change it alone"
        raise UsageError(f"{where}: the steps change {', '.join(widths)}; {ONE_THING}: {keep}")
    for key in layers:
        if key not in DEPTHS and len({*chain(*widths[key])}) > 1:
            raise UsageError(f"{where}: the steps change length and widths of {key}; {ONE_THING}")
    if not layers:
        _require_proportion(widths, where)


def _varied(tables: Sequence[Settings]) -> list[str]:
    """The keys in which the tables differ."""
    keys = tables[0] if tables else ()
    return [key for key in keys if any(table[key] != tables[0][key] for table in tables)]


def _require_proportion(widths: Mapping[str, Sequence[Sequence[int]]], where: str) -> None:
    """`widths` are those of each step by key."""
    grown: dict[str, list[float]] = {}
    for key, of_steps in widths.items():
        for at, first in enumerate(of_steps[0]):
            grown[f"{key}[{at}]"] = [own[at] / first for own in of_steps]
    names = list(grown)
    for name in names[1:]:
        if not np.allclose(grown[name], grown[names[0]]):
            shown = "; ".join(f"{each} {_in_words(grown[each])}" for each in (names[0], name))
            raise UsageError(f"{where}: widths grow in one proportion, not {shown}")


def _in_words(times: Iterable[float]) -> str:
    """E.g. `1, 2, 4`."""
    return ", ".join(f"{each:g}" for each in times)


def _widths(key: str, value: Any, where: str) -> list[int]:
    widths = value if isinstance(value, list) else [value]
    if not all(map(_is_count, widths)):
        raise UsageError(f"{where}: {key} = {value!r} is neither a size nor a list of sizes")
    return widths


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
