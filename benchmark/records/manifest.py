"""The manifest of a results folder: the generated files that `verify` does not make again.

<results>/manifest.json = {"format": 1, "files": {PATH: {"sha256": ..., "inputs": {PATH: SHA-256}}}}

Paths are below the results folder. Figures, simulations, measurements and tuning trials take too
long to be made again, so the command that writes one lists it, with the digests of what it is made
from: one that is altered, deleted, stale or added by hand shows.
"""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from benchmark.records.archive import Archive
from benchmark.records.record import arrays_path, write
from benchmark.utils import forms
from benchmark.utils.files import canonical_sha256, sha256
from benchmark.utils.types import Frozen, Sha256

FILE = "manifest.json"
COMMAND = "python -m benchmark results manifest"
DEEPEST = 4
"""Parts of the longest path that is listed."""
NAME = r"[A-Za-z0-9][\w.,=-]*"
STUDY = rf"(?P<study>{NAME})/(?P<dataset>{NAME})"

UNLISTED = re.compile(
    rf"""manifest\.json|claims\.(toml|md|json)|published\.toml|leaderboard\.(md|csv|json)|report/index\.html
    |speed/(data|fit|together|train)\.md|(studies/{NAME}|scaling)/{NAME}\.(md|json)""",
    re.VERBOSE,
)
"""Written by hand, or made again by `verify`."""


class Kind(NamedTuple):
    """Listed files: their path, the command that makes one, and what it is made from, if from
    files; both in terms of the groups of `path`."""

    path: str
    command: str
    inputs: str = ""


KINDS = (
    Kind(r"significance\.(md|json)", "significance"),
    Kind(r"theory\.(md|json)", "theory --write"),
    Kind(r"scaling/simulation\.(md|json)", "scale simulate"),
    Kind(r"speed/(?P<topic>data|fit|together|train)-[^/]+\.json", "speed {topic} --keep"),
    Kind(rf"studies/tuning/{NAME}/{NAME}\.(json|toml)", "tune"),
    Kind(
        rf"figures/{STUDY}/{NAME}\.(svg|png)", "study tables {study}", "studies/{study}/{dataset}"
    ),
)


class Entry(Frozen):
    """The digests of a file and of the files or folders it is made from."""

    sha256: Sha256
    inputs: dict[str, Sha256]


class Manifest(Frozen):
    format: Literal[1] = 1
    files: dict[str, Entry]


def keep(paths: Iterable[Path]) -> None:
    """List files that were written, each in the manifest of its results folder; a file of no KIND
    is left out. Raises BenchmarkError for a manifest that cannot be read or written."""
    for results, names in _by_results(paths).items():
        manifest = load(results)
        written = {name: _entry(results, name) for name in names}
        _save(results, manifest.files | written)


def keep_all(results: Path) -> list[str]:
    """List every file as it is, and none that is gone; return the names of those that were not
    listed so. The inputs of a file that did not change stay those it was made from."""
    listed = load(results).files
    names = [name for name in _files(results) if _kind(name)]
    found = {name: _entry(results, name) for name in names}
    same = {name: each for name, each in listed.items() if _is_same(found.get(name), each)}
    _save(results, found | same)
    return sorted((found.keys() ^ listed.keys()) | (listed.keys() - same.keys()))


def load(results: Path) -> Manifest:
    """An empty one where there is none. Raises BenchmarkError naming the file and the fault."""
    path = results / FILE
    if not path.exists():
        return Manifest(files={})
    return forms.read(Manifest, path, f"restore it, or delete it and run `{COMMAND}`")


def faults(results: Path) -> Iterator[tuple[Path, str]]:
    """Yield files that are missing, altered, stale or strange, and what to do. Raises as `load`."""
    listed, present = load(results).files, _files(results)
    for name, entry in listed.items():
        if fault := _fault(results, name, entry):
            yield results / name, fault
    archive = Archive(results)
    known = {file for path in archive.all_paths() for file in (path, arrays_path(path))}
    for name in present:
        if name in listed or results / name in known:
            continue
        if kind := _kind(name):
            yield results / name, f"is not in {FILE}; run `{kind}`, or `{COMMAND}`"
        elif not UNLISTED.fullmatch(name):
            yield results / name, "is neither a record, its scores nor a generated file; remove it"


def _fault(results: Path, name: str, entry: Entry) -> str:
    command = _kind(name)
    if not command:
        return f"is listed in {FILE}, and no command makes it; run `{COMMAND}`"
    if not (results / name).is_file():
        return f"is missing; restore it or run `{command}`"
    now = _entry(results, name)
    if now.sha256 != entry.sha256:
        return f"is not as it was written (SHA-256); restore it or run `{command}`"
    if now.inputs != entry.inputs:
        return f"is stale: {', '.join(now.inputs)} has changed since; run `{command}`"
    return ""


def _is_same(found: Entry | None, listed: Entry) -> bool:
    return found is not None and found.sha256 == listed.sha256


def _kind(name: str) -> str:
    """The command that makes a listed file; empty for any other."""
    return next((f"python -m benchmark {command}" for command, _ in _matching(name)), "")


def _matching(name: str) -> Iterator[tuple[str, str]]:
    """Command and inputs of a listed file."""
    for kind in KINDS:
        if match := re.fullmatch(kind.path, name):
            groups = match.groupdict()
            yield kind.command.format(**groups), kind.inputs.format(**groups)


def _entry(results: Path, name: str) -> Entry:
    inputs = [each for _, each in _matching(name) if each]
    digests = {each: _folder_sha256(results / each) for each in inputs}
    return Entry(sha256=sha256(results / name), inputs=digests)


def _folder_sha256(folder: Path) -> str:
    """SHA-256 over the names and digests of all files below a folder."""
    return canonical_sha256({name: sha256(folder / name) for name in _files(folder)})


def _files(folder: Path) -> list[str]:
    """Files below a folder, sorted, without hidden ones, which killed writes leave, and locks."""
    found = []
    for path, folders, names in os.walk(folder):
        folders[:] = [each for each in folders if not each.startswith(".")]
        folders[:] = [each for each in folders if not each.endswith(".locks")]
        found += [Path(path, name) for name in names if not name.startswith(".")]
    return sorted(each.relative_to(folder).as_posix() for each in found)


def _by_results(paths: Iterable[Path]) -> dict[Path, list[str]]:
    """The names of listed files by the results folder in which they lie."""
    found: dict[Path, list[str]] = {}
    for path in paths:
        for depth in range(1, DEEPEST + 1):
            name = "/".join(path.parts[-depth:])
            if _kind(name):
                found.setdefault(path.parents[depth - 1], []).append(name)
    return found


def _save(results: Path, files: dict[str, Entry]) -> None:
    write(Manifest(files=dict(sorted(files.items()))), results / FILE)
