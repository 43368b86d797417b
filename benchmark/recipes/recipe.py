"""A recipe: which model with which hyperparameters is trained how, on which data set. One file is
one row.

    [model]
    name = "rankelastor"
    num_blocks = 2

    [train]
    learning_rate = 1e-3

Its path `recipes/<dataset>/<name>.toml` gives data set and name. What a tuning study varies stands
in [search], see search.py; `tuned` names the study that found the values. The sizes of a scaling
law stand in [scaling], see ladder.py.
"""

import tomllib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field

from benchmark import registry
from benchmark.data.schema import Schema
from benchmark.data.shuffle import Shuffle
from benchmark.errors import UsageError
from benchmark.model import CTRModel, added_later
from benchmark.recipes import scaling as ladder
from benchmark.recipes import search, signature
from benchmark.recipes.scaling import Shapes, Step
from benchmark.recipes.search import Search
from benchmark.utils import toml
from benchmark.utils.files import canonical_sha256
from benchmark.utils.paths import RECIPES, shown
from benchmark.utils.types import Count, Frozen, Positive

Penalty = Annotated[float, Field(ge=0)]


class Train(Frozen):
    """The training protocol. Defaults are those of the published numbers (FuxiCTR / BARS)."""

    added_later: ClassVar[frozenset[str]] = frozenset({"shuffle", "compile"})
    ending: ClassVar[frozenset[str]] = frozenset(
        {"epochs", "monitor", "patience", "plateau_factor", "min_learning_rate", "evaluate_every"}
    )
    """What decides when the learning rate falls, when a run ends and which of its weights are
    kept."""

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


class _RecipeFile(Frozen):
    model: dict[str, Any]
    train: Train = Train()
    search: dict[str, Any] | None = None
    scaling: dict[str, Any] | None = None
    tuned: Annotated[str, Field(pattern=r"^studies/tuning/[^/]+/[^/]+\.json$")] | None = None


@dataclass(frozen=True)
class Built:
    """An untrained model, and what it warned of: notes that label its runs."""

    model: CTRModel
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Recipe:
    """What is run, with every default resolved. `name` is None for an ad hoc recipe that no file
    holds."""

    dataset: str
    model: str
    hyperparameters: Mapping[str, Any]
    train: Train
    name: str | None = None
    search: Search | None = None
    scaling: tuple[Step, ...] = ()
    """The steps of its ladder."""
    shapes: Shapes = field(default_factory=Shapes)
    """Those of equal FLOPs that trade width for depth."""
    tuned: str | None = None
    """The tuning study that chose the values, below the results folder."""

    def resolved(self) -> dict[str, Any]:
        """The recipe as plain JSON values, defaults included."""
        return {
            "dataset": self.dataset,
            "model": {"name": self.model, **self.hyperparameters},
            "train": self.train.model_dump(mode="json"),
        }

    def settings(self) -> dict[str, dict[str, Any]]:
        """The tables model and train, as they stand in a file."""
        return {key: table for key, table in self.resolved().items() if key != "dataset"}

    def digest(self) -> str:
        """SHA-256 of the canonical JSON of what is run; settings added later are left out while
        they have their default."""
        table = self.resolved()
        added_to_model = added_later(registry.models.get(self.model))
        _drop_defaults(table["model"], _defaults(self.model), added_to_model)
        _drop_defaults(table["train"], Train().model_dump(mode="json"), Train.added_later)
        return canonical_sha256(table)

    def build(self, schema: Schema) -> Built:
        """The model, untrained, and its warnings. Raises UsageError for hyperparameters that do not
        fit the data."""
        arguments = {
            key: tuple(v) if isinstance(v, list) else v for key, v in self.hyperparameters.items()
        }
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
    """The recipe `DATASET/NAME`, or that of one's own file `.../DATASET/NAME.toml`, which is ad
    hoc. Raises UsageError for an unknown id or a wrong file."""
    if recipe_id.endswith(".toml"):
        own = Path(recipe_id).expanduser().resolve()
        return parse(toml.read(own), own.parent.name, recipe_id)
    path = folder / f"{recipe_id}.toml"
    if recipe_id.count("/") != 1 or not path.is_file():
        raise registry.unknown("recipe", recipe_id, recipe_ids(folder))
    return replace(parse(toml.read(path), path.parent.name, shown(path)), name=path.stem)


def find(model: str, dataset: str, folder: Path = RECIPES) -> Recipe:
    """The recipe `DATASET/MODEL` where there is one, otherwise the model's constructor defaults, ad
    hoc."""
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
        raise UsageError(
            f"{where}: key 'model.name' is missing; known models:"
            f" {', '.join(registry.models.names())}"
        )
    try:
        form = signature.form(name)
    except UsageError as error:
        raise UsageError(f"{where}: model.name: {error}") from None
    checked = toml.validate(form, {"model": hyperparameters}, where)
    values = checked.model_dump(mode="json")["model"]
    found = Recipe(
        dataset=dataset, model=name, hyperparameters=values, train=file.train, tuned=file.tuned
    )
    if file.search is not None:
        found = replace(found, search=search.parse(file.search, found.settings(), where))
    return found if file.scaling is None else _with_sizes(found, file.scaling, where)


def _with_sizes(recipe: Recipe, table: dict[str, Any], where: str) -> Recipe:
    sizes = ladder.parse(table, recipe.settings(), where)
    for kind, steps in (("step", sizes.steps), ("shape", sizes.shapes.of)):
        for number, step in enumerate(steps, start=1):
            vary(recipe, step.settings, ladder.name(f"{where}: [scaling]", number, kind))
    return replace(recipe, scaling=sizes.steps, shapes=sizes.shapes)


def override(recipe: Recipe, assignments: Sequence[str]) -> Recipe:
    """`recipe` with dotted `key=value` settings: an ad hoc recipe. Raises UsageError for a wrong
    key or value."""
    values = {}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        group, dot, name = key.strip().partition(".")
        if not (equals and dot and name) or group not in ("model", "train"):
            raise UsageError(f"--set {assignment}: write model.KEY=VALUE or train.KEY=VALUE")
        if key.strip() == "model.name":
            raise UsageError("--set model.name=...: choose the model with --model")
        values[key.strip()] = _value(text.strip())
    return vary(recipe, values, "--set " + " ".join(assignments))


def vary(recipe: Recipe, values: Mapping[str, Any], where: str) -> Recipe:
    """`recipe` with other values by dotted key: an ad hoc recipe. Raises UsageError for a wrong key
    or value."""
    table = recipe.settings()
    for key, value in values.items():
        group, _, name = key.partition(".")
        table[group][name] = value
    return parse(table, recipe.dataset, where)


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _defaults(model: str) -> dict[str, Any]:
    defaults: dict[str, Any] = (
        signature.form(model).model_validate({"model": {}}).model_dump(mode="json")["model"]
    )
    return defaults


def _drop_defaults(
    table: dict[str, Any], defaults: dict[str, Any], added_later: frozenset[str]
) -> None:
    for key in added_later:
        if table[key] == defaults[key]:
            del table[key]


def on_meta(recipe: Recipe, schema: Schema) -> Built:
    """The recipe's model without memory for its weights."""
    with torch.device("meta"):
        return recipe.build(schema)
