"""The card of a data set: what it is, where it comes from, and how its columns are encoded."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from benchmark.utils.paths import LONGEST_NAME, NAME
from benchmark.utils.types import Count, Frozen, NonEmpty

SPLITS = ("train", "valid", "test")

Id = Annotated[str, Field(pattern=NAME, max_length=LONGEST_NAME)]


def _as_tuple(value: object) -> object:
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


Names = Annotated[tuple[NonEmpty, ...], BeforeValidator(_as_tuple)]


class SplitRule(Frozen):
    """How one file is divided into train, valid and test: shuffled within each class (stratified),
    shuffled (random), or in file order (ordered)."""

    method: Literal["stratified", "random", "ordered"] = "stratified"
    parts: tuple[Count, Count, Count] = (8, 1, 1)
    seed: Annotated[int, Field(ge=0)] = 2018


class Files(Frozen):
    """Paths relative to the data root or the card: of all three splits, or `all` and a split rule.
    Of several paths for one file the first that exists is read; csv and libsvm may end in .gz."""

    train: Names = ()
    valid: Names = ()
    test: Names = ()
    all: Names = ()

    @model_validator(mode="after")
    def _three_or_one(self) -> "Files":
        count = sum(bool(paths) for paths in (self.train, self.valid, self.test))
        if count != (0 if self.all else 3):
            raise ValueError("give train, valid and test, or `all` and a [table.split] rule")
        return self

    @property
    def named(self) -> dict[str, tuple[str, ...]]:
        """The paths by key: train, valid and test, or `all`."""
        return {key: paths for key, paths in self if paths}


class Expected(Frozen):
    """Facts that the files of one split must match; unknown ones are left out."""

    rows: int | None = None
    positives: int | None = None
    md5: str | None = None


class Hub(Frozen):
    """A zip with the csv files of all splits, in a data set repository of the Hugging Face hub; the
    newest one without a revision, as the md5 of the csv files pins the content."""

    repo: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$")]
    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*\.zip$")]
    revision: Annotated[str | None, Field(pattern="^[0-9a-f]{40}$")] = None
    gigabytes: float | None = None

    @property
    def name(self) -> str:
        return self.repo.rpartition("/")[2]


class Oracle(Frozen):
    """Quality of the true click probability on the test split, for generated data."""

    auc: float
    logloss: float


class Derived(Frozen):
    """A column computed from the column `of` of the files by a rule of readers/rows.py."""

    rule: Literal["hour_of_day", "weekday", "is_weekend", "squared_log_bucket"]
    of: NonEmpty


class TableSpec(Frozen):
    """A data set in files: format, columns and encoding rules.

    `header` names the columns of csv files without a header line. Columns of libsvm files are named
    by their index, and `label` is only a name for the first field of a line. `group`, for AUC per
    group, may be a sparse column. A derived column may share the name of its source column."""

    format: Literal["csv", "parquet", "libsvm"]
    files: Files
    split: SplitRule | None = None
    separator: str = ","
    header: tuple[NonEmpty, ...] = ()
    label: NonEmpty = "label"
    dense: tuple[NonEmpty, ...] = ()
    sparse: tuple[NonEmpty, ...] = ()
    group: NonEmpty | None = None
    derive: dict[NonEmpty, Derived] = Field(default_factory=dict)
    min_count: Count = 1
    dense_rule: Literal["log", "none", "standard"] = "log"

    @model_validator(mode="after")
    def _consistent(self) -> "TableSpec":
        features = (self.label, *self.dense, *self.sparse)
        if repeated := sorted({name for name in features if features.count(name) > 1}):
            raise ValueError(f"label, dense and sparse name {', '.join(repeated)} more than once")
        if self.group == self.label or self.group in self.dense:
            raise ValueError(f"the group column {self.group} is also the label or a dense column")
        if not self.dense and not self.sparse:
            raise ValueError("name at least one dense or sparse column")
        if len(self.separator.encode()) != 1 or self.separator in '"\r\n':
            raise ValueError("the separator is one ASCII character, and no quote or line end")
        if bool(self.files.all) != (self.split is not None):
            raise ValueError("files.all and a [table.split] rule belong together")
        if unused := [name for name in self.derive if name not in self.columns[1:]]:
            names = ", ".join(unused)
            raise ValueError(f"derive makes {names}, which is no dense, sparse or group column")
        if self.header and self.format != "csv":
            raise ValueError(f"header names the columns of csv files; the format is {self.format}")
        if len(set(self.header)) != len(self.header):
            raise ValueError("header names a column more than once")
        absent = [name for name in self.sources(self.columns) if name not in self.header]
        if self.header and absent:
            raise ValueError(f"header does not name {', '.join(absent)}")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column of the data set, once; the label is the first."""
        group = [self.group] if self.group else []
        return tuple(dict.fromkeys([self.label, *self.dense, *self.sparse, *group]))

    def sources(self, columns: Iterable[str]) -> list[str]:
        """The columns of the files that these columns are read or derived from, once."""
        sources = (self.derive[name].of if name in self.derive else name for name in columns)
        return list(dict.fromkeys(sources))


class Card(Frozen):
    """One data set, in files (`table`) or generated (`generator`: its size and version).

    `published_rows` is the number of embedding rows behind the published results: the tokens,
    padding and out-of-vocabulary row of each sparse field, and one row for each dense column. The
    `rank_losses` are the shares of a generator's interactions, as variance of the logit, that their
    best approximation in 1, 2, ... dimensions a field loses. The built-in cards are the files of
    the folder `cards`."""

    id: Id
    title: NonEmpty
    source: str = ""
    terms: str = ""
    citation: str = ""
    caveat: str = ""
    embedding_dim: Count = 16
    table: TableSpec | None = None
    hub: Hub | None = None
    published_rows: int | None = None
    generator: str | None = None
    expected: dict[Literal["train", "valid", "test"], Expected] = Field(default_factory=dict)
    oracle: Oracle | None = None
    rank_losses: tuple[float, ...] = ()

    @model_validator(mode="after")
    def _one_origin(self) -> "Card":
        if (self.table is None) == (self.generator is None):
            raise ValueError("give a [table] that says how the files are read")
        if self.hub is not None:
            if self.table is None or self.table.files.all or self.table.format != "csv":
                raise ValueError("a data set on the hub is a table of three csv files")
            pinned = [fact for fact in self.expected.values() if fact.rows is not None and fact.md5]
            if len(pinned) != len(SPLITS):
                facts = "the expected rows and md5 of train, valid and test"
                raise ValueError(f"a data set on the hub needs {facts}")
        return self
