"""Folders of tensors and facts, complete or absent: safetensors and JSON, never pickle.

<folder>/seal.json = {"facts": ..., "files": {"<part>.safetensors": SHA-256}, "sha256": of the rest}
"""

import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

from pydantic import Field
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from benchmark.utils import forms
from benchmark.utils.files import canonical_sha256, published, sha256, sync
from benchmark.utils.types import Frozen, Sha256

SEAL = "seal.json"
SUFFIX = ".safetensors"

Tensors = Mapping[str, Tensor]
T = TypeVar("T")


class Damaged(Exception):
    """A sealed folder that differs from what was written; the message names the file and fault."""


class _Seal(Frozen):
    facts: Any
    files: dict[Annotated[str, Field(pattern=rf"^[A-Za-z0-9][\w-]*\{SUFFIX}$")], Sha256]
    sha256: Sha256


@dataclass(frozen=True)
class Sealed(Generic[T]):
    """`facts` have the form asked for; `parts` are tensors by part and name, on the CPU."""

    facts: T
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


def read(folder: Path, form: type[T], parts_of: Callable[[T], Iterable[str]]) -> Sealed[T]:
    """Read a sealed folder whose facts have a `form` and name its parts. Raises Damaged if anything
    differs from what was written."""
    try:
        seal = forms.parse(_Seal, folder / SEAL)
        if seal.sha256 != canonical_sha256({"facts": seal.facts, "files": seal.files}):
            raise Damaged(f"{SEAL}: its checksum differs")
        facts = forms.checked(form, json.dumps(seal.facts))
        if missing := sorted({f"{part}{SUFFIX}" for part in parts_of(facts)} - seal.files.keys()):
            raise Damaged(f"{SEAL}: names no {missing[0]}")
        parts = {}
        for name, expected in seal.files.items():
            if sha256(folder / name) != expected:
                raise Damaged(f"{name}: its checksum differs")
            # clones: memory-mapped tensors are aligned differently, which can change the last bit
            # of results
            tensors = {key: tensor.clone() for key, tensor in load_file(folder / name).items()}
            parts[name.removesuffix(SUFFIX)] = tensors
    except OSError as error:
        raise Damaged(f"{Path(error.filename or folder).name}: {error.strerror or error}") from None
    except forms.Malformed as fault:
        raise Damaged(f"{SEAL}: {fault}") from None
    except (ValueError, SafetensorError) as error:
        raise Damaged(f"{name}: {forms.shortened(str(error))}") from None
    return Sealed(facts, parts)


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
