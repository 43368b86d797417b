"""A recipe: the model, its hyperparameters, how it is trained and on which data set.

One file is one row of the leaderboard; its path `recipes/<dataset>/<name>.toml` gives data set and
name. [model] and [train] hold what is run, [provenance] where these values come from
(provenance.py), [search] what a tuning study varies (search.py), and [scaling] the sizes of a
scaling law (scaling.py)."""

import difflib
import tomllib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_args

import torch
from pydantic import ConfigDict, Field

from benchmark import registry
from benchmark.data.schema import Schema
from benchmark.data.shuffle import Shuffle
from benchmark.errors import UsageError
from benchmark.model import CTRModel, added_later
from benchmark.recipes import scaling, search, signature
from benchmark.recipes.files import recipe_ids, recipe_path
from benchmark.recipes.precision import Precision, lower
from benchmark.recipes.provenance import Kind, Provenance
from benchmark.recipes.scaling import Family
from benchmark.recipes.search import Search
from benchmark.utils import toml
from benchmark.utils.files import canonical_sha256
from benchmark.utils.paths import require_name, shown
from benchmark.utils.types import Count, Frozen, NotNegative, Positive

GROUPS = ("model", "train")
"""The tables of a recipe that hold settings."""


Monitor = Literal["auc", "logloss", "auc-logloss"]
MONITORS: dict[Monitor, str] = {
    "auc": "AUC",
    "logloss": "LogLoss",
    "auc-logloss": "AUC minus LogLoss",
}
"""The monitors and their titles."""


class Train(Frozen):
    """The training protocol; the defaults are those of the published numbers (FuxiCTR / BARS).

    The texts below the settings become the table of docs/recipes.md."""

    model_config = ConfigDict(use_attribute_docstrings=True)
    added_later: ClassVar[frozenset[str]] = frozenset({"shuffle", "compile", "precision"})
    """What a digest leaves out while it has its default."""
    ending: ClassVar[frozenset[str]] = frozenset(
        {"epochs", "monitor", "patience", "plateau_factor", "min_learning_rate", "evaluate_every"}
    )
    """What decides when the learning rate falls, when a run ends and which weights are kept."""
    slack: ClassVar[frozenset[str]] = ending | {"clip_norm", "compile", "precision"}
    """Settings that may bind in no step: a norm that is never reached, a compiler that lacks, the
    precision of products in a model without any."""

    batch_size: Count = 4096
    """Rows of a step."""
    epochs: Count = 100
    """Most passes over the training rows."""
    optimizer: Literal["adam", "sparse_adam", "rowwise_adagrad"] = "adam"
    """Dense, exact Adam; `sparse_adam` and `rowwise_adagrad` move, penalise and clip only the table
    rows of the batch."""
    learning_rate: Positive = 1e-3
    """Learning rate of the first step."""
    embedding_l2: NotNegative = 0.0
    """λ of (λ/2)‖·‖² over whole tables and the vectors of dense fields; inside the clip norm."""
    dense_l2: NotNegative = 0.0
    """The same over every other weight and bias."""
    clip_norm: Positive = 10.0
    """Largest global gradient norm."""
    monitor: Monitor | Literal["both"] = "both"
    """What is watched on validation: `auc`, `logloss`, their difference `auc-logloss`, or `both`,
    which keeps the best weights by AUC and those by LogLoss."""
    patience: Count = 2
    """Evaluations without improvement that end a run."""
    plateau_factor: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Factor of the learning rate after an evaluation without improvement."""
    min_learning_rate: Positive = 1e-6
    """Lowest learning rate."""
    evaluate_every: Count | None = None
    """Steps between evaluations; once an epoch if left out."""
    shuffle: Shuffle = "rows"
    """Order of an epoch: uniform over all `rows`, or `blocks` for data larger than memory."""
    compile: bool = False
    """Use `torch.compile`, which changes the last bits; a record notes it, also if no compiler
    works."""
    precision: Precision = "float32"
    """Of matrix products in training and scoring: `float32`, `bf16` (bfloat16), or `tf32` on a GPU;
    weights, loss and update stay float32."""

    @property
    def monitors(self) -> tuple[Monitor, ...]:
        """The watched metrics; what is ranked comes from the best epoch by the first."""
        return ("auc", "logloss") if self.monitor == "both" else (self.monitor,)


class _RecipeFile(Frozen):
    model: dict[str, Any]
    train: Train = Train()
    search: dict[str, Any] | None = None
    scaling: dict[str, Any] | None = None
    provenance: Provenance | None = None


@dataclass(frozen=True)
class Built:
    """An untrained model, and its warnings: notes that label its runs."""

    model: CTRModel
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Recipe:
    """What is run, with every default resolved; `name` is None for an ad hoc recipe.
    Example::

        recipe = recipes.load("synthetic/dcnv2")
        recipe.train.learning_rate                        # 0.001
        recipe.dotted()["model.embedding_dim"]            # 8
        recipes.override(recipe, ["train.epochs=1"]).id   # "synthetic/dcnv2 (ad hoc)"
    """

    dataset: str
    model: str
    hyperparameters: Mapping[str, Any]
    train: Train
    name: str | None = None
    search: Search | None = None
    scaling: Family | None = None
    provenance: Provenance | None = None
    """None for a changed recipe, and for one's own file that states none."""

    @property
    def id(self) -> str:
        return f"{self.dataset}/{self.name or self.model + ' (ad hoc)'}"

    def resolved(self) -> dict[str, Any]:
        """The recipe as plain JSON values, with defaults and with the provenance but for its
        note."""
        table = {"dataset": self.dataset, **self.settings()}
        if self.provenance is not None:
            table["provenance"] = self.provenance.stated()
        return table

    def settings(self) -> dict[str, dict[str, Any]]:
        """The tables model and train, as in a file."""
        return {
            "model": {"name": self.model, **self.hyperparameters},
            "train": self.train.model_dump(mode="json"),
        }

    def dotted(self) -> dict[str, Any]:
        """The settings by dotted key, e.g. `train.epochs`."""
        return dotted(self.settings())

    def digest(self) -> str:
        """SHA-256 of the canonical JSON of what is run: without the provenance, which moves no
        number, and without settings that were added later and have their default."""
        table: dict[str, Any] = {"dataset": self.dataset, **self.settings()}
        later = (
            ("model", added_later(registry.models.get(self.model)), signature.defaults(self.model)),
            ("train", Train.added_later, Train().model_dump()),
        )
        for group, keys, defaults in later:
            for key in keys:
                if table[group][key] == defaults[key]:
                    del table[group][key]
        return canonical_sha256(table)

    def build(self, schema: Schema) -> Built:
        """The untrained model, which computes in its precision, and its warnings. Raises UsageError
        for hyperparameters that do not fit the data."""
        arguments = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in self.hyperparameters.items()
        }
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            try:
                model = registry.models.get(self.model)(schema, **arguments)
            except ValueError as error:
                raise UsageError(f"recipe {self.id}: {error}") from error
        lower(model, self.train.precision)
        return Built(model, tuple(dict.fromkeys(str(warning.message) for warning in caught)))


def dotted(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a resolved recipe, as a record holds it, by dotted key. Those of training
    that an older record does not state have their default."""
    table = {f"{group}.{key}": value for group in GROUPS for key, value in recipe[group].items()}
    for key in sorted(Train.added_later):
        table.setdefault(f"train.{key}", Train.model_fields[key].default)
    return table


def load(recipe_id: str, folder: Path | None = None) -> Recipe:
    """The recipe `DATASET/NAME`, or the ad hoc one of one's own file `.../DATASET/NAME.toml`.
    Raises UsageError for an unknown id or a wrong file."""
    path = recipe_path(recipe_id, folder)
    if recipe_id.endswith(".toml"):
        return parse(toml.read(path), path.parent.name, recipe_id)
    recipe = parse(toml.read(path), path.parent.name, shown(path))
    if recipe.provenance is None:
        form = f"[provenance], kind = one of {', '.join(get_args(Kind))}, and tries = N"
        fault = f"key 'provenance' is missing: say where the values come from: {form}"
        raise UsageError(f"{shown(path)}: {fault}")
    require_name(path.stem, shown(path))
    return replace(recipe, name=path.stem)


def find(model: str, dataset: str, folder: Path | None = None) -> Recipe:
    """The recipe `DATASET/MODEL` if there is one, else an ad hoc one of the model's defaults."""
    if f"{dataset}/{model}" in recipe_ids(folder):
        return load(f"{dataset}/{model}", folder)
    registry.models.get(model)
    return parse({"model": {"name": model}}, dataset, f"model {model}")


def parse(table: dict[str, Any], dataset: str, where: str) -> Recipe:
    """A recipe from plain tables. Raises UsageError naming `where`, the key and the allowed
    names."""
    file = toml.validate(_RecipeFile, table, where)
    hyperparameters = dict(file.model)
    name = hyperparameters.pop("name", None)
    if not isinstance(name, str):
        known = ", ".join(registry.models.names())
        raise UsageError(f"{where}: key 'model.name' is missing; known models: {known}")
    try:
        form = signature.form(name)
    except UsageError as error:
        raise UsageError(f"{where}: model.name: {error}") from None
    model = toml.validate(form, {"model": hyperparameters}, where)
    values = model.model_dump(mode="json")["model"]
    recipe = Recipe(dataset, name, values, file.train, provenance=file.provenance)
    if file.search is not None:
        recipe = replace(recipe, search=search.parse(file.search, recipe.dotted(), where))
    if file.scaling is None:
        return recipe
    where = f"{where}: [scaling]"
    family = scaling.parse(file.scaling, recipe.dotted(), where)
    for number, step in enumerate(family.steps, start=1):
        vary(recipe, step.settings(family.rates[0]), f"{where} step {number}")
    return replace(recipe, scaling=family)


def override(recipe: Recipe, assignments: Sequence[str]) -> Recipe:
    """`recipe` with dotted `key=value` settings: an ad hoc recipe. Raises UsageError for a wrong
    key or value."""
    values, known = {}, recipe.dotted()
    for assignment in assignments:
        key, equals, text = (part.strip() for part in assignment.partition("="))
        group, _, name = key.partition(".")
        if not (equals and name) or group not in GROUPS:
            names = {each.partition(".")[2]: each for each in known}
            near = difflib.get_close_matches(name or key, names, n=1)
            hint = f"; did you mean {names[near[0]]}={text}?" if near and equals else ""
            raise UsageError(f"--set {assignment}: write model.KEY=VALUE or train.KEY=VALUE{hint}")
        if key == "model.name":
            raise UsageError("--set model.name=...: choose the model with --model")
        try:
            values[key] = tomllib.loads(f"value = {text}")["value"]
        except (ValueError, RecursionError):  # no TOML, too many digits, or too deep
            values[key] = text
        if isinstance(known.get(key), list) and not isinstance(values[key], list):
            raise UsageError(f"--set {assignment}: a list is written in brackets: '{key}=[{text}]'")
    return vary(recipe, values, "--set " + " ".join(assignments))


def vary(recipe: Recipe, values: Mapping[str, Any], where: str) -> Recipe:
    """`recipe` with other values by dotted key: an ad hoc recipe. Raises UsageError for a wrong key
    or value."""
    return parse(with_values(recipe.settings(), values), recipe.dataset, where)


def with_values(tables: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The tables of settings of a recipe with other values by dotted key."""
    changed = {group: dict(tables.get(group, {})) for group in GROUPS}
    for key, value in values.items():
        group, _, name = key.partition(".")
        changed[group][name] = value
    return changed


def on_meta(recipe: Recipe, schema: Schema) -> Built:
    """The recipe's model without memory for its weights."""
    with torch.device("meta"):
        return recipe.build(schema)
