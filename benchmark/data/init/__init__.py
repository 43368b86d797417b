"""A first card for a person's own table, guessed from its first rows, to be edited."""

import os
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.data import catalog
from benchmark.data.card import SPLITS, Card
from benchmark.data.init import columns, text
from benchmark.data.init.columns import Guess
from benchmark.data.init.sample import read_sample
from benchmark.errors import UsageError
from benchmark.utils import toml
from benchmark.utils.files import write_text
from benchmark.utils.paths import LONGEST_NAME, expanded

_GENERAL = {"all", "data", "test", "train", "train_set", "training", "valid"}
"""Names of files that tell nothing of the data set."""


@dataclass(frozen=True)
class Written:
    """The card that was written, and what was guessed."""

    path: Path
    guess: Guess


def write_card(paths: Sequence[Path], output: Path | None, label: str | None) -> Written:
    """Write the card of a table in one file or folder of parts, or in train, valid and test.

    The first sample.ROWS rows of each, of at most sample.BYTES, are looked at. The card goes to
    `output`, or beside the first file with the data set's id as its name; `label` names the column
    of the label if the guess is wrong. Raises UsageError for a wrong number of files, a file that
    does not exist, a card that does, and a table without a label; BenchmarkError for a file that
    cannot be read.

    Example::

        write_card([Path("clicks.csv")], None, None).path     # Path("clicks.toml")
    """
    if len(paths) not in (1, len(SPLITS)):
        raise UsageError(f"{len(paths)} files: give one table, or its train, valid and test files")
    tables = [expanded(path) for path in paths]
    for table in tables:
        if not table.exists():
            raise UsageError(f"{table}: there is no such file or folder")
        if not str(table.resolve()).isprintable():
            raise UsageError(f"{str(table)!r}: rename it, a card cannot hold such a name")
    card = expanded(output) if output else tables[0].parent / f"{_name(tables)}.toml"
    if card.exists():
        raise UsageError(f"{card} exists and is left as it is; name another file with --output")
    sample = read_sample(tables)
    guess = columns.guess(sample, label)
    keys = ["all"] if len(tables) == 1 else list(SPLITS)
    files = {key: _relative(table, card) for key, table in zip(keys, tables, strict=True)}
    content = text.card_text(_id(card.stem), files, sample, guess)
    toml.validate(Card, tomllib.loads(content), str(card))
    write_text(card, content)
    return Written(card, guess)


def _name(tables: Sequence[Path]) -> str:
    """The name of a table's file, or of its folder where that of the file tells nothing."""
    stem = tables[0].name.removesuffix(".gz").rpartition(".")[0] or tables[0].name
    general = len(tables) > 1 or stem.casefold() in _GENERAL
    return _id(tables[0].resolve().parent.name if general else stem)


def _id(name: str) -> str:
    """The id of a data set by a name, short enough and not that of a built-in card."""
    word = re.sub(r"[^A-Za-z0-9_.-]+", "_", name).strip("_.-") or "mine"
    word = word[: LONGEST_NAME - len("_own")]
    return f"{word}_own" if word in catalog.card_names() else word


def _relative(table: Path, card: Path) -> str:
    """The path of a file as the card names it."""
    return Path(os.path.relpath(table.resolve(), card.resolve().parent)).as_posix()
