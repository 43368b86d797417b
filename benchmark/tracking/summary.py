"""A run under flat, readable names, as an experiment tracker shows it."""

import colorsys
import hashlib
import json
import platform
import time
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from itertools import product
from pathlib import Path
from typing import Any

from benchmark.data.store import Fingerprint
from benchmark.measure import trajectory
from benchmark.measure.spectrum import METRICS
from benchmark.recipes import recipe as recipes
from benchmark.records import ranks
from benchmark.records.archive import ADHOC, RANKED, Place
from benchmark.records.environment import current
from benchmark.records.measured import FORMS
from benchmark.records.record import CALIBRATED, Record, arrays_path
from benchmark.registry import models
from benchmark.reports.figures.recipe import of_recipe
from benchmark.runs.job import Job
from benchmark.utils import toml

LEVEL = "level"
"""The tag of what a run stands for: `run` (a record), `seeds` (their means) or `study`."""
SEEDS_OF = "seeds_of"
"""The tag that the runs of one recipe or variant share."""


@dataclass(frozen=True)
class TrackedSubject:
    """A run as described before its first step. `train_rows` is the limit of --rows."""

    recipe_id: str
    recipe: dict[str, Any]
    digest: str
    seed: int
    threads: int
    device: str
    train_rows: int | None
    data: Fingerprint
    commit: str | None
    caveat: str
    began: float
    """Unix seconds."""

    @property
    def dataset(self) -> str:
        return self.recipe_id.partition("/")[0]


def subject_of(record: Record) -> TrackedSubject:
    return TrackedSubject(
        recipe_id=record.recipe_id,
        recipe=record.recipe,
        digest=record.recipe_digest,
        seed=record.seed,
        threads=record.threads,
        device=record.device,
        train_rows=record.train_rows,
        data=record.data,
        commit=record.environment.commit,
        caveat=record.caveat,
        began=finished_at(record) - record.cost.total_seconds,
    )


def subject_of_job(job: Job) -> TrackedSubject:
    """The subject of a job that begins now."""
    recipe = replace(job.recipe, name=job.name)
    return TrackedSubject(
        recipe_id=recipe.id,
        recipe=recipe.resolved(),
        digest=recipe.digest(),
        seed=job.seed,
        threads=job.threads,
        device=job.device,
        train_rows=job.rows,
        data=job.store.fingerprint,
        commit=current().commit,
        caveat=job.card.caveat,
        began=time.time(),
    )


def finished_at(record: Record) -> float:
    """Unix seconds."""
    return datetime.fromisoformat(record.created).timestamp()


def run_name(subject: TrackedSubject, path: Path) -> str:
    """`dnn seed 0`; `full-glu seed 0 (ablation)` for the record of a study's variant."""
    place = Place.of(path)
    if place is not None and place.study not in (RANKED, ADHOC):
        return f"{place.name} seed {subject.seed} ({place.study})"
    return f"{subject.recipe_id.partition('/')[2]} seed {subject.seed}"


def file_sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def parameters(subject: TrackedSubject) -> dict[str, str]:
    """`model.*`, `train.*` and `run.*` as text; a list is `64, 32`."""
    run = {
        "seed": subject.seed,
        "threads": subject.threads,
        "device": subject.device,
        "train_rows": "all" if subject.train_rows is None else subject.train_rows,
    }
    settings = recipes.dotted(subject.recipe) | {f"run.{key}": value for key, value in run.items()}
    return {key: _text(value) for key, value in settings.items()}


def tags(subject: TrackedSubject) -> dict[str, str]:
    """The tags of a run; the caveat is its description, and a model has one colour everywhere."""
    model = subject.recipe["model"]["name"]
    return {
        "model": model,
        "provenance": subject.recipe.get("provenance", {}).get("kind", "none"),
        "mlflow.runColor": _colour(model),
        "recipe": subject.recipe_id,
        "digest": subject.digest,
        "seed": str(subject.seed),
        "commit": subject.commit or "unknown",
        "mlflow.note.content": subject.caveat,
    }


def place_tags(path: Path) -> dict[str, str]:
    """The tags by which runs are filtered and joined: `kind` is `ranked`, or a study."""
    place = Place.of(path)
    kind = ADHOC if place is None else place.study or "ranked"
    seeds_of = f"{kind} {path.parts[-3]}/{path.parts[-2]} {origin(path.absolute().parents[2])}"
    return {"kind": kind, LEVEL: "run", SEEDS_OF: seeds_of}


def origin(folder: Path) -> str:
    """Eight digits for the folder of a study, or of the ranked records, on this machine: what
    several machines or folders send to one server stays apart."""
    return hashlib.sha256(f"{platform.node()}:{folder.absolute()}".encode()).hexdigest()[:8]


def dataset(subject: TrackedSubject) -> dict[str, str]:
    """The fields of MLflow's data set entity, without any rows."""
    data = subject.data
    types = dict.fromkeys(data.dense, "float") | dict.fromkeys(data.sparse, "integer")
    columns = [{"name": name, "type": kind, "required": True} for name, kind in types.items()]
    profile = {
        **{f"{split}_rows": rows for split, rows in data.rows.items()},
        **{f"{split}_positives": positives for split, positives in data.positives.items()},
        "cardinalities": dict(zip(data.sparse, data.cardinalities, strict=True)),
        "arrays_sha256": data.arrays,
    }
    return {
        "name": subject.dataset,
        "digest": data.arrays[:8],
        "source_type": "code",
        "source": json.dumps({"tags": data.sources}),
        "schema": json.dumps({"mlflow_colspec": columns}),
        "profile": json.dumps(profile),
    }


def results(record: Record) -> dict[str, float]:
    """The numbers by which runs are compared, about forty; the others are artifacts. Ranks have
    names that sort by stage: `rank/ratio/02_block1.mixing`, in batch form."""
    quality, calibrated = record.metrics, record.metrics.calibrated
    test = asdict(quality.test) | {name: getattr(calibrated, name) for name in CALIBRATED}
    ratios = trajectory.ratios(record.spectra("best").batch)
    if quality.oracle_auc is not None and quality.oracle_logloss is not None:
        test["oracle_gap_auc"] = quality.oracle_auc - quality.test.auc
        test["oracle_gap_logloss"] = calibrated.logloss - quality.oracle_logloss
    groups: dict[str, Mapping[str, float | None]] = {
        "test": test,
        "best": {
            "step": record.best.step,
            "epoch": record.best.epoch,
            "valid_auc": quality.valid.auc,
            "valid_logloss": quality.valid.logloss,
        },
        "parameters": asdict(record.parameters) | {"total": record.parameters.total},
        "cost": {"flops_per_sample": record.flops_per_sample, **record.cost.model_dump()},
        "rank/ratio": {
            f"{position:02d}_{stage}": ratio
            for position, (stage, ratio) in enumerate(ratios.items())
        },
    }
    named = {f"{group}/{name}": value for group in groups for name, value in groups[group].items()}
    named["rank_ratio"] = next(reversed(ratios.values()), None)
    return {name: float(value) for name, value in named.items() if value is not None}


def rank_table(record: Record) -> dict[str, list[Any]]:
    """Every rank metric of every spectrum, a column each: means over its matrices."""
    table: dict[str, list[Any]] = {}
    for (when, shown), form in product(ranks.WHEN.items(), FORMS):
        ratios = trajectory.ratios(record.spectra(when)[form])
        for stage, spectrum in record.spectra(when)[form].items():
            if spectrum is None:
                continue
            means = {metric: getattr(spectrum, metric).mean for metric in METRICS}
            shape = {"rows": spectrum.rows, "columns": spectrum.columns}
            place = {"stage": stage, "when": shown, "form": form, **shape}
            for name, value in (place | means | {"ratio": ratios[stage]}).items():
                table.setdefault(name, []).append(value)
    return table


def write_bundle(record: Record, path: Path, folder: Path) -> None:
    """Fill `folder` with the files of the record at `path`, and its recipe to run again."""
    (folder / "record.json").write_bytes(path.read_bytes())
    (folder / "record.npz").write_bytes(arrays_path(path).read_bytes())
    settings = {group: record.recipe[group] for group in recipes.GROUPS}
    (folder / "recipe.toml").write_text(toml.text(settings), encoding="utf-8")


def draw(record: Record, folder: Path) -> None:
    """Fill `folder` with the figures of a record."""
    for name, figure in of_recipe([record]).items():
        figure.savefig(folder / f"rank_{name}.png")


def _colour(model: str) -> str:
    """Hues a golden section apart, in the order of the models' names."""
    hue = bisect_left(models.names(), model) * 0.618 % 1
    rgb = (round(255 * part) for part in colorsys.hsv_to_rgb(hue, 0.75, 0.75))
    return "#{:02x}{:02x}{:02x}".format(*rgb)


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value)
