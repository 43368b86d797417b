"""Results that others published, as `results/published.toml` quotes them."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from benchmark.utils import toml
from benchmark.utils.paths import shipped_beside, shown
from benchmark.utils.types import Count, Frozen, NonEmpty, Positive

Share = Annotated[float, Field(gt=0, lt=1)]


class Source(Frozen):
    title: NonEmpty
    link: Annotated[str, Field(pattern=r"^https://\S+$")]
    runs: NonEmpty
    """The number of runs behind a result, in words."""


class OtherSplit(Frozen):
    """A data set here whose rows are not quite those of the published one."""

    dataset: NonEmpty
    published: NonEmpty
    difference: NonEmpty


class Quoted(Frozen):
    """One model's result on a test split; `auc_mean` and `auc_sd` are over the source's runs."""

    dataset: NonEmpty
    model: NonEmpty
    recipe: NonEmpty | None = None
    source: NonEmpty
    auc: Share
    logloss: Positive
    gauc: Share | None = None
    auc_mean: Share | None = None
    auc_sd: Positive | None = None
    embedding_dim: Count | None = None
    params: Count | None = None
    grid: Count | None = None
    """The number of settings that the source chose this one among."""
    protocol: str = ""

    @model_validator(mode="after")
    def _mean_with_sd(self) -> "Quoted":
        if (self.auc_mean is None) != (self.auc_sd is None):
            raise ValueError("auc_mean and auc_sd belong together")
        return self


class Published(Frozen):
    source: dict[NonEmpty, Source] = Field(default_factory=dict)
    other_split: tuple[OtherSplit, ...] = ()
    row: tuple[Quoted, ...] = ()

    @model_validator(mode="after")
    def _sources_are_named(self) -> "Published":
        if unknown := sorted({row.source for row in self.row} - set(self.source)):
            known = ", ".join(sorted(self.source))
            raise ValueError(f"there is no [source.{unknown[0]}]; known sources: {known}")
        return self

    def split_of(self, dataset: str) -> tuple[str, str]:
        """The published counterpart of a data set, and how its rows differ, if they do."""
        splits = {other.dataset: (other.published, other.difference) for other in self.other_split}
        return splits.get(dataset, (dataset, ""))


def load(results: Path) -> Published:
    """The published results, the project's own in a folder without any. Raises UsageError naming
    file and key."""
    path = shipped_beside(results, "published.toml")
    return toml.validate(Published, toml.read(path), shown(path))
