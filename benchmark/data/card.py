"""A data set's card: what it is, where it comes from, and how its columns are encoded."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

SPLITS = ("train", "valid", "test")

Name = Annotated[str, Field(min_length=1)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class SplitRule(_Frozen):
    """How one file becomes three splits: by a seeded shuffle, stratified by label, or in file order."""

    method: Literal["stratified", "random", "ordered"] = "stratified"
    parts: tuple[int, int, int] = (8, 1, 1)
    seed: Annotated[int, Field(ge=0)] = 2018


class Files(_Frozen):
    """Paths relative to the data root or to the card: all three splits, or `all` with a split rule."""

    train: Name | None = None
    valid: Name | None = None
    test: Name | None = None
    all: Name | None = None

    @model_validator(mode="after")
    def _three_or_one(self) -> "Files":
        given = (self.train, self.valid, self.test)
        if (self.all is None) == any(path is None for path in given) and not (self.all and any(given)):
            return self
        raise ValueError("give train, valid and test, or `all` with a [split] rule")


class Expected(_Frozen):
    """Facts of one split to hold the files against; what is not known is left out."""

    rows: int | None = None
    positives: int | None = None
    md5: str | None = None


class Oracle(_Frozen):
    """Quality of the true click probability on the test split, known only where the generator is."""

    auc: float
    logloss: float


class Table(_Frozen):
    """A data set that lies in files: its format, columns and encoding rules."""

    format: Literal["csv", "parquet", "libsvm"]
    files: Files
    split: SplitRule | None = None
    separator: str = ","
    label: Name = "label"
    dense: tuple[Name, ...] = ()
    sparse: tuple[Name, ...] = ()
    group: str | None = None
    min_count: Annotated[int, Field(ge=1)] = 1
    dense_rule: Literal["log", "none", "standard"] = "log"


class Card(_Frozen):
    """One data set. `table` is None for a generated one, whose `generator` names its size and version."""

    id: Name
    title: Name
    source: str = ""
    terms: str = ""
    citation: str = ""
    caveat: str = ""
    embedding_dim: Annotated[int, Field(ge=1)] = 16
    table: Table | None = None
    generator: str | None = None
    expected: dict[Literal["train", "valid", "test"], Expected] = {}
    oracle: Oracle | None = None
