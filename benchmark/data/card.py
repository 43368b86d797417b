"""A data set's card: what it is, where it comes from, and how its columns are encoded."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

SPLITS = ("train", "valid", "test")

Name = Annotated[str, Field(min_length=1)]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Part = Annotated[int, Field(ge=1)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class SplitRule(_Frozen):
    """How one file becomes train, valid and test of the sizes `parts`: by a seeded shuffle of each class
    (stratified), of all rows (random), or in file order (ordered)."""

    method: Literal["stratified", "random", "ordered"] = "stratified"
    parts: tuple[Part, Part, Part] = (8, 1, 1)
    seed: Annotated[int, Field(ge=0)] = 2018


class Files(_Frozen):
    """Paths relative to the data root or to the card: all three splits, or `all` with a split rule."""

    train: Name | None = None
    valid: Name | None = None
    test: Name | None = None
    all: Name | None = None

    @model_validator(mode="after")
    def _three_or_one(self) -> "Files":
        given = [path for path in (self.train, self.valid, self.test) if path is not None]
        if len(given) != (3 if self.all is None else 0):
            raise ValueError("give train, valid and test, or `all` and a [table.split] rule")
        return self

    @property
    def named(self) -> dict[str, str]:
        """The paths by their keys: train, valid and test, or `all`."""
        return {key: path for key, path in self if path is not None}


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
    """A data set that lies in files: its format, columns and encoding rules.

    The names of libsvm's columns are its indices; `label` is then only a name for the first field of a line. `group`
    (for AUC per group) may be one of the sparse columns."""

    format: Literal["csv", "parquet", "libsvm"]
    files: Files
    split: SplitRule | None = None
    separator: str = ","
    label: Name = "label"
    dense: tuple[Name, ...] = ()
    sparse: tuple[Name, ...] = ()
    group: Name | None = None
    min_count: Annotated[int, Field(ge=1)] = 1
    dense_rule: Literal["log", "none", "standard"] = "log"

    @model_validator(mode="after")
    def _whole(self) -> "Table":
        named = (self.label, *self.dense, *self.sparse)
        if repeated := sorted({name for name in named if named.count(name) > 1}):
            raise ValueError(f"label, dense and sparse name {', '.join(repeated)} more than once")
        if self.group == self.label or self.group in self.dense:
            raise ValueError(f"the group column {self.group} is also the label or a dense column")
        if not self.dense and not self.sparse:
            raise ValueError("name at least one dense or sparse column")
        if len(self.separator.encode()) != 1 or self.separator in '"\r\n':
            raise ValueError("the separator is one ASCII character, and no quote or line end")
        if (self.files.all is None) != (self.split is None):
            raise ValueError("files.all and a [table.split] rule belong together")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is read, once."""
        return tuple(dict.fromkeys((self.label, *self.dense, *self.sparse, *([self.group] if self.group else []))))


class Card(_Frozen):
    """One data set. `table` is None for a generated one, whose `generator` names its size and version."""

    id: Id
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

    @model_validator(mode="after")
    def _one_origin(self) -> "Card":
        if (self.table is None) == (self.generator is None):
            raise ValueError("give a [table] that says how the files are read")
        return self
