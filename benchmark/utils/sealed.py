"""Folders of tensors and facts, complete or absent: safetensors and JSON, never pickle.

<folder>/seal.json = {"facts": ..., "files": {"<part>.safetensors": SHA-256}, "sha256": of the rest}
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from benchmark.utils.files import canonical_sha256, published, sha256, sync

SEAL = "seal.json"
SUFFIX = ".safetensors"

Tensors = Mapping[str, Tensor]


class Damaged(Exception):
    """A sealed folder that differs from what was written; the message names the file and fault."""


@dataclass(frozen=True)
class Sealed:
    """`facts` are JSON values; `parts` tensors by part and name, on the CPU."""

    facts: Any
    parts: dict[str, dict[str, Tensor]]


def write(
    folder: Path, facts: Any, parts: Mapping[str, Tensors], same: Mapping[str, Path] | None = None
) -> None:
    """Write a sealed folder; `same` maps further parts to sealed folders that hold them, whose
    files are hard-linked. Raises OSError, and then leaves nothing behind."""
    with published(folder) as partial:
        fill(partial, facts, parts, same)


def fill(
    folder: Path, facts: Any, parts: Mapping[str, Tensors], same: Mapping[str, Path] | None = None
) -> None:
    """Write the files of a sealed folder to one that is there. Raises OSError."""
    files = {}
    for part, tensors in parts.items():
        path = folder / (part + SUFFIX)
        try:
            save_file(_without_shared_memory(tensors), path)
        except SafetensorError as error:
            raise OSError(str(error)) from None
        sync(path)
        files[path.name] = sha256(path)
    for part, source in (same or {}).items():
        path = folder / (part + SUFFIX)
        try:
            path.hardlink_to(source / path.name)
        except OSError:  # a file system without hard links
            shutil.copyfile(source / path.name, path)
            sync(path)
        files[path.name] = json.loads((source / SEAL).read_bytes())["files"][path.name]
    content = {"facts": facts, "files": files}
    seal = json.dumps(content | {"sha256": canonical_sha256(content)}, allow_nan=False)
    (folder / SEAL).write_text(seal, encoding="utf-8")
    sync(folder / SEAL)


def read(folder: Path) -> Sealed:
    """Read a sealed folder. Raises Damaged if anything differs from what was written."""
    try:
        content = json.loads((folder / SEAL).read_bytes())
        if content.pop("sha256") != canonical_sha256(content):
            raise Damaged(f"{SEAL}: its checksum differs")
        parts = {}
        for name, expected in content["files"].items():
            if sha256(folder / name) != expected:
                raise Damaged(f"{name}: its checksum differs")
            # clones: memory-mapped tensors are aligned differently, which can change the last bit
            # of results
            tensors = {key: tensor.clone() for key, tensor in load_file(folder / name).items()}
            parts[name.removesuffix(SUFFIX)] = tensors
    except OSError as error:
        raise Damaged(f"{Path(error.filename or folder).name}: {error.strerror or error}") from None
    except (ValueError, KeyError, AttributeError, TypeError, SafetensorError):
        raise Damaged(f"{SEAL}: is not whole") from None
    return Sealed(content["facts"], parts)


def _without_shared_memory(tensors: Tensors) -> dict[str, Tensor]:
    """Contiguous tensors; those that share memory, as tied weights do, are copied but for one."""
    separate: dict[str, Tensor] = {}
    storages: set[int] = set()
    for name, tensor in tensors.items():
        contiguous = tensor.detach().contiguous()
        storage = contiguous.untyped_storage().data_ptr()
        separate[name] = contiguous.clone() if storage in storages else contiguous
        storages.add(storage)
    return separate
