"""A record: everything one run found, as one JSON file and its scores beside it."""

import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from benchmark.data.store import Fingerprint
from benchmark.errors import BenchmarkError
from benchmark.files import write_text
from benchmark.measure.cost import Parameters
from benchmark.measure.metrics import Metrics
from benchmark.measure.spectrum import Spectrum
from benchmark.measure.tables import TableSpectrum
from benchmark.measure.trajectory import Density
from benchmark.paths import shown
from benchmark.records.environment import Environment
from benchmark.training.fit import Evaluated

FORMAT: Literal[1] = 1
NUMERICS = 2
"""Bumped whenever the numbers of a run may change: tests/test_golden_run.py fails without the bump."""

NUMBERS = re.compile(r"\[[-+.\deE,\s]+\]")
"""A list of numbers, which stays on one line."""

NotNegative = Annotated[float, Field(ge=0)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


class Scores(_Frozen):
    """The scores file: SHA-256 of its arrays, and which of the two forms they have."""

    form: Literal["rows", "bins"]
    digest: Sha256


class Quality(_Frozen):
    valid: Metrics
    test: Metrics
    oracle_auc: float | None = None
    """Test AUC and LogLoss of the true click probability, where the data set's generator knows it."""
    oracle_logloss: float | None = None


class StageSpectra(_Frozen):
    """One stage, untrained and with the best weights: spectra in `token` form (one matrix a sample) and in `batch` form
    (one matrix a token, centred), None where all matrices are zero; and how the samples' effective rank is spread."""

    stage: str
    initial: Spectrum | None
    best: Spectrum | None
    initial_batch: Spectrum | None = None
    best_batch: Spectrum | None = None
    initial_density: Density | None = None
    best_density: Density | None = None


class RankPoint(_Frozen):
    """The normalised effective rank of each stage at one evaluation, over the record's `curve_probe_rows` rows."""

    step: int
    erank: dict[str, float | None]


class Cost(_Frozen):
    """Measured, not derived: seconds, rows per second and peak resident memory in GiB of the process so far."""

    train_seconds: NotNegative
    total_seconds: NotNegative
    train_samples_per_s: NotNegative
    predict_samples_per_s: NotNegative
    peak_memory_gib: NotNegative


class Record(_Frozen):
    format: Literal[1] = FORMAT
    numerics: int
    dataset: str
    name: str | None
    """The committed recipe's name; None for an ad hoc run, which is never ranked."""
    train_rows: int | None = None
    """The limit of --rows; None where every training row was used."""
    recipe: dict[str, Any]
    recipe_digest: Sha256
    notes: tuple[str, ...] = ()
    """What the model warned of when it was built, e.g. a mixing that mixes nothing across tokens."""
    seed: Annotated[int, Field(ge=0)]
    threads: Annotated[int, Field(ge=1)]
    device: Literal["cpu", "cuda"]
    data: Fingerprint
    parameters: Parameters
    flops_per_sample: int
    metrics: Quality
    scores: Scores
    probe_rows: int
    spectra: tuple[StageSpectra, ...]
    tables: tuple[TableSpectrum, ...] = ()
    """The embedding table of each sparse field with the best weights, over the ids seen in training."""
    curve: tuple[Evaluated, ...]
    curve_probe_rows: int = 0
    rank_curve: tuple[RankPoint, ...] = ()
    best_step: int
    best_epoch: int
    stopped_by: Literal["patience", "epochs"]
    cost: Cost
    environment: Environment
    caveat: str = ""
    tuned: str | None = None
    """Reference to the tuning study that chose the recipe's values."""
    created: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\+00:00$")]
    """UTC, ISO 8601."""

    @property
    def recipe_id(self) -> str:
        return f"{self.dataset}/{self.name or self.recipe['model']['name'] + ' (ad hoc)'}"


def record_path(results: Path, dataset: str, name: str, seed: int) -> Path:
    """Where the run of a committed recipe is kept."""
    return results / "records" / dataset / name / f"seed-{seed}.json"


def adhoc_path(results: Path, dataset: str, model: str, digest: str, rows: int | None, seed: int) -> Path:
    """Where any other run is kept: by model, recipe digest and row limit."""
    limit = "" if rows is None else f"-rows{rows}"
    return results / "studies" / "adhoc" / dataset / f"{model}-{digest[:8]}{limit}" / f"seed-{seed}.json"


def scores_path(record: Path) -> Path:
    return record.with_suffix(".npz")


def save(record: Record, path: Path) -> None:
    """Writes the record as JSON, numbers as measured. Raises BenchmarkError naming the path."""
    text = json.dumps(record.model_dump(mode="json"), indent=1)
    write_text(path, NUMBERS.sub(lambda found: " ".join(found[0].split()), text) + "\n")


def load(path: Path) -> Record:
    """Raises BenchmarkError naming the file and, a line each, what is wrong with its form."""
    try:
        return Record.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BenchmarkError(f"{shown(path)}: cannot be read: {error.strerror}") from None
    except ValidationError as error:
        faults = [".".join(map(str, fault["loc"])) + ": " + fault["msg"] for fault in error.errors()]
        raise BenchmarkError("\n".join(f"{shown(path)}: {fault}" for fault in faults)) from None


def record_files(results: Path) -> list[Path]:
    """Every ranked record below `results`, sorted."""
    return sorted((results / "records").glob("*/*/seed-*.json"))
