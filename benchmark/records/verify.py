"""The ladder of checks a record climbs, each derived again from something other than the record itself."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark import recipe as recipes
from benchmark import registry
from benchmark.data.card import Card
from benchmark.data.schema import Schema
from benchmark.data.store import Fingerprint
from benchmark.diagnosis import CURVE_ROWS, PROBE_ROWS
from benchmark.errors import BenchmarkError
from benchmark.measure.cost import flops_per_sample, on_meta, parameters, stage_shapes
from benchmark.paths import RECIPES, shown
from benchmark.records import leaderboard, stale, verify_quality, verify_ranks
from benchmark.records.ranks import ADDED_LATER
from benchmark.records.record import Record, load, record_files, record_path, scores_path
from benchmark.speed import figures
from benchmark.studies import reports

DERIVED = (
    "format, dataset, name, train_rows, recipe, recipe_digest, numerics, data (where its rows can be had here), "
    "parameters, flops_per_sample, notes, metrics.test (from the scores file), metrics.oracle_*, metrics.valid, "
    "best_step, best_epoch and stopped_by (from the curve), the curve's steps, epochs, learning rates and marks, "
    "probe_rows, the stages and shapes of spectra, the order relations of their values, the sums of singular values, "
    "the means of densities, the rank curve's steps and stages, the tables' fields and sizes, caveat, the leaderboard"
)
REPORTED = (
    "seed, threads, device, the scores themselves, the curve's losses and metrics, the values of spectra, "
    "metrics.test.gauc, cost, environment, tuned, created"
)


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or (not `failed`) one that could not be checked here."""

    path: Path
    rung: str
    message: str
    failed: bool = True


@dataclass(frozen=True)
class Data:
    """Today's card of a data set and, where its rows can be had here, the fingerprint of its store."""

    card: Card | None
    fingerprint: Fingerprint | None
    why_not: str = ""


OpenData = Callable[[str], Data]


def verify(results: Path, open_data: OpenData, recipe_folder: Path = RECIPES) -> Iterator[Finding]:
    """Everything wrong with the ranked records and tables below `results`. Nothing yielded means all is well."""
    loaded: dict[Path, Record] = {}
    for path in record_files(results):
        try:
            loaded[path] = load(path)
        except BenchmarkError as error:
            yield Finding(path, "form", str(error))
    for path, record in loaded.items():
        yield from verify_record(record, path, results, open_data, recipe_folder)
    yield from _older(loaded, results)
    yield from _copies(loaded)
    yield from _strays(results)
    yield from _tables(list(loaded.values()), results)
    yield from _speed(results)
    for path in reports.unlike(results):
        yield Finding(path, "table", "is not what its study's records give; run the study's command again")


def verify_record(
    record: Record, path: Path, results: Path, open_data: OpenData, recipe_folder: Path
) -> Iterator[Finding]:
    for rung, check in (
        ("place", lambda: _place(record, path, results)),
        ("recipe", lambda: _recipe(record, recipe_folder)),
        ("scores", lambda: verify_quality.test_scores(record, path)),
        ("curve", lambda: verify_quality.curve(record)),
        ("spectra", lambda: _ranks(record)),
        ("model", lambda: _model(record)),
    ):
        yield from (Finding(path, rung, message) for message in _guarded(check))
    try:
        data = open_data(record.dataset)
    except BenchmarkError as error:
        yield Finding(path, "data", str(error))
        return
    card = data.card
    if card is not None:
        messages = _guarded(lambda: _data(record, card, data.fingerprint))
        yield from (Finding(path, "data", message) for message in messages)
    if data.fingerprint is None:
        yield Finding(path, "data", f"fingerprint not checked: {data.why_not}", failed=False)


def _guarded(check: Callable[[], Iterator[str]]) -> Iterator[str]:
    """A check that cannot even be made (its recipe does not parse, a part is missing) is a fault too."""
    try:
        yield from check()
    except BenchmarkError as error:
        yield str(error)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        yield f"malformed: {type(error).__name__}: {error}"


def _again(faults: Iterable[str]) -> Iterator[str]:
    yield from (f"stale: {fault}; run it again" for fault in faults)


def _place(record: Record, path: Path, results: Path) -> Iterator[str]:
    if record.name is None or record.train_rows is not None:
        yield "an ad hoc run lies among the ranked records"
    elif path != record_path(results, record.dataset, record.name, record.seed):
        yield f"the record is of {record.recipe_id} seed {record.seed}, which its path contradicts"
    if record.recipe.get("dataset") != record.dataset:
        yield f"the recipe is for {record.recipe.get('dataset')}, the record for {record.dataset}"
    yield from _again(stale.numerics(record))


def _recipe(record: Record, folder: Path) -> Iterator[str]:
    kept = verify_quality.parsed(record)
    if _resolved(kept, record.recipe) != record.recipe:
        yield "the recipe in the record is not fully resolved"
    if kept.digest() != record.recipe_digest:
        yield f"recipe_digest {record.recipe_digest[:12]} is not that of its recipe ({kept.digest()[:12]})"
    if record.name is not None:
        yield from _again(stale.recipe(record, recipes.load(f"{record.dataset}/{record.name}", folder).digest()))


def _resolved(kept: recipes.Recipe, stated: dict[str, Any]) -> dict[str, Any]:
    """Every setting of the recipe, less those that came after it was stated, which then have their defaults."""
    table = kept.resolved()
    added = {"model": getattr(registry.models.get(kept.model), "added_later", ()), "train": kept.train.added_later}
    for group, later in added.items():
        for key in set(later) - set(stated[group]):
            del table[group][key]
    return table


def _ranks(record: Record) -> Iterator[str]:
    yield from verify_ranks.ranks(record)
    yield from verify_ranks.curve(record, CURVE_ROWS)
    yield from verify_ranks.tables(record)


def _data(record: Record, card: Card, today: Fingerprint | None) -> Iterator[str]:
    if today is not None:
        yield from _again(stale.data(record, today))
    stated = record.metrics.oracle_auc, record.metrics.oracle_logloss
    if stated != ((card.oracle.auc, card.oracle.logloss) if card.oracle else (None, None)):
        yield "the oracle's metrics are not those of the card"
    if record.caveat != card.caveat:
        yield "the caveat is not that of the card"
    if record.probe_rows != min(record.data.rows["valid"], PROBE_ROWS):
        yield f"probe_rows is {record.probe_rows}"


def _model(record: Record) -> Iterator[str]:
    """The model rebuilt without memory for its weights: its size, cost, notes and stages."""
    schema = Schema(record.data.dense, record.data.sparse, record.data.cardinalities)
    built = on_meta(verify_quality.parsed(record), schema)
    if parameters(built.model) != record.parameters:
        yield f"parameters are {record.parameters}, the rebuilt model has {parameters(built.model)}"
    flops = flops_per_sample(built.model, schema)
    if flops != record.flops_per_sample:
        yield f"flops_per_sample is {record.flops_per_sample}, the rebuilt model needs {flops}"
    compiled = record.notes[len(built.notes) :] if record.recipe["train"].get("compile") else ()
    if built.notes + compiled != record.notes:
        yield f"notes are {record.notes}, the rebuilt model gives {built.notes}"
    shapes = stage_shapes(built.model, schema)
    if [stage.stage for stage in record.spectra] != list(shapes):
        yield f"the stages are not those of the model: {', '.join(shapes)}"
        return
    yield from verify_ranks.shapes(record, shapes, "embedding.table" in dict(built.model.named_parameters()))


def _copies(records: dict[Path, Record]) -> Iterator[Finding]:
    """Runs with equal scores are one run: another seed or recipe never gives the same bits."""
    first: dict[str, Path] = {}
    for path, record in records.items():
        original = first.setdefault(record.scores.digest, path)
        if original != path:
            yield Finding(path, "scores", f"its scores are those of {shown(original)}")


def _older(records: dict[Path, Record], results: Path) -> Iterator[Finding]:
    """Records whose ranks cannot be checked in full, in one finding."""
    older = [f"{run.recipe_id} seed {run.seed}" for run in records.values() if verify_ranks.is_older(run)]
    if older:
        message = f"made before there were {', '.join(ADDED_LATER)}: {', '.join(older)}"
        yield Finding(results / "records", "spectra", message, failed=False)


def _strays(results: Path) -> Iterator[Finding]:
    known = {file for path in record_files(results) for file in (path, scores_path(path))}
    for path in sorted((results / "records").rglob("*")):
        if path.is_file() and path not in known:
            yield Finding(path, "place", "is no record and no scores file of one")


def _tables(records: Sequence[Record], results: Path) -> Iterator[Finding]:
    for path, text in leaderboard.files(records, results).items():
        if not path.is_file():
            yield Finding(path, "table", "is missing; run `python -m benchmark leaderboard`")
        elif path.read_text(encoding="utf-8") != text:
            yield Finding(path, "table", "is not what the records give; run `python -m benchmark leaderboard`")


def _speed(results: Path) -> Iterator[Finding]:
    try:
        unlike = figures.stale_tables(results)
    except BenchmarkError as error:
        yield Finding(results / "speed", "form", str(error))
        return
    for path in unlike:
        yield Finding(path, "table", "is not what the files beside it give; run its `speed` command again with --keep")
