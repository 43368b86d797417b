"""A trained model in a folder: weights as safetensors, schema and recipe as JSON.

<folder>/{seal.json, weights.safetensors}
<folder>/encoding/   reads raw rows, see data/encoding/raw.py
"""

import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import AfterValidator, ConfigDict

from benchmark.contract import in_short, own_faults
from benchmark.data.encoding.raw import RawEncoder
from benchmark.data.schema import Schema, Split
from benchmark.data.store import Store
from benchmark.errors import BenchmarkError, UsageError
from benchmark.model import CTRModel
from benchmark.recipes import recipe as recipes
from benchmark.recipes.recipe import Recipe
from benchmark.records.record import Record, whole_recipe
from benchmark.registry import models
from benchmark.training.predict import predict
from benchmark.utils import sealed
from benchmark.utils.files import published
from benchmark.utils.paths import shown
from benchmark.utils.types import Name, Notify, Sha256

ENCODING = "encoding"


@dataclass(frozen=True, kw_only=True)
class _Facts:
    __pydantic_config__ = ConfigDict(extra="forbid")

    format: Literal[1] = 1
    schema: Schema
    recipe: Annotated[dict[str, Any], AfterValidator(whole_recipe)]
    recipe_name: Name | None
    recipe_digest: Sha256
    numerics: int
    seed: int
    data: Sha256
    scores: Sha256


@dataclass(frozen=True)
class SavedModel:
    """A model in eval mode on the CPU; `data`, `scores`: digests of its store and test scores."""

    model: CTRModel
    schema: Schema
    recipe: Recipe
    seed: int
    data: str
    scores: str


def require_free(folder: Path) -> None:
    """Raise UsageError for a folder that holds anything, which a model would have to replace."""
    if folder.is_dir() and any(folder.iterdir()):
        what = "a saved model" if (folder / sealed.SEAL).is_file() else "other files"
        hint = "remove it, or choose another folder with --save-model"
        raise UsageError(f"{shown(folder)} holds {what}, and nothing is overwritten; {hint}")


def save(model: CTRModel, record: Record, store: Store, folder: Path) -> None:
    """Write the model of `record` to a free folder, which is complete or absent. Raises
    BenchmarkError."""
    facts = _Facts(
        schema=store.schema,
        recipe=record.recipe,
        recipe_name=record.name,
        recipe_digest=record.recipe_digest,
        numerics=record.numerics,
        seed=record.seed,
        data=record.data.arrays,
        scores=record.digests.scores,
    )
    try:
        with published(folder) as partial:
            sealed.fill(partial, asdict(facts), {"weights": model.state_dict()})
            shutil.copytree(store.encoding_folder, partial / ENCODING)
    except OSError as error:
        copied = isinstance(error, shutil.Error)  # a list of (source, target, why)
        why = error.args[0][0][2] if copied else error.strerror or error
        fault = f"the model cannot be saved: {why}; make room or choose another folder"
        raise BenchmarkError(f"{shown(folder)}: {fault}; the record of the run is kept") from None


def load(folder: Path) -> SavedModel:
    """Raises UsageError if there is none, BenchmarkError for a damaged one or another format."""
    where = shown(folder)
    if not (folder / sealed.SEAL).is_file():
        raise UsageError(f"{where}: no saved model (`run --save-model` makes one)")
    try:
        content = sealed.read(folder, _Facts, lambda _: ["weights"])
    except sealed.Damaged as damage:
        fault = f"the saved model is damaged: {damage}; save it again (run --save-model)"
        raise BenchmarkError(f"{where}: {fault}") from None
    facts = content.facts
    table = {key: facts.recipe.get(key) for key in ("model", "train")}
    recipe = recipes.parse(table, str(facts.recipe.get("dataset")), where)
    recipe = replace(recipe, name=facts.recipe_name)
    if recipe.digest() != facts.recipe_digest:
        raise BenchmarkError(f"{where}: its recipe has another meaning now; train the model again")
    with own_faults(recipe.model, models.get(recipe.model)):
        model: CTRModel = recipe.build(facts.schema).model
    try:
        model.load_state_dict(content.parts["weights"])
    except RuntimeError as error:
        why = f"its weights do not fit {recipe.model}: {in_short(error)}"
        raise BenchmarkError(f"{where}: {why}") from None
    return SavedModel(model.eval(), facts.schema, recipe, facts.seed, facts.data, facts.scores)


def score(
    folder: Path, rows: Path, notify: Notify = lambda _: None
) -> Iterator[NDArray[np.float32]]:
    """Logits [n] of the rows of a file in the form of the training files, or of the files of a
    folder in the order of their names, some rows at a time; labels are not needed.

    `notify` is told of what is skipped. Raises as `load`, and BenchmarkError for a broken row and
    for a score that is not finite.

    Example::

        logit = np.concatenate(list(score(Path("models/synthetic/dnn/seed-0"), Path("rows.csv"))))
    """
    saved = load(folder)
    name = saved.recipe.model
    for dense, sparse in RawEncoder(folder / ENCODING).read(rows, notify):
        unlabelled = Split(dense, sparse, np.zeros(len(dense), np.uint8))
        try:
            with own_faults(name, models.get(name)):
                logit = predict(saved.model, unlabelled, torch.device("cpu"))
        except FloatingPointError as error:
            raise BenchmarkError(f"{shown(rows)}: {error}") from None
        yield logit
