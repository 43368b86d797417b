"""The card of a data set: what it is, where it comes from, and how its columns are encoded."""

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from benchmark.data.repository import Hub, HubDataset, HubForm
from benchmark.data.rules import Choice, Rule, RuleText, parse
from benchmark.utils.types import Count, Frozen, Name, NonEmpty, Sha256

SPLITS = ("train", "valid", "test")


def _as_tuple(value: object) -> object:
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


def _as_separator(text: str) -> str:
    narrow = len(text) > 1 or text.isascii()  # fields are parsed at one byte
    if not text or not narrow or set(text) & set('"\r\n'):
        raise ValueError("the separator is one ASCII character or several, no quote or line end")
    return text


def _as_encoding(name: str) -> str:
    try:
        "".encode(name)
    except (LookupError, ValueError):
        raise ValueError(f"{name!r} is no text encoding; utf-8, latin-1 and cp1252 are") from None
    return name


Separator = Annotated[str, AfterValidator(_as_separator)]
Encoding = Annotated[str, AfterValidator(_as_encoding)]
Names = Annotated[tuple[NonEmpty, ...], BeforeValidator(_as_tuple)]


class SplitRule(Frozen):
    """How the rows of `all` are divided into train, valid and test: shuffled within each class
    (stratified), shuffled (random), in file order (ordered), or by rules on the values of a column
    (column), where rows of no split are left out."""

    method: Literal["stratified", "random", "ordered", "column"] = "stratified"
    parts: tuple[Count, Count, Count] = (8, 1, 1)
    seed: Annotated[int, Field(ge=0)] = 2018
    column: NonEmpty | None = None
    train: RuleText | None = None
    valid: RuleText | None = None
    test: RuleText | None = None

    @model_validator(mode="after")
    def _one_method(self) -> "SplitRule":
        by_column = {"column", "train", "valid", "test"}
        given = set(self.model_dump(exclude_defaults=True)) - {"method"}
        if self.method == "column" and given != by_column:
            raise ValueError('method = "column" takes column, train, valid and test, and no others')
        if self.method != "column" and (wrong := sorted(given & by_column)):
            raise ValueError(f'{", ".join(wrong)}: only with method = "column"')
        return self

    @property
    def rules(self) -> dict[str, Rule]:
        """The rule of each split; none unless rows are divided by a column."""
        texts = {"train": self.train, "valid": self.valid, "test": self.test}
        return {split: parse(text) for split, text in texts.items() if text is not None}


class Expected(Frozen):
    """Facts that the files of one split must match; unknown ones are left out."""

    rows: int | None = None
    positives: int | None = None
    md5: str | None = None


class Oracle(Frozen):
    """Quality of the true click probability on the test split, for generated data."""

    auc: float
    logloss: float


class Naive(Frozen):
    """What the rates of a few ids in train alone reach on the test split: see measure/naive.py."""

    fields: Names
    auc: float
    logloss: float
    gauc: float | None = None


class Derived(Frozen):
    """A column computed from the column `of` of the files by a rule of readers/rows.py."""

    rule: Literal["hour_of_day", "weekday", "is_weekend", "squared_log_bucket"]
    of: NonEmpty


class RowFilter(Frozen):
    """Rows are kept where the column fulfils the rule."""

    column: NonEmpty
    keep: RuleText


class Join(Frozen):
    """A side file with one row a key, whose columns are added to the rows.

    `on` is the key's column, or its names in the rows and in the side file. All columns of the file
    can be used, or those that `columns` names. The file has the table's format and separator, or
    its own, and a header line unless `header` names its columns."""

    file: NonEmpty
    on: Annotated[Names, Field(min_length=1, max_length=2)]
    columns: tuple[NonEmpty, ...] | None = None
    format: Literal["csv", "parquet"] | None = None
    separator: Separator | None = None
    header: tuple[NonEmpty, ...] = ()


class TableSpec(Frozen):
    """A data set in files: format, columns and encoding rules.

    `files` are paths relative to the data root or the card: of train, valid and test, or of `all`
    and a split rule. Several paths of one key, and the files of a folder in the order of their
    names, are parts, read one after the other. A file may be there as NAME.gz. Instead of a format,
    a registered `source` makes the rows from files of any keys, one file a key.

    `header` names the columns of csv files without a header line. `missing` are words, such as
    NULL, that stand for no value as an empty field does. Columns of libsvm and libffm files are
    named by their index or field, and `label` is only a name for the first word of a line. Labels
    are 0 or 1 unless a rule says which are `positive`; rows whose label fulfils `drop` are left
    out. `group`, for AUC per group, may be a sparse column. A derived column may share the name of
    its source column."""

    format: Literal["csv", "parquet", "libsvm", "libffm"] | None = None
    source: NonEmpty | None = None
    files: dict[NonEmpty, Names]
    split: SplitRule | None = None
    separator: Separator = ","
    encoding: Encoding = "utf-8"
    missing: Names = ()
    header: tuple[NonEmpty, ...] = ()
    join: tuple[Join, ...] = ()
    filter: tuple[RowFilter, ...] = ()
    label: NonEmpty = "label"
    positive: RuleText | None = None
    drop: RuleText | None = None
    dense: tuple[NonEmpty, ...] = ()
    sparse: tuple[NonEmpty, ...] = ()
    group: NonEmpty | None = None
    derive: dict[NonEmpty, Derived] = Field(default_factory=dict)
    min_count: Count = 1
    dense_rule: Literal["log", "none", "standard"] = "log"

    @model_validator(mode="after")
    def _one_reader(self) -> "TableSpec":
        if (self.format is None) == (self.source is None):
            raise ValueError('give a format ("csv", "parquet", "libsvm" or "libffm"), or a source')
        if self.source is not None:
            if several := [key for key, paths in self.files.items() if len(paths) != 1]:
                raise ValueError(f"files.{several[0]}: a source takes one file for each key")
            return self
        if set(self.files) not in (set(SPLITS), {"all"}) or not all(self.files.values()):
            raise ValueError("files: give train, valid and test, or `all` and [table.split]")
        if ("all" in self.files) != (self.split is not None):
            raise ValueError("files.all and a [table.split] rule belong together")
        return self

    @model_validator(mode="after")
    def _consistent(self) -> "TableSpec":
        features = (self.label, *self.dense, *self.sparse)
        if repeated := sorted(name for name, times in Counter(features).items() if times > 1):
            raise ValueError(f"label, dense and sparse name {', '.join(repeated)} more than once")
        if self.group == self.label or self.group in self.dense:
            raise ValueError(f"the group column {self.group} is also the label or a dense column")
        if not self.dense and not self.sparse:
            raise ValueError("name at least one dense or sparse column")
        if self.encoding != "utf-8" and self.format in ("parquet", None):
            raise ValueError("encoding is that of csv, libsvm and libffm files")
        if unused := [name for name in self.derive if name not in self.columns[1:]]:
            names = ", ".join(unused)
            raise ValueError(f"derive makes {names}, which is no dense, sparse or group column")
        if self.header and self.format != "csv":
            other = self.format or f"that of the source {self.source}"
            raise ValueError(f"header names the columns of csv files; the format is {other}")
        named = set(self.header)
        if len(named) != len(self.header):
            raise ValueError("header names a column more than once")
        absent = [name for name in self.needed(self.columns) if name not in named]
        if self.header and absent and not self.join:
            raise ValueError(f"header does not name {', '.join(absent)}")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column of the data set, once; the label is the first."""
        group = [self.group] if self.group else []
        return tuple(dict.fromkeys([self.label, *self.dense, *self.sparse, *group]))

    def needed(self, columns: Iterable[str]) -> list[str]:
        """The raw columns that these are read or derived from, and those by which rows are chosen
        and joined, once."""
        raw = [self.derive[name].of if name in self.derive else name for name in columns]
        raw += [choice.column for choice in self.choices]
        return list(dict.fromkeys([*raw, *(join.on[0] for join in self.join)]))

    @property
    def side_files(self) -> dict[str, tuple[str, ...]]:
        """The paths of the joined files, by labels of their own."""
        return {f"join[{at}]": (join.file,) for at, join in enumerate(self.join)}

    @property
    def choices(self) -> list[Choice]:
        """What a row must fulfil to be part of the data set, by raw columns."""
        choices = [Choice(each.column, (parse(each.keep),)) for each in self.filter]
        if self.drop is not None:
            choices.append(Choice(self.label, (parse(self.drop),), wanted=False))
        if self.split is not None and self.split.column is not None:
            choices.append(Choice(self.split.column, tuple(self.split.rules.values())))
        return choices

    def without_choices(self) -> "TableSpec":
        """The same table for rows that all are kept and have no labels."""
        return self.model_copy(update={"filter": (), "drop": None, "split": None})


class Card(Frozen):
    """One data set, in files (`table`) or generated (`generator`: its size and version).

    `published_rows` is the number of embedding rows behind the published results: the tokens,
    padding and out-of-vocabulary row of each sparse field, and one row for each dense column. The
    `rank_losses` are the shares of a generator's interactions, as variance of the logit, that their
    best approximation in 1, 2, ... dimensions a field loses. `arrays` is the fingerprint of the
    encoded rows, where files that differ may give the same. `dense_parameters` is the band, least
    and most, in which untuned defaults are sized, so that their rows compare. The built-in cards
    are the files of the folder `cards`."""

    id: Name
    title: NonEmpty
    source: str = ""
    terms: str = ""
    citation: str = ""
    caveat: str = ""
    embedding_dim: Count = 16
    dense_parameters: tuple[Count, Count] | None = None
    table: TableSpec | None = None
    hub: HubForm | None = None
    published_rows: int | None = None
    generator: str | None = None
    expected: dict[Literal["train", "valid", "test"], Expected] = Field(default_factory=dict)
    arrays: Sha256 | None = None
    oracle: Oracle | None = None
    naive: Naive | None = None
    rank_losses: tuple[float, ...] = ()

    @model_validator(mode="after")
    def _one_origin(self) -> "Card":
        if (self.table is None) == (self.generator is None):
            raise ValueError("give a [table] that says how the files are read")
        table = self.table
        if self.streamed is not None:
            if table is None or table.format is None:
                raise ValueError("the files of a data set on the hub need a format in [table]")
            if any(fact.md5 for fact in self.expected.values()):
                raise ValueError("expected.md5 is for files; the revision pins those on the hub")
        if self.archive is not None:
            if table is None or table.join or "all" in table.files or table.format != "csv":
                raise ValueError("a data set on the hub is a table of three csv files")
            pinned = [fact for fact in self.expected.values() if fact.rows is not None and fact.md5]
            if len(pinned) != len(SPLITS):
                facts = "the expected rows and md5 of train, valid and test"
                raise ValueError(f"a data set on the hub needs {facts}")
        return self

    @model_validator(mode="after")
    def _naive_fields_exist(self) -> "Card":
        sparse = self.table.sparse if self.table else ()
        absent = [name for name in self.naive.fields if name not in sparse] if self.naive else []
        if absent:
            raise ValueError(f"naive.fields: {', '.join(absent)} is no sparse column of the table")
        return self

    @property
    def archive(self) -> Hub | None:
        """The zip on the hub that holds the files."""
        return self.hub if isinstance(self.hub, Hub) else None

    @property
    def streamed(self) -> HubDataset | None:
        """The repository on the hub whose files are read as a stream."""
        return self.hub if isinstance(self.hub, HubDataset) else None
