"""A run under flat, readable names, as an experiment tracker or a flat table shows it."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from benchmark.data.store import Fingerprint
from benchmark.errors import UsageError
from benchmark.measure.spectrum import METRICS
from benchmark.measure.tables import mean_over_fields
from benchmark.recipes import recipe as recipes
from benchmark.records import ranks
from benchmark.records.archive import ADHOC, RANKED, Place
from benchmark.records.record import Record
from benchmark.reports.figures.recipe import of_recipe
from benchmark.reports.figures.run import learning_curve, rank_trajectory
from benchmark.training.fit import Evaluated
from benchmark.utils.paths import RECIPES


class MetricPoint(NamedTuple):
    """One value of a metric; `step` is a training step, a stage's position, or 0."""

    name: str
    value: float
    step: int


@dataclass(frozen=True)
class TrackedSubject:
    """What is known of a run before its first step. `train_rows` is the limit of --rows."""

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


def finished_at(record: Record) -> float:
    """Unix seconds."""
    return datetime.fromisoformat(record.created).timestamp()


def run_name(subject: TrackedSubject, path: Path) -> str:
    """`dnn seed 0`, and by the place of its record `ablation full-glu seed 0`, of a study's
    cell."""
    place = Place.of(path)
    if place is not None and place.study not in (RANKED, ADHOC):
        name = f"{place.study} {place.name}"
    else:
        name = subject.recipe_id.partition("/")[2]
    return f"{name} seed {subject.seed}"


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
    """What a run is found by; the caveat stands as its description."""
    return {
        "recipe": subject.recipe_id,
        "digest": subject.digest,
        "seed": str(subject.seed),
        "commit": subject.commit or "unknown",
        "mlflow.note.content": subject.caveat,
    }


def dataset(subject: TrackedSubject) -> dict[str, str]:
    """The data by the names of MLflow's data set entity: sources, columns and class counts, no
    rows."""
    data = subject.data
    columns = [{"name": name, "type": "float", "required": True} for name in data.dense]
    columns += [{"name": name, "type": "integer", "required": True} for name in data.sparse]
    profile: dict[str, object] = {f"{split}_rows": rows for split, rows in data.rows.items()}
    profile |= {f"{split}_positives": positives for split, positives in data.positives.items()}
    profile |= {
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


def evaluation(event: Evaluated) -> list[MetricPoint]:
    values = {
        "train/loss": event.train_loss,
        "train/learning_rate": event.learning_rate,
        "valid/auc": event.valid.auc,
        "valid/logloss": event.valid.logloss,
    }
    return [MetricPoint(name, value, event.step) for name, value in values.items()]


def results(record: Record) -> list[MetricPoint]:
    """Every number of a finished run."""
    test, valid = asdict(record.metrics.test), asdict(record.metrics.valid)
    oracle_auc, oracle_logloss = record.metrics.oracle_auc, record.metrics.oracle_logloss
    if oracle_auc is not None and oracle_logloss is not None:
        test["oracle_gap_auc"] = oracle_auc - record.metrics.test.auc
        test["oracle_gap_logloss"] = record.metrics.test.logloss - oracle_logloss
    groups = {
        "test": test,
        "best": (
            {"step": record.best_step, "epoch": record.best_epoch}
            | {f"valid_{name}": value for name, value in valid.items()}
        ),
        "parameters": {"total": record.parameters.total, **asdict(record.parameters)},
        "cost": {"flops_per_sample": record.flops_per_sample, **record.cost.model_dump()},
    }
    numbers = [
        (f"{group}/{name}", value)
        for group, table in groups.items()
        for name, value in table.items()
    ]
    return [
        MetricPoint(name, float(value), 0) for name, value in numbers if value is not None
    ] + _ranks(record)


def _ranks(record: Record) -> list[MetricPoint]:
    """Means over the probe, named so that they sort by stage: `rank/erank/02_block1.mixing`.

    `rank_initial` is before training, `rank_normalized` is over min(rows, columns),
    `rank_trajectory/erank` is the normalised one as a curve whose steps are the stages;
    `rank_batch` and the like are of the batch form.
    """
    points: list[MetricPoint] = []
    stages = {
        stage.stage: f"{position:02d}_{stage.stage}"
        for position, stage in enumerate(record.spectra)
    }
    for form, suffix in zip(ranks.FORMS, ("", "_batch"), strict=True):
        initial, best = (ranks.spectra(record, form, when) for when in ranks.WHEN)
        for metric in METRICS:
            for position, (stage, name) in enumerate(stages.items()):
                if (spectrum := best[stage]) is not None:
                    normalised = spectrum.normalised(metric)
                    points.append(
                        MetricPoint(
                            f"rank{suffix}/{metric}/{name}", getattr(spectrum, metric).mean, 0
                        )
                    )
                    points.append(
                        MetricPoint(f"rank_normalized{suffix}/{metric}/{name}", normalised, 0)
                    )
                    points.append(
                        MetricPoint(f"rank_trajectory{suffix}/{metric}", normalised, position)
                    )
                if (spectrum := initial[stage]) is not None:
                    points.append(
                        MetricPoint(
                            f"rank_initial{suffix}/{metric}/{name}",
                            getattr(spectrum, metric).mean,
                            0,
                        )
                    )
    points += [*_summaries(record), *_rank_curve(record, stages), *_tables(record)]
    return sorted(points, key=lambda point: point.name.partition("/")[0])


def _summaries(record: Record) -> Iterator[MetricPoint]:
    """Of the trajectory in token form: `rank_summary/erank/collapse`, and a curve over the blocks
    of rise and fall."""
    for metric in METRICS:
        for when, prefix in zip(ranks.WHEN, ("rank_summary_initial", "rank_summary"), strict=True):
            for path in ranks.trajectories([record], metric, "token", when):
                for name in ("collapse", "damping"):
                    if (value := getattr(path, name)) is not None:
                        yield MetricPoint(f"{prefix}/{metric}/{name}", value, 0)
                for name in ("rise", "fall", "amplitude"):
                    for block, value in enumerate(getattr(path, name), start=1):
                        yield MetricPoint(f"{prefix}/{metric}/{name}", value, block)


def _rank_curve(record: Record, stages: Mapping[str, str]) -> Iterator[MetricPoint]:
    """Normalised effective rank over training, a curve a stage."""
    for point in record.rank_curve:
        for stage, value in point.erank.items():
            if value is not None:
                yield MetricPoint(f"rank_curve/{stages.get(stage, stage)}", value, point.step)


def _tables(record: Record) -> Iterator[MetricPoint]:
    """Information abundance and effective rank of each field's table, and their means."""
    for weight, prefix in (("plain", "table"), ("weighted", "table_by_count")):
        found = {f"/{table.field}": getattr(table, weight) for table in record.tables}
        for place, rank in {**found, "_mean": mean_over_fields(found.values())}.items():
            if rank is not None:
                yield MetricPoint(f"{prefix}_ia{place}", rank.ia, 0)
                yield MetricPoint(f"{prefix}_erank{place}", rank.erank, 0)


def write_bundle(record: Record, path: Path, folder: Path) -> None:
    """Fills `folder` with the record (the bytes of `path`), its recipe and its figures."""
    (folder / "record.json").write_bytes(path.read_bytes())
    name, text = _recipe_file(record)
    (folder / name).write_text(text)
    drawn = {"learning_curve": learning_curve(record), "rank_trajectory": rank_trajectory(record)}
    drawn |= {
        f"rank_{name}": figure
        for name, figure in of_recipe([record]).items()
        if name != "trajectory"
    }
    for name, figure in drawn.items():
        figure.savefig(folder / f"{name}.png")


def _recipe_file(record: Record) -> tuple[str, str]:
    """The committed TOML where it still says what was run, else the resolved recipe."""
    with suppress(UsageError):
        if (
            record.name is not None
            and recipes.load(record.recipe_id, RECIPES).digest() == record.recipe_digest
        ):
            return "recipe.toml", (RECIPES / f"{record.recipe_id}.toml").read_text(encoding="utf-8")
    return "recipe.json", json.dumps(record.recipe, indent=1) + "\n"


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value)
