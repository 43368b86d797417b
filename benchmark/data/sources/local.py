"""A user's own files: where they lie, and their md5."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Annotated

from pydantic import Field

from benchmark.data.card import Card, TableSpec
from benchmark.data.readers.content import open_bytes
from benchmark.errors import BenchmarkError, MissingData
from benchmark.utils import files, forms
from benchmark.utils.parallel import WORKERS
from benchmark.utils.paths import expanded

SMALL_BYTES = 1 << 26
"""Smaller files are read anew each time, in less than a second."""
Found = Mapping[str, tuple[Path, ...]]
"""The files of each key of the card: one, or parts in order."""


def look_for(table: TableSpec, folders: Sequence[Path]) -> Found:
    """The files and side files of a table in the folder with most of them; an absent one has the
    path where it belongs."""
    candidates = [_found_in(folder, table.files | table.side_files) for folder in folders]
    return min(candidates, key=lambda found: sum(bool(_absent(parts)) for parts in found.values()))


def find_files(table: TableSpec, folders: Sequence[Path]) -> Found:
    """The files and side files of a table in the folder with most of them. Raises MissingData, and
    BenchmarkError for a file that is read more than once, be it by one key or by two."""
    found = look_for(table, folders)
    if absent := [str(path) for parts in found.values() for path in _absent(parts)]:
        missing = " and no file ".join(absent)
        hint = f"put {_pronoun(absent)} there, packed as .gz if you like, or correct the path"
        if any(Path(path).is_dir() for path in absent):
            hint = "a folder needs files in it, and no other folder; name each folder in the card"
        raise MissingData(f"there is no file {missing}; {hint}")
    readers: dict[str, list[str]] = {}
    for key, paths in found.items():
        for path in paths:
            readers.setdefault(str(path.resolve()).removesuffix(".gz"), []).append(key)
    for file, keys in readers.items():
        if len(keys) > 1:
            who = " and ".join(dict.fromkeys(keys))
            who += " read" if len(set(keys)) > 1 else " reads"
            hint = "(a packed copy counts); correct the card, or remove the copy"
            raise BenchmarkError(f"{who} {file} more than once {hint}")
    return found


def how_to_get(card: Card, root: Path) -> str:
    """What to get from where, in which folder of a data root to put it, and what to call then."""
    assert card.table is not None
    parts = (card.table.files | card.table.side_files).values()
    names = [name for names in parts for name in names]
    needed, them, page = ", ".join(names), _pronoun(names), card.source
    if card.archive is not None:
        needed, them = f"{card.archive.file} (or its {needed})", "it"
        page = f"https://huggingface.co/datasets/{card.archive.repo}"
    command = f"`python -m benchmark data prepare {card.id} --data-root {root}`"
    return f"get {needed} from {page}; put {them} in {root / card.id}, then {command}"


def _pronoun(files: Sequence[str]) -> str:
    return "it" if len(files) == 1 else "them"


def by_label(found: Found) -> dict[str, Path]:
    """Each file by its key, and by its position among several of one key: "train", "test[1]"."""
    paths = {}
    for key, parts in found.items():
        for position, path in enumerate(parts):
            paths[key if len(parts) == 1 else f"{key}[{position}]"] = path
    return paths


def _found_in(folder: Path, files: Mapping[str, Sequence[str]]) -> Found:
    found = {}
    for key, names in files.items():
        parts = [parts_of(folder / expanded(name)) for name in names]
        found[key] = tuple(path for paths in parts for path in paths)
    return found


def parts_of(path: Path) -> list[Path]:
    """The file, its packed form, or the files of a folder in the order of their names, numbers in
    them by value (part.2 before part.10); the path as it is if none is there. Raises
    BenchmarkError for a path that the system refuses."""
    try:
        if path.is_dir():
            inside = [part for part in path.iterdir() if not part.name.startswith((".", "_"))]
            return sorted(inside, key=_by_numbers) or [path]
        forms = [path, path.with_name(f"{path.name}.gz"), path.with_suffix(".gz")]
        return [next((form for form in forms if form.is_file()), path)]
    except OSError as error:
        raise BenchmarkError(f"{path} cannot be read: {error.strerror or error}") from None


def _by_numbers(path: Path) -> tuple[list[tuple[int, str]], str]:
    """The words and numbers of a name; then the name itself, as 1 and 01 are one number."""
    words = re.findall(r"[0-9]+|[^0-9]+", path.name)
    return [(int(word), "") if word[0].isdecimal() else (-1, word) for word in words], path.name


def _absent(parts: Sequence[Path]) -> list[Path]:
    return [path for path in parts if not path.is_file()]


def md5_sums(paths: Mapping[str, Path], memory: Path) -> dict[str, str]:
    """The md5 of each file by its label; of the unpacked content if it is gzip. The JSON file
    `memory` keeps the sums of large files until they change."""
    cached = _read_memory(memory)

    def md5_of(path: Path) -> str:
        kept = cached.get(_state(path)) if path.stat().st_size >= SMALL_BYTES else None
        return kept or md5(path)

    with ThreadPoolExecutor(WORKERS) as pool:
        sums = list(pool.map(md5_of, paths.values()))
    remember(dict(zip(paths.values(), sums, strict=True)), memory)
    return dict(zip(paths, sums, strict=True))


def remember(sums: Mapping[Path, str], memory: Path) -> None:
    """Add the md5 of files to the memory."""
    cached = _read_memory(memory)
    new = {_state(path): md5 for path, md5 in sums.items()}
    if not new.items() <= cached.items():
        files.write_text(memory, json.dumps(cached | new, indent=1, sort_keys=True))


def md5(path: Path) -> str:
    with open_bytes(path) as file:
        return hashlib.file_digest(file, partial(hashlib.md5, usedforsecurity=False)).hexdigest()


Md5 = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


def _read_memory(memory: Path) -> dict[str, str]:
    try:
        return forms.parse(dict[str, Md5], memory)
    except forms.Malformed:  # they are computed again
        return {}


def _state(path: Path) -> str:
    """What differs after a change: a program may set the time of modification back (mtime), but not
    that of the last change of anything (ctime)."""
    stat = path.stat()
    facts = stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
    return "|".join(map(str, (path.resolve(), *facts)))
