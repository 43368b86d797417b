"""A folder of tensors and facts that is whole or not there: safetensors and JSON, never pickle,
sealed by SHA-256.

<folder>/seal.json = {"facts": ..., "files": {"<part>.safetensors": SHA-256}, "sha256": of the rest}
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from benchmark.utils.files import canonical_sha256, sync_folder

SEAL = "seal.json"
SUFFIX = ".safetensors"

Tensors = Mapping[str, Tensor]


class Damaged(Exception):
    """A sealed folder that is not what was written; the message says which file, and what is wrong
    with it."""


@dataclass(frozen=True)
class Sealed:
    """`facts` are JSON values; `parts` tensors by part and name, on the CPU."""

    facts: Any
    parts: dict[str, dict[str, Tensor]]


def write(
    folder: Path, facts: Any, parts: Mapping[str, Tensors], same: Mapping[str, Path] | None = None
) -> None:
    """Fills a hidden partial folder beside `folder`, brings it to the disk and renames it.

    `same` names parts that are those of a sealed folder there already: their files are shared by
    hard links.
    Raises OSError, and leaves nothing behind then."""
    partial = partial_folder(folder)
    shutil.rmtree(partial, ignore_errors=True)  # of a process that was killed
    try:
        partial.mkdir(parents=True)
        files = {}
        for part, tensors in parts.items():
            path = partial / (part + SUFFIX)
            try:
                save_file(_apart(tensors), path)
            except SafetensorError as error:
                raise OSError(str(error)) from None
            files[path.name] = _synced_sha256(path)
        for part, source in (same or {}).items():
            path = partial / (part + SUFFIX)
            _link(source / path.name, path)
            files[path.name] = json.loads((source / SEAL).read_bytes())["files"][path.name]
        content = {"facts": facts, "files": files}
        with (partial / SEAL).open("x", encoding="utf-8") as file:
            json.dump(content | {"sha256": canonical_sha256(content)}, file, allow_nan=False)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(partial)
        partial.rename(folder)
        sync_folder(folder.parent)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def read(folder: Path) -> Sealed:
    """Raises Damaged for whatever differs from what was written."""
    try:
        content = json.loads((folder / SEAL).read_bytes())
        if content.pop("sha256") != canonical_sha256(content):
            raise Damaged(f"{SEAL}: its checksum differs")
        parts = {}
        for name, expected in content["files"].items():
            with (folder / name).open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != expected:
                    raise Damaged(f"{name}: its checksum differs")
            # copies: a mapped tensor is aligned otherwise, which may show in the last bit of what
            # is made of it
            parts[name.removesuffix(SUFFIX)] = {
                key: tensor.clone() for key, tensor in load_file(folder / name).items()
            }
    except OSError as error:
        raise Damaged(f"{Path(error.filename or folder).name}: {error.strerror or error}") from None
    except (ValueError, KeyError, AttributeError, TypeError, SafetensorError):
        raise Damaged(f"{SEAL}: is not whole") from None
    return Sealed(content["facts"], parts)


def partial_folder(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.partial")


def _apart(tensors: Tensors) -> dict[str, Tensor]:
    """Contiguous, and copied where two share their memory, as tied weights do: the format has no
    word for that."""
    found: dict[str, Tensor] = {}
    taken: set[int] = set()
    for name, tensor in tensors.items():
        whole = tensor.detach().contiguous()
        place = whole.untyped_storage().data_ptr()
        found[name] = whole.clone() if place in taken else whole
        taken.add(place)
    return found


def _synced_sha256(path: Path) -> str:
    with path.open("rb") as file:
        os.fsync(file.fileno())
        return hashlib.file_digest(file, "sha256").hexdigest()


def _link(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:  # a file system without hard links
        shutil.copyfile(source, target)
        _synced_sha256(target)
