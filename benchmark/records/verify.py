"""The ladder of checks a record climbs, each derived again from something other than the record itself."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmark import recipe as recipes
from benchmark.data.card import Card
from benchmark.data.schema import Schema
from benchmark.data.store import Fingerprint
from benchmark.errors import BenchmarkError
from benchmark.measure.cost import flops_per_sample, on_meta, parameters, stage_shapes
from benchmark.measure.metrics import Metrics
from benchmark.measure.spectrum import METRICS, Spectrum
from benchmark.paths import RECIPES, shown
from benchmark.records import leaderboard, scores
from benchmark.records.record import NUMERICS, Record, load, record_files, record_path, scores_path
from benchmark.run import PROBE_ROWS
from benchmark.training.optim import Plateau

DERIVED = (
    "format, dataset, name, train_rows, recipe, recipe_digest, numerics, data (where its rows can be had here), "
    "parameters, flops_per_sample, notes, metrics.test (from the scores file), metrics.oracle_*, metrics.valid, "
    "best_step, best_epoch and stopped_by (from the curve), the curve's steps, epochs, learning rates and marks, "
    "probe_rows, the stages and shapes of spectra and the order relations of their values, caveat, the leaderboard"
)
REPORTED = (
    "seed, threads, device, the scores themselves, the curve's losses and metrics, the values of spectra, "
    "metrics.test.gauc, cost, environment, tuned, created"
)

TOLERANCE = 1e-9


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
    yield from _copies(loaded)
    yield from _strays(results)
    yield from _tables(list(loaded.values()), results)


def verify_record(
    record: Record, path: Path, results: Path, open_data: OpenData, recipe_folder: Path
) -> Iterator[Finding]:
    for rung, check in (
        ("place", lambda: _place(record, path, results)),
        ("recipe", lambda: _recipe(record, recipe_folder)),
        ("scores", lambda: _scores(record, path)),
        ("curve", lambda: _curve(record)),
        ("spectra", lambda: _spectra(record)),
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


def _place(record: Record, path: Path, results: Path) -> Iterator[str]:
    if record.name is None or record.train_rows is not None:
        yield "an ad hoc run lies among the ranked records"
    elif path != record_path(results, record.dataset, record.name, record.seed):
        yield f"the record is of {record.recipe_id} seed {record.seed}, which its path contradicts"
    if record.recipe.get("dataset") != record.dataset:
        yield f"the recipe is for {record.recipe.get('dataset')}, the record for {record.dataset}"
    if record.numerics != NUMERICS:
        yield f"stale: made with numerics {record.numerics}, today's is {NUMERICS}; run it again"


def _recipe(record: Record, folder: Path) -> Iterator[str]:
    kept = _parsed(record)
    if kept.resolved() != record.recipe:
        yield "the recipe in the record is not fully resolved"
    if kept.digest() != record.recipe_digest:
        yield f"recipe_digest {record.recipe_digest[:12]} is not that of its recipe ({kept.digest()[:12]})"
    if record.name is not None:
        committed = recipes.load(f"{record.dataset}/{record.name}", folder)
        if committed.digest() != record.recipe_digest:
            yield f"stale: the committed recipe's digest is {committed.digest()[:12]} now; run it again"


def _scores(record: Record, path: Path) -> Iterator[str]:
    arrays = scores.load(scores_path(path))
    if scores.digest(arrays) != record.scores.digest:
        yield "the digest of the scores file differs"
    if scores.form(arrays) != record.scores.form:
        yield f"the scores file has the form {scores.form(arrays)}"
    positives, negatives = scores.counts(arrays)
    expected = record.data.positives["test"], record.data.rows["test"] - record.data.positives["test"]
    if (positives, negatives) != expected:
        yield f"the scores hold {positives} positives and {negatives} negatives, the data {expected}"
    test = record.metrics.test
    if scores.form(arrays) == "rows":
        yield from _same_metrics(test, scores.recompute(arrays))
        return
    for name, bounds in (("auc", scores.auc_bounds(arrays)), ("logloss", scores.logloss_bounds(arrays))):
        if not bounds.holds(getattr(test, name)):
            yield f"metrics.test.{name} {getattr(test, name)} is outside [{bounds.low}, {bounds.high}]"


def _same_metrics(reported: Metrics, derived: Metrics) -> Iterator[str]:
    for name, value in asdict(derived).items():
        stated = getattr(reported, name)
        if name != "gauc" and not abs(stated - value) <= TOLERANCE * max(1.0, abs(value)):
            yield f"metrics.test.{name} is {stated}, the scores give {value}"


def _curve(record: Record) -> Iterator[str]:
    """Replays the plateau over the reported metrics: marks, learning rates, places and the end follow from them."""
    train = _parsed(record).train
    rows = record.data.rows["train"] if record.train_rows is None else min(record.train_rows, record.data.rows["train"])
    steps = -(-rows // train.batch_size)
    plateau, rate = Plateau(train), train.learning_rate
    best = None
    for number, point in enumerate(record.curve, start=1):
        step = number * (train.evaluate_every or steps)
        if plateau.exhausted or (point.step, point.epoch) != (step, -(-step // steps)) or point.epoch > train.epochs:
            yield f"evaluation {number} at step {point.step}, epoch {point.epoch} is out of place"
        if point.learning_rate != rate:
            yield f"evaluation {number}: the learning rate is {point.learning_rate}, the schedule gives {rate}"
        if point.improved != plateau.improved(getattr(point.valid, train.monitor)):
            yield f"evaluation {number}: `improved` contradicts its {train.monitor}"
        best = point if point.improved else best
        rate = plateau.next_rate(rate)
    if best is None:
        yield "the curve has no best evaluation"
        return
    if (best.step, best.epoch) != (record.best_step, record.best_epoch):
        yield f"best step {record.best_step} (epoch {record.best_epoch}) is not the curve's {best.step}"
    if best.valid != record.metrics.valid:
        yield "metrics.valid is not that of the best evaluation"
    ended = record.curve[-1].step + (train.evaluate_every or steps) > train.epochs * steps
    if record.stopped_by != ("patience" if plateau.exhausted else "epochs") or not (plateau.exhausted or ended):
        yield f"stopped_by is {record.stopped_by}, which the curve contradicts"


def _parsed(record: Record) -> recipes.Recipe:
    table = {key: value for key, value in record.recipe.items() if key != "dataset"}
    return recipes.parse(table, record.dataset, "recipe")


def _spectra(record: Record) -> Iterator[str]:
    for stage in record.spectra:
        for when, spectrum in (("initial", stage.initial), ("best", stage.best)):
            if spectrum is not None:
                yield from (f"{stage.stage} ({when}): {fault}" for fault in _disorder(spectrum, record.probe_rows))


def _disorder(spectrum: Spectrum, probe_rows: int) -> Iterator[str]:
    if spectrum.matrices != probe_rows or not 0 <= spectrum.skipped < probe_rows:
        yield f"{spectrum.matrices} matrices, {spectrum.skipped} skipped, but {probe_rows} probe rows"
    for field in ("mean", "q05", "q50", "q95"):
        value = {name: getattr(getattr(spectrum, name), field) for name in METRICS}
        slack = TOLERANCE * spectrum.limit
        if any(not 1 - slack <= number <= spectrum.limit + slack for number in value.values()):
            yield f"{field} lies outside [1, {spectrum.limit}]"
        for high, low in (("erank", "pr"), ("pr", "srank"), ("erank", "ia"), ("ia", "srank")):
            if value[high] < value[low] - slack:
                yield f"{field} of {high} is below that of {low}"


def _data(record: Record, card: Card, today: Fingerprint | None) -> Iterator[str]:
    if today is not None and today != record.data:
        names = [name for name, value in asdict(today).items() if asdict(record.data)[name] != value]
        yield f"stale: the data differ from today's in {', '.join(names)}; run it again"
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
    built = on_meta(_parsed(record), schema)
    if parameters(built.model) != record.parameters:
        yield f"parameters are {record.parameters}, the rebuilt model has {parameters(built.model)}"
    flops = flops_per_sample(built.model, schema)
    if flops != record.flops_per_sample:
        yield f"flops_per_sample is {record.flops_per_sample}, the rebuilt model needs {flops}"
    if built.notes != record.notes:
        yield f"notes are {record.notes}, the rebuilt model gives {built.notes}"
    shapes = stage_shapes(built.model, schema)
    if [stage.stage for stage in record.spectra] != list(shapes):
        yield f"the stages are not those of the model: {', '.join(shapes)}"
        return
    for stage in record.spectra:
        for spectrum in filter(None, (stage.initial, stage.best)):
            if (spectrum.rows, spectrum.columns) != shapes[stage.stage]:
                yield f"{stage.stage} is {spectrum.rows} x {spectrum.columns}, the model's is {shapes[stage.stage]}"


def _copies(records: dict[Path, Record]) -> Iterator[Finding]:
    """Runs with equal scores are one run: another seed or recipe never gives the same bits."""
    first: dict[str, Path] = {}
    for path, record in records.items():
        original = first.setdefault(record.scores.digest, path)
        if original != path:
            yield Finding(path, "scores", f"its scores are those of {shown(original)}")


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
