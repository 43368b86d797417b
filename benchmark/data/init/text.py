"""The text of a card with comments that say what was guessed, and from what."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath

from benchmark.data.card import SplitRule
from benchmark.data.init.columns import Column, Guess
from benchmark.data.init.sample import Sample


def card_text(name: str, files: Mapping[str, str], sample: Sample, guess: Guess) -> str:
    """The TOML text of a card for files by split, or for `all` and a split rule."""
    return "\n".join([*_head(name, files, sample), *_table(files, sample, guess)]) + "\n"


def _head(name: str, files: Mapping[str, str], sample: Sample) -> Iterator[str]:
    looked = f"the first {sample.rows.height:,} rows"
    yield f"# Guessed by `python -m benchmark data init` from {looked} alone: check each comment."
    yield f"id = {_quoted(name)}"
    yield f"title = {_quoted(', '.join(PurePath(path).name for path in files.values()))}"
    yield "# source, terms, citation, caveat: where the rows are from, and what their owner asks"
    yield ""


def _table(files: Mapping[str, str], sample: Sample, guess: Guess) -> Iterator[str]:
    table = sample.table
    yield "[table]"
    yield f"format = {_quoted(table.format or '')}"
    yield f"files = {{ {', '.join(f'{key} = {_quoted(path)}' for key, path in files.items())} }}"
    if table.format == "csv":
        yield f"separator = {_quoted(table.separator)}"
    if table.encoding != "utf-8":
        yield f"encoding = {_quoted(table.encoding)}  # check words with accents"
    if table.header:
        yield "# the first line is a row, so that names are made up; write your own"
        yield f"header = {_list(table.header)}"
    if guess.missing:
        where = ", ".join(f"{_quoted(word)} in {_quoted(at)}" for word, at in guess.missing.items())
        yield f"# words for no value: {where}; in all columns they are missing"
        yield f"missing = {_list(guess.missing)}"
    yield f"label = {_quoted(guess.label)}  # {guess.why_label}"
    if guess.positive is not None:
        rule = guess.positive
        yield f"positive = {_quoted(rule) if isinstance(rule, str) else _list(rule)}"
    yield from _columns("dense", guess.of_kind("dense"))
    yield "# leave out what is known only after the click"
    yield from _columns("sparse", guess.of_kind("sparse"))
    for column in guess.of_kind("left out"):
        yield f"# left out: {_quoted(column.name)}, {column.why}"
    for unusable, why in sample.unusable.items():
        yield f"# left out: {_quoted(unusable)}, {why}"
    if guess.group is not None:
        yield f"group = {_quoted(guess.group)}  # by its name; AUC is also averaged over its values"
    yield 'dense_rule = "log"  # sign(x) ln(1 + |x|); or "standard", or "none"'
    yield "min_count = 1  # ids that occur less often in train are one out-of-vocabulary id"
    if "all" in files:
        yield from _split(guess)


def _columns(key: str, columns: Sequence[Column]) -> Iterator[str]:
    if columns:
        yield f"{key} = ["
        yield from (f"    {_quoted(column.name)},  # {column.why}" for column in columns)
        yield "]"


def _split(guess: Guess) -> Iterator[str]:
    rule = SplitRule()
    times = [column.name for column in guess.of_kind("left out") if "time" in column.why]
    yield ""
    yield "[table.split]"
    if times:
        yield "# or by time, in place of method, parts and seed:"
        yield '# method = "column"'
        yield f"# column = {_quoted(times[0])}"
        yield '# train = "< ..."'
        yield "# valid = [...]"
        yield '# test = "> ..."'
    yield f"method = {_quoted(rule.method)}  # shuffled within each class"
    yield f"parts = {list(rule.parts)}"
    yield f"seed = {rule.seed}"


def _list(words: Iterable[str]) -> str:
    return f"[{', '.join(map(_quoted, words))}]"


def _quoted(text: str) -> str:
    """A TOML string; one of JSON but for the character of deletion."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
