"""A run under flat, readable names, as an experiment tracker shows it."""

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from benchmark.data.store import Fingerprint
from benchmark.errors import UsageError
from benchmark.measure.spectrum import METRICS, mean_over_fields
from benchmark.recipes import recipe as recipes
from benchmark.records import ranks
from benchmark.records.archive import ADHOC, RANKED, Place
from benchmark.records.environment import current
from benchmark.records.record import Record
from benchmark.reports.figures.recipe import learning_curve, of_recipe
from benchmark.runs.job import Job
from benchmark.utils.paths import RECIPES


class MetricPoint(NamedTuple):
    """One value of a metric; `step` is a training step, a stage's position, or 0."""

    name: str
    value: float
    step: int = 0


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
    recipe = job.recipe if job.rows is None else replace(job.recipe, name=None)
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
    """`dnn seed 0`; `ablation full-glu seed 0` for the record of a study's variant."""
    place = Place.of(path)
    if place is not None and place.study not in (RANKED, ADHOC):
        return f"{place.study} {place.name} seed {subject.seed}"
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
    """The tags of a run; the caveat is its description."""
    return {
        "recipe": subject.recipe_id,
        "digest": subject.digest,
        "seed": str(subject.seed),
        "commit": subject.commit or "unknown",
        "mlflow.note.content": subject.caveat,
    }


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


def results(record: Record) -> list[MetricPoint]:
    """Every number of a finished run."""
    return [*_quality_and_cost(record), *_ranks(record), *_tables(record)]


def _quality_and_cost(record: Record) -> Iterator[MetricPoint]:
    quality = record.metrics
    test = asdict(quality.test)
    if quality.oracle_auc is not None and quality.oracle_logloss is not None:
        test["oracle_gap_auc"] = quality.oracle_auc - quality.test.auc
        test["oracle_gap_logloss"] = quality.test.logloss - quality.oracle_logloss
    best = {"step": record.best_step, "epoch": record.best_epoch}
    best |= {f"valid_{name}": value for name, value in asdict(quality.valid).items()}
    groups = {
        "test": test,
        "best": best,
        "parameters": {"total": record.parameters.total, **asdict(record.parameters)},
        "cost": {"flops_per_sample": record.flops_per_sample, **record.cost.model_dump()},
    }
    for group, table in groups.items():
        for name, value in table.items():
            if value is not None:
                yield MetricPoint(f"{group}/{name}", float(value))


def _ranks(record: Record) -> Iterator[MetricPoint]:
    """Means over the probe, with names that sort by stage: `rank/erank/02_block1.mixing`.

    `rank_initial` is before training, `rank_normalized` over min(rows, columns), `rank_curve` over
    training steps, `rank_trajectory` a curve over the stages, `rank_batch` of the batch form;
    `rank_summary` summarises the trajectory in token form, with curves over the blocks.
    """
    for form, suffix in zip(ranks.FORMS, ("", "_batch"), strict=True):
        initial, best = (ranks.spectra(record, form, when) for when in ranks.WHEN)
        for metric, (position, stage) in product(METRICS, enumerate(best)):
            name = f"{metric}/{position:02d}_{stage}"
            if (spectrum := best[stage]) is not None:
                normalised = spectrum.normalised(metric)
                yield MetricPoint(f"rank{suffix}/{name}", getattr(spectrum, metric).mean)
                yield MetricPoint(f"rank_normalized{suffix}/{name}", normalised)
                yield MetricPoint(f"rank_trajectory{suffix}/{metric}", normalised, position)
            if (spectrum := initial[stage]) is not None:
                yield MetricPoint(f"rank_initial{suffix}/{name}", getattr(spectrum, metric).mean)
    for metric, (when, end) in product(METRICS, zip(ranks.WHEN, ("_initial", ""), strict=True)):
        for path in ranks.trajectories([record], metric, "token", when):
            for name in ("collapse", "damping"):
                if (value := getattr(path, name)) is not None:
                    yield MetricPoint(f"rank_summary{end}/{metric}/{name}", value)
            for name in ("rise", "fall", "amplitude"):
                for block, value in enumerate(getattr(path, name), start=1):
                    yield MetricPoint(f"rank_summary{end}/{metric}/{name}", value, block)
    for point, (position, each) in product(record.rank_curve, enumerate(record.spectra)):
        if (value := point.erank.get(each.stage)) is not None:
            yield MetricPoint(f"rank_curve/{position:02d}_{each.stage}", value, point.step)


def _tables(record: Record) -> Iterator[MetricPoint]:
    """Information abundance and effective rank of each field's table, and their means."""
    for weight, prefix in (("plain", "table"), ("weighted", "table_by_count")):
        fields = {f"/{table.field}": getattr(table, weight) for table in record.tables}
        for name, rank in {**fields, "_mean": mean_over_fields(fields.values())}.items():
            if rank is not None:
                yield MetricPoint(f"{prefix}_ia{name}", rank.ia)
                yield MetricPoint(f"{prefix}_erank{name}", rank.erank)


def write_bundle(record: Record, path: Path, folder: Path) -> None:
    """Fill `folder` with the record (the bytes of `path`), its figures and its recipe: the
    committed TOML if that still describes the run, else the resolved recipe."""
    (folder / "record.json").write_bytes(path.read_bytes())
    committed = None
    if record.name is not None:
        with suppress(UsageError):
            committed = recipes.load(record.recipe_id, RECIPES)
    if committed is not None and committed.digest() == record.recipe_digest:
        text = (RECIPES / f"{record.recipe_id}.toml").read_bytes()
        (folder / "recipe.toml").write_bytes(text)
    else:
        (folder / "recipe.json").write_text(json.dumps(record.recipe, indent=1) + "\n")
    figures = {f"rank_{name}": figure for name, figure in of_recipe([record]).items()}
    figures["learning_curve"] = learning_curve(record)
    for name, figure in figures.items():
        figure.savefig(folder / f"{name}.png")


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value)
