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
"""What a search may not vary: it would be another model, or another measure."""

Number = int | float
Settings = Mapping[str, Mapping[str, Any]]
"""A resolved recipe's tables model and train."""


class Range(Frozen):
    """Numbers from `low` to `high`, both included, or the values of `choice`."""

    low: Number | None = None
    high: Number | None = None
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
            raise ValueError("write { low = ..., high = ... } or { choice = [...] }")
        if self.low >= self.high:
            raise ValueError(f"low = {self.low} must be below high = {self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"log = true needs low above 0, not {self.low}")
        return self

    def ends(self) -> list[Any]:
        """The values that show whether all fit."""
        return [self.low, self.high] if self.choice is None else self.choice

    def holds(self, value: Any) -> bool:
        if self.choice is not None:
            return value in self.choice
        assert self.low is not None and self.high is not None
        return bool(self.low <= value <= self.high)

    def words(self) -> str:
        """E.g. `0.0001 to 0.01, log` or `[16], [32, 32]`."""
        if self.choice is not None:
            return ", ".join(map(str, self.choice))
        return f"{self.low:g} to {self.high:g}{', log' if self.log else ''}"

    def form(self) -> dict[str, Any]:
        """As it stands in a recipe."""
        return self.model_dump(mode="json", exclude_defaults=True)


class Search(Frozen):
    """`ranges` by dotted key. The objective is `train.monitor` where none is named."""

    objective: Literal["auc", "logloss"] | None = None
    pruning: Literal["median", "none"] = "median"
    """Whether a trial ends early once its evaluations are below the median of the earlier ones."""
    max_parameters: Count | None = None
    max_flops_per_sample: Count | None = None
    ranges: dict[str, Range] = Field(default_factory=dict)

    @property
    def caps(self) -> dict[str, int]:
        caps = {
            "max_parameters": self.max_parameters,
            "max_flops_per_sample": self.max_flops_per_sample,
        }
        return {key: cap for key, cap in caps.items() if cap is not None}


def parse(table: Mapping[str, Any], settings: Settings, where: str) -> Search:
    """Raises UsageError naming `where` and the key for a wrong option, range or key, and for a
    range that leaves out the recipe's own value."""
    options, ranges = {}, {}
    for key, value in table.items():
        if key in settings and isinstance(value, dict):
            ranges.update({f"{key}.{name}": inner for name, inner in value.items()})
        elif "." in key:
            ranges[key] = value
        else:
            options[key] = value
    if "ranges" in options:
        raise UsageError(f"{where}: unknown key 'search.ranges'; write the dotted keys themselves")
    search = toml.validate(Search, options, f"{where}: [search]")
    parsed = {
        key: _range(key, value, settings, f"{where}: [search]") for key, value in ranges.items()
    }
    return search.model_copy(update={"ranges": parsed})


def _range(key: str, value: Any, settings: Settings, where: str) -> Range:
    known = [f"{group}.{name}" for group, table in settings.items() for name in table]
    if key not in known:
        raise UsageError(f"{where}: {registry.unknown('key', key, known)}")
    if key in FIXED:
        raise UsageError(f"{where}: {key} cannot be searched")
    if not isinstance(value, dict):
        raise UsageError(
            f"{where}: {key}: write {{ low = ..., high = ... }} or {{ choice = [...] }}"
        )
    found = toml.validate(Range, value, f"{where}: {key}")
    group, _, name = key.partition(".")
    own = settings[group][name]
    if found.choice is None:
        if isinstance(own, bool) or not isinstance(own, int | float):
            raise UsageError(f"{where}: {key} is no number, so it needs a choice")
        if isinstance(own, int) and not (
            isinstance(found.low, int) and isinstance(found.high, int)
        ):
            raise UsageError(f"{where}: {key} is a whole number, so low and high must be")
        if isinstance(own, float):
            found = found.model_copy(
                update={"low": float(found.low or 0), "high": float(found.high or 0)}
            )
    if not found.holds(own):
        raise UsageError(
            f"{where}: {key} leaves out the recipe's own value {own!r}, which is the first trial's"
        )
    return found
