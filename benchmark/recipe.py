"""A recipe: which model with which hyperparameters is trained how, on which data set. One file is one row.

    [model]
    name = "rankelastor"
    num_blocks = 2

    [train]
    learning_rate = 1e-3

Its path `recipes/<dataset>/<name>.toml` gives data set and name.
"""

import inspect
import tomllib
import typing
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from benchmark import registry, toml
from benchmark.data.schema import Schema
from benchmark.data.shuffle import Shuffle
from benchmark.errors import UsageError
from benchmark.files import canonical_sha256
from benchmark.paths import RECIPES, shown

Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]
Penalty = Annotated[float, Field(ge=0)]


class Train(BaseModel):
    """The training protocol. Defaults are those of the published numbers (FuxiCTR / BARS)."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")
    added_later: ClassVar[frozenset[str]] = frozenset({"shuffle", "compile"})

    batch_size: Count = 4096
    epochs: Count = 100
    optimizer: Literal["adam", "sparse_adam", "rowwise_adagrad"] = "adam"
    """Exact dense Adam, or one that moves only the table rows of the batch."""
    learning_rate: Positive = 1e-3
    embedding_l2: Penalty = 0.0
    """lambda of (lambda / 2) ||E||^2 over whole tables and the dense fields' vectors."""
    dense_l2: Penalty = 0.0
    """The same for every other weight matrix and bias."""
    clip_norm: Positive = 10.0
    monitor: Literal["auc", "logloss"] = "auc"
    patience: Count = 2
    """Evaluations without improvement before the run stops."""
    plateau_factor: Annotated[float, Field(gt=0, le=1)] = 0.1
    min_learning_rate: Positive = 1e-6
    evaluate_every: Count | None = None
    """Steps between evaluations; once an epoch where it is left out."""
    shuffle: Shuffle = "rows"
    """Blocks: for data larger than memory, see benchmark/data/shuffle.py."""
    compile: bool = False
    """Run the model through torch.compile, which changes the last bits."""


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    model: dict[str, Any]
    train: Train = Train()


@dataclass(frozen=True)
class Built:
    """An untrained model, and what it warned of: notes that label its runs."""

    model: Any
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Recipe:
    """What is run, with every default resolved. `name` is None for an ad hoc recipe that no file holds."""

    dataset: str
    model: str
    hyperparameters: Mapping[str, Any]
    train: Train
    name: str | None = None

    def resolved(self) -> dict[str, Any]:
        """The recipe as plain JSON values, defaults included."""
        return {
            "dataset": self.dataset,
            "model": {"name": self.model, **self.hyperparameters},
            "train": self.train.model_dump(mode="json"),
        }

    def digest(self) -> str:
        """SHA-256 of canonical JSON; settings added later are left out while they have their default."""
        table = self.resolved()
        added_to_model: frozenset[str] = getattr(registry.models.get(self.model), "added_later", frozenset())
        _drop_defaults(table["model"], _defaults(self.model), added_to_model)
        _drop_defaults(table["train"], Train().model_dump(mode="json"), Train.added_later)
        return canonical_sha256(table)

    def build(self, schema: Schema) -> Built:
        """The model, untrained, and its warnings. Raises UsageError for hyperparameters that do not fit the data."""
        arguments = {key: tuple(v) if isinstance(v, list) else v for key, v in self.hyperparameters.items()}
        model = registry.models.get(self.model)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            try:
                built = model(schema, **arguments)
            except ValueError as error:
                raise UsageError(f"recipe {self.id}: {error}") from error
        return Built(built, tuple(dict.fromkeys(str(warning.message) for warning in caught)))

    @property
    def id(self) -> str:
        return f"{self.dataset}/{self.name or self.model + ' (ad hoc)'}"


def recipe_ids(folder: Path = RECIPES) -> list[str]:
    """Every `DATASET/NAME` on disk, sorted."""
    return sorted(f"{path.parent.name}/{path.stem}" for path in folder.glob("*/*.toml"))


def load(recipe_id: str, folder: Path = RECIPES) -> Recipe:
    """The recipe `DATASET/NAME`. Raises UsageError for an unknown id or a wrong file."""
    path = folder / f"{recipe_id}.toml"
    if recipe_id.count("/") != 1 or not path.is_file():
        raise registry.unknown("recipe", recipe_id, recipe_ids(folder))
    return replace(parse(toml.read(path), path.parent.name, shown(path)), name=path.stem)


def find(model: str, dataset: str, folder: Path = RECIPES) -> Recipe:
    """The recipe `DATASET/MODEL` where there is one, otherwise the model's constructor defaults, ad hoc."""
    if f"{dataset}/{model}" in recipe_ids(folder):
        return load(f"{dataset}/{model}", folder)
    registry.models.get(model)
    return parse({"model": {"name": model}}, dataset, f"model {model}")


def parse(table: dict[str, Any], dataset: str, where: str) -> Recipe:
    """A recipe from plain tables. Raises UsageError naming `where`, the key and the allowed names."""
    file = toml.validate(_File, table, where)
    hyperparameters = dict(file.model)
    name = hyperparameters.pop("name", None)
    if not isinstance(name, str):
        raise UsageError(f"{where}: key 'model.name' is missing; known models: {', '.join(registry.models.names())}")
    try:
        form = _signature(name)
    except UsageError as error:
        raise UsageError(f"{where}: model.name: {error}") from None
    checked = toml.validate(form, {"model": hyperparameters}, where)
    values = checked.model_dump(mode="json")["model"]
    return Recipe(dataset=dataset, model=name, hyperparameters=values, train=file.train)


def override(recipe: Recipe, assignments: Sequence[str]) -> Recipe:
    """`recipe` with dotted `key=value` settings: an ad hoc recipe. Raises UsageError for a wrong key or value."""
    table = recipe.resolved()
    del table["dataset"]
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        group, dot, name = key.strip().partition(".")
        if not (equals and dot and name) or group not in table:
            raise UsageError(f"--set {assignment}: write model.KEY=VALUE or train.KEY=VALUE")
        if key.strip() == "model.name":
            raise UsageError("--set model.name=...: choose the model with --model")
        table[group][name] = _value(text.strip())
    return parse(table, recipe.dataset, "--set " + " ".join(assignments))


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _signature(model: str) -> type[BaseModel]:
    """The model's constructor as a form for the [model] table: {"model": {keyword: value}}."""
    constructor = registry.models.get(model).__init__
    hints = typing.get_type_hints(constructor, include_extras=True)
    fields: dict[str, Any] = {
        name: (hints[name], parameter.default)
        for name, parameter in inspect.signature(constructor).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    strict = ConfigDict(strict=True, extra="forbid", protected_namespaces=())
    inner = create_model(model, __config__=strict, **fields)
    return create_model(f"{model} recipe", __config__=strict, model=(inner, ...))


def _defaults(model: str) -> dict[str, Any]:
    form = _signature(model)
    defaults: dict[str, Any] = form.model_validate({"model": {}}).model_dump(mode="json")["model"]
    return defaults


def _drop_defaults(table: dict[str, Any], defaults: dict[str, Any], added_later: frozenset[str]) -> None:
    for key in added_later:
        if table[key] == defaults[key]:
            del table[key]
