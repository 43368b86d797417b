"""A record: the result of one run, as a JSON file with its scores beside it."""

import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field, ValidationError

from benchmark.data.store import Fingerprint
from benchmark.errors import BenchmarkError
from benchmark.measure.cost import Parameters
from benchmark.measure.metrics import Metrics
from benchmark.measure.spectrum import Spectrum, TableSpectrum
from benchmark.measure.trajectory import Density
from benchmark.recipes.provenance import Provenance
from benchmark.records.environment import Environment
from benchmark.training.fit import Evaluated
from benchmark.utils.files import write_text
from benchmark.utils.paths import shown
from benchmark.utils.types import Count, Device, Frozen, NotNegative, Sha256

NUMERICS = 2
"""Bumped whenever the numbers of a run may change: tests/runs/test_golden_run.py fails without."""
NUMBERS = re.compile(r"\[[-+.\deE,\s]+\]")
"""A list of numbers, which stays on one line."""

F = TypeVar("F", bound=Frozen)


def _with_tables(recipe: dict[str, Any]) -> dict[str, Any]:
    model, train = recipe.get("model"), recipe.get("train")
    named = isinstance(model, dict) and isinstance(model.get("name"), str)
    if not (named and isinstance(train, dict)):
        raise ValueError("a recipe has the tables model, with its name, and train")
    if "provenance" in recipe:
        Provenance.model_validate(recipe["provenance"])
    return recipe


class Scores(Frozen):
    """The scores file: SHA-256 of its arrays, and which of the two forms they have."""

    form: Literal["rows", "bins"]
    digest: Sha256


class Quality(Frozen):
    valid: Metrics
    test: Metrics
    oracle_auc: float | None = None
    """Test AUC and LogLoss of the true click probability, where it is known."""
    oracle_logloss: float | None = None


class StageSpectra(Frozen):
    """One stage, untrained and with the best weights: spectra in `token` form (one matrix a sample)
    and in `batch` form (one matrix a token, centred), None where all matrices are zero; and the
    distribution of the samples' effective rank."""

    stage: str
    initial: Spectrum | None
    best: Spectrum | None
    initial_batch: Spectrum | None = None
    best_batch: Spectrum | None = None
    initial_density: Density | None = None
    best_density: Density | None = None


class RankPoint(Frozen):
    """Normalised effective rank by stage at one evaluation, on `curve_probe_rows` rows."""

    step: int
    erank: dict[str, float | None]


class Cost(Frozen):
    """Measured: seconds, rows per second and peak resident memory of the process in GiB."""

    train_seconds: NotNegative
    total_seconds: NotNegative
    train_samples_per_s: NotNegative
    predict_samples_per_s: NotNegative
    peak_memory_gib: NotNegative


class Record(Frozen):
    format: Literal[1] = 1
    numerics: int
    dataset: str
    name: str | None
    """The committed recipe's name; None for an ad hoc run, which is never ranked."""
    train_rows: int | None = None
    """The limit of --rows; None where every training row was used."""
    recipe: Annotated[dict[str, Any], AfterValidator(_with_tables)]
    recipe_digest: Sha256
    notes: tuple[str, ...] = ()
    """Warnings of the model when it was built, e.g. of a mixing within tokens only."""
    seed: Annotated[int, Field(ge=0)]
    threads: Count
    device: Device
    data: Fingerprint
    parameters: Parameters
    flops_per_sample: int
    metrics: Quality
    scores: Scores
    probe_rows: int
    spectra: tuple[StageSpectra, ...]
    tables: tuple[TableSpectrum, ...] = ()
    """The embedding table of each sparse field with the best weights, over the ids seen in
    training."""
    curve: tuple[Evaluated, ...]
    curve_probe_rows: int = 0
    rank_curve: tuple[RankPoint, ...] = ()
    best_step: int
    best_epoch: int
    stopped_by: Literal["patience", "epochs"]
    cost: Cost
    environment: Environment
    caveat: str = ""
    created: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\+00:00$")]
    """UTC, ISO 8601."""

    @property
    def recipe_id(self) -> str:
        return f"{self.dataset}/{self.name or self.recipe['model']['name'] + ' (ad hoc)'}"

    @property
    def provenance(self) -> Provenance | None:
        """Where the recipe's values come from, without the note; None for an ad hoc recipe."""
        table = self.recipe.get("provenance")
        return None if table is None else Provenance.model_validate(table)

    @property
    def tuned(self) -> str | None:
        """Reference to the tuning study that chose the recipe's values."""
        return None if self.provenance is None else self.provenance.study

    @property
    def stages(self) -> list[str]:
        """The names of the stages, in order."""
        return [stage.stage for stage in self.spectra]


def scores_path(record: Path) -> Path:
    return record.with_suffix(".npz")


def save(content: Frozen, path: Path) -> None:
    """Write a record or a tuning study as JSON. Raises BenchmarkError naming the path."""
    text = json.dumps(content.model_dump(mode="json"), indent=1)
    write_text(path, NUMBERS.sub(lambda numbers: " ".join(numbers[0].split()), text) + "\n")


def load(path: Path) -> Record:
    """Read a record. Raises BenchmarkError naming the file and, a line each, what is wrong."""
    return read(Record, path)


def read(form: type[F], path: Path) -> F:
    """Read a JSON file of a strict form, with the errors of `load`."""
    try:
        return form.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BenchmarkError(f"{shown(path)}: cannot be read: {error.strerror}") from None
    except ValidationError as error:
        lines = []
        for fault in error.errors():
            key = ".".join(map(str, fault["loc"]))
            lines.append(": ".join(filter(None, (shown(path), key, fault["msg"]))))
        raise BenchmarkError("\n".join(lines)) from None
