"""A run whose record is there: found before anything is trained, and compared when run again."""

from dataclasses import dataclass
from pathlib import Path
from statistics import stdev

from benchmark.errors import BenchmarkError
from benchmark.records import comparable
from benchmark.records.archive import Runs, readable, records_in
from benchmark.records.record import Record
from benchmark.runs.job import Job
from benchmark.utils.paths import shown
from benchmark.verify.replay import METRICS, MOST_SD


@dataclass(frozen=True)
class Existing:
    """What lies where a job's record belongs: the record of this very run, or None and why not."""

    path: Path
    record: Record | None
    fault: str = ""


def find(job: Job, results: Path) -> Existing | None:
    """None where nothing lies there."""
    path = job.path(results)
    if not path.is_file():
        return None
    try:
        kept = comparable.whole(path)
    except BenchmarkError as error:
        return Existing(path, None, str(error))
    today = job.store.fingerprint
    faults = comparable.run(kept, job.recipe.digest(), today, job.seed, job.rows)
    fault = "; ".join(faults)
    return Existing(path, None if fault else kept, fault)


def is_there(kept: Record, path: Path) -> str:
    """What is said of a run that is not made again."""
    auc = f"test AUC {kept.metrics.test.auc:.5f} ({shown(path)})"
    return f"{kept.recipe_id} seed {kept.seed} is there: {auc}; --again runs it and compares"


def comparison(kept: Record, path: Path, again: Record) -> str:
    """Whether a run gave its record again, in one line: to the bit, or within MOST_SD sd of the
    seeds that lie beside the record at `path`."""
    basis = kept.recipe_digest, kept.data.arrays, kept.numerics
    beside = [run for other, run in readable(records_in(path.parent)) if other != path]
    alike = [run for run in beside if (run.recipe_digest, run.data.arrays, run.numerics) == basis]
    distances = [_distance(name, kept, again, alike) for name in METRICS]
    if (again.digests, again.metrics) == (kept.digests, kept.metrics):
        verdict = "reproduced bit for bit"
    elif not alike:
        verdict = "not judged, as no other seed is there"
    else:
        near = all(abs(each.difference) <= MOST_SD * each.sd for each in distances)
        verdict = "reproduced" if near else "NOT reproduced"
    numbers = "; ".join(each.line for each in distances)
    return f"{kept.recipe_id} seed {kept.seed}: {verdict}: {numbers}"


@dataclass(frozen=True)
class Distance:
    """A metric of a run less that of its record, in words too; `sd` is 0 where it is unknown."""

    line: str
    difference: float
    sd: float


def _distance(name: str, kept: Record, again: Record, alike: Runs) -> Distance:
    metric = METRICS[name]
    difference, seeds = metric(again) - metric(kept), 1 + len(alike)
    sd = stdev(map(metric, (kept, *alike))) if alike else 0.0
    line = f"test {name} {metric(again):.5f}, {'committed' if kept.name else 'kept'} "
    line += f"{metric(kept):.5f}"
    if difference:
        line += f", apart by {difference:+.2g}"
    if difference and sd:
        line += f" or {difference / sd:+.1f} sd"
    if alike:
        line += f" (sd {sd:.5f} over {seeds} seeds)"
    return Distance(line, difference, sd)
