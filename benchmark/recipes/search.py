"""The [search] table of a recipe: what is varied when it is tuned, and within which limits.

[search]
max_parameters = 2_000_000
train.learning_rate = { low = 1e-4, high = 1e-2, log = true }
model.num_blocks = { low = 1, high = 4 }
model.ffn_hidden = { choice = [[16], [32], [32, 32]] }
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from benchmark import registry
from benchmark.errors import UsageError
from benchmark.utils import toml
from benchmark.utils.types import Count, Frozen

FIXED = ("model.name", "train.monitor")
"""Keys that neither a search nor a step of a ladder may vary: they would make another model or
another measure of it."""
WRITE = "write { low = ..., high = ... } or { choice = [...] }"


def flat(table: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a table by dotted key; its tables `model` and `train` may be nested."""
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key in ("model", "train") and isinstance(value, dict):
            values |= {f"{key}.{name}": inner for name, inner in value.items()}
        else:
            values[key] = value
    return values


class Range(Frozen):
    """Numbers from `low` to `high`, both included, or the values of `choice`."""

    low: int | float | None = None
    high: int | float | None = None
    log: bool = False
    choice: Annotated[list[Any], Field(min_length=2)] | None = None

    @model_validator(mode="after")
    def _one_form(self) -> "Range":
        if self.choice is not None:
            if self.model_fields_set != {"choice"}:
                raise ValueError("'choice' stands alone, without low, high or log")
            if any(value in self.choice[:position] for position, value in enumerate(self.choice)):
                raise ValueError("a value of 'choice' is there twice")
            return self
        if self.low is None or self.high is None:
            raise ValueError(WRITE)
        if self.low >= self.high:
            raise ValueError(f"low = {self.low} must be below high = {self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"log = true needs low above 0, not {self.low}")
        return self

    def ends(self) -> list[Any]:
        """The values to try to see whether the model takes the range."""
        return [self.low, self.high] if self.choice is None else self.choice

    def holds(self, value: Any) -> bool:
        if self.choice is not None:
            return value in self.choice
        return bool(self.low <= value <= self.high)

    def words(self) -> str:
        """E.g. `0.0001 to 0.01, log` or `[16], [32, 32]`."""
        if self.choice is not None:
            return ", ".join(map(str, self.choice))
        return f"{self.low:g} to {self.high:g}{', log' if self.log else ''}"

    def form(self) -> dict[str, Any]:
        """The table of a recipe."""
        return self.model_dump(mode="json", exclude_defaults=True)


class Search(Frozen):
    """`ranges` by dotted key. The objective is `train.monitor` if none is named, AUC for
    `auc-logloss`; with pruning "halving", a trial ends early when it is not in the better half of
    the trials that came as far."""

    objective: Literal["auc", "logloss"] | None = None
    pruning: Literal["halving", "none"] = "halving"
    max_parameters: Count | None = None
    max_flops_per_sample: Count | None = None
    ranges: dict[str, Range] = Field(default_factory=dict)

    @property
    def caps(self) -> dict[str, int]:
        caps = {"max_parameters", "max_flops_per_sample"}
        return self.model_dump(include=caps, exclude_none=True)


def parse(table: Mapping[str, Any], settings: Mapping[str, Any], where: str) -> Search:
    """A search of the recipe with these dotted settings. Raises UsageError naming `where` and the
    key for a wrong option, range or key, and for a range that leaves out the recipe's own value."""
    if "ranges" in table:
        raise UsageError(f"{where}: unknown key 'search.ranges'; write the dotted keys themselves")
    values, where = flat(table), f"{where}: [search]"
    options = {key: value for key, value in values.items() if "." not in key}
    search = toml.validate(Search, options, where)
    ranges = {
        key: _range(key, values[key], settings, where) for key in values if key not in options
    }
    return search.model_copy(update={"ranges": ranges})


def _range(key: str, value: Any, settings: Mapping[str, Any], where: str) -> Range:
    if key not in settings:
        raise UsageError(f"{where}: {registry.unknown('key', key, settings)}")
    where = f"{where}: {key}"
    if key in FIXED:
        raise UsageError(f"{where} cannot be searched")
    if not isinstance(value, dict):
        raise UsageError(f"{where}: {WRITE}")
    limits, own = toml.validate(Range, value, where), settings[key]
    if limits.choice is None:
        if isinstance(own, bool) or not isinstance(own, int | float):
            raise UsageError(f"{where} is no number, so it needs a choice")
        whole = isinstance(limits.low, int) and isinstance(limits.high, int)
        if isinstance(own, int) and not whole:
            raise UsageError(f"{where} is a whole number, so low and high must be")
        if isinstance(own, float):
            ends = {"low": float(limits.low or 0), "high": float(limits.high or 0)}
            limits = limits.model_copy(update=ends)
    if not limits.holds(own):
        raise UsageError(f"{where} leaves out the recipe's own value {own!r}, its first trial")
    return limits
