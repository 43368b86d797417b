"""A record: the result of one run, as a JSON file with its scores, spectra and curves beside it."""

import json
import operator
import re
from html import escape
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field, TypeAdapter

from benchmark.data.store import Fingerprint
from benchmark.distributed.world import Backend
from benchmark.measure.cost import Parameters
from benchmark.measure.metrics import Metrics
from benchmark.measure.spectrum import StageSpectra, TableSpectrum
from benchmark.recipes.provenance import Provenance
from benchmark.records import arrays, scores
from benchmark.records import measured as measurements
from benchmark.records.environment import Environment
from benchmark.records.measured import Measured, RankPoint, When
from benchmark.records.scores import KeptScores
from benchmark.training.fit import Evaluated
from benchmark.utils import forms
from benchmark.utils.files import write_text
from benchmark.utils.types import Count, Device, Frozen, Name, NotNegative, Sha256

NUMERICS = 4
"""Bumped whenever the numbers of a run may change: tests/runs/test_golden_run.py fails without."""
CALIBRATED = ("logloss", "ne", "calibration", "ece")
"""The metrics that are read at the best epoch by LogLoss where that is watched."""
SHORT = re.compile(r"\[[^][{}]*\]|\{[^][{}]{,400}\}")
"""A list or a small object without another inside, which stays on one line."""
BREAK = re.compile(r"\n *")
REMEDY = "restore it, or delete it with the files of its name and run it again"

F = TypeVar("F", bound=Frozen)
MEASURED = TypeAdapter(Measured)
NOTHING = Measured(StageSpectra({}, {}), StageSpectra({}, {}))


def whole_recipe(recipe: dict[str, Any]) -> dict[str, Any]:
    """The recipe. Raises ValueError for one without its tables."""
    model, train = recipe.get("model"), recipe.get("train")
    named = isinstance(model, dict) and isinstance(model.get("name"), str)
    if not (named and isinstance(train, dict)):
        raise ValueError("a recipe has the tables model, with its name, and train")
    if "provenance" in recipe:
        Provenance.model_validate(recipe["provenance"])
    return recipe


class Epoch(Frozen):
    """An evaluation that was the best: its step and epoch."""

    step: Count
    epoch: Count


class Digests(Frozen):
    """SHA-256 of the arrays beside the record: the test scores at the best epoch, at that by
    LogLoss, and the spectra and curves."""

    scores: Sha256
    scores_logloss: Sha256 | None = None
    measured: Sha256


class Quality(Frozen):
    """At the best epoch by the first monitor; `_logloss` at that by LogLoss, None where the recipe
    watches one metric alone."""

    valid: Metrics
    test: Metrics
    valid_logloss: Metrics | None = None
    test_logloss: Metrics | None = None
    oracle_auc: float | None = None
    """Test AUC and LogLoss of the true click probability, where it is known."""
    oracle_logloss: float | None = None

    @property
    def oracle_ne(self) -> float | None:
        """The LogLoss of the true click probability over that of the test split's base rate."""
        base = self.calibrated.logloss / self.calibrated.ne
        return None if self.oracle_logloss is None else self.oracle_logloss / base

    @property
    def calibrated(self) -> Metrics:
        """The test metrics from which those of CALIBRATED are read."""
        return self.test_logloss or self.test


class Cost(Frozen):
    """Measured: seconds, rows per second and peak resident memory of the process in GiB."""

    train_seconds: NotNegative
    total_seconds: NotNegative
    train_samples_per_s: NotNegative
    predict_samples_per_s: NotNegative
    peak_memory_gib: NotNegative


class Processes(Frozen):
    """How many shared the batches and tables of a run, and what they exchanged them by."""

    count: Annotated[int, Field(ge=2)]
    backend: Backend


class Record(Frozen):
    format: Literal[1] = 1
    numerics: int
    dataset: Name
    name: Name | None
    """The committed recipe's name; None for an ad hoc run, which is never ranked."""
    train_rows: int | None = None
    """The limit of --rows; None where every training row was used."""
    recipe: Annotated[dict[str, Any], AfterValidator(whole_recipe)]
    recipe_digest: Sha256
    notes: tuple[str, ...] = ()
    """What the model said when it was built, e.g. of a mixing within tokens only."""
    seed: Annotated[int, Field(ge=0)]
    threads: Count
    device: Device
    processes: Annotated[Processes | None, Field(exclude_if=operator.not_)] = None
    """Those that trained together; None for one alone."""
    data: Fingerprint
    parameters: Parameters
    flops_per_sample: int
    metrics: Quality
    digests: Digests
    probe_rows: int
    curve_probe_rows: int
    best: Epoch
    best_logloss: Epoch | None = None
    stopped_by: Literal["patience", "epochs"]
    cost: Cost
    environment: Environment
    caveat: str = ""
    warnings: Annotated[tuple[str, ...], Field(exclude_if=operator.not_)] = ()
    """What makes the run doubtful, see doubts.py; older records have none."""
    created: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\+00:00$")]
    """UTC, ISO 8601."""
    measured: Annotated[Measured, Field(exclude=True)] = NOTHING
    """What is kept as arrays beside the JSON."""

    def __repr__(self) -> str:
        """The run and its quality on one line; `whole` gives everything."""
        facts = (f"{label} {value}" for label, value in self._quality())
        return f"<Record {self.recipe_id} seed {self.seed}: {', '.join(facts)}>"

    __str__ = __repr__

    def _repr_html_(self) -> str:
        """A small table for notebooks, with what makes the run doubtful."""
        remarks = (f"<br>{escape(each)}" for each in (self.caveat, *self.warnings) if each)
        title = "".join((escape(f"{self.recipe_id} seed {self.seed}"), *remarks))
        rows = (f"<tr><th>{label}</th><td>{value}</td></tr>" for label, value in self._quality())
        return f"<table><caption>{title}</caption>{''.join(rows)}</table>"

    def _quality(self) -> list[tuple[str, str]]:
        test, calibrated = self.metrics.test, self.metrics.calibrated
        numbers = {"test AUC": test.auc, "LogLoss": calibrated.logloss, "NE": calibrated.ne}
        facts = [(label, f"{value:.5f}") for label, value in numbers.items()]
        return [*facts, ("parameters", f"{self.parameters.total:,}")]

    @property
    def recipe_id(self) -> str:
        return f"{self.dataset}/{self.name or self.recipe['model']['name'] + ' (ad hoc)'}"

    def spectra(self, when: When) -> StageSpectra:
        """The spectra untrained, or with the best weights."""
        return self.measured.spectra(when)

    @property
    def tables(self) -> tuple[TableSpectrum, ...]:
        """The embedding table of each sparse field with the best weights, over the ids seen in
        training."""
        return self.measured.tables

    @property
    def curve(self) -> tuple[Evaluated, ...]:
        """The evaluations on the validation split."""
        return self.measured.curve

    @property
    def rank_curve(self) -> tuple[RankPoint, ...]:
        """The effective ranks at each evaluation, on `curve_probe_rows` rows."""
        return self.measured.rank_curve

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
    def shared_by(self) -> int:
        """How many processes trained together."""
        return 1 if self.processes is None else self.processes.count

    @property
    def precision(self) -> str:
        """That of the model's products; older records do not state it."""
        return str(self.recipe["train"].get("precision", "float32"))

    @property
    def stages(self) -> list[str]:
        """The names of the stages, in order."""
        return self.measured.stages


def arrays_path(record: Path) -> Path:
    return record.with_suffix(".npz")


def save(record: Record, kept: KeptScores, path: Path) -> None:
    """Write the arrays, then the record: a record is never without them. Raises BenchmarkError
    naming the path."""
    arrays.save({**scores.pack(kept), **measurements.pack(record.measured)}, arrays_path(path))
    write(record, path)


def load(path: Path) -> Record:
    """Read a record with its spectra and curves. Raises BenchmarkError: one line that names the
    file, what is wrong and what to do."""
    facts = read(Record, path)
    return facts.model_copy(update={"measured": measurements.load(arrays_path(path))})


def whole(record: Record) -> dict[str, Any]:
    """Everything in a record as JSON values, what lies in its arrays too."""
    facts: dict[str, Any] = record.model_dump(mode="json")
    return facts | {"measured": MEASURED.dump_python(record.measured, mode="json")}


def write(content: Frozen, path: Path) -> None:
    """Write a strict form as JSON. Raises BenchmarkError naming the path."""
    text = json.dumps(content.model_dump(mode="json"), indent=1)
    write_text(path, SHORT.sub(lambda values: BREAK.sub(" ", values[0]), text) + "\n")


def read(form: type[F], path: Path) -> F:
    """Read a JSON file of a strict form, with the errors of `load`."""
    return forms.read(form, path, REMEDY)
