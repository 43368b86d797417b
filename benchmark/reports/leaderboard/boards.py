"""One board a data set: its protocol, its tracks, and apart from them what others published."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from benchmark.data import catalog
from benchmark.data.card import SPLITS, Card, Naive
from benchmark.recipes.recipe import MONITORS, Train
from benchmark.records import scores
from benchmark.records.archive import Archive, Runs
from benchmark.records.record import Record, arrays_path
from benchmark.reports.leaderboard import published as publications
from benchmark.reports.leaderboard.published import Published, Quoted, Source
from benchmark.reports.leaderboard.tracks import Line, Track, entries, tracks
from benchmark.utils.arrays import ClassScores


@dataclass(frozen=True)
class Quote:
    """A published result, and the row here that reproduces it, if any."""

    published: Quoted
    source: Source
    ours: Line | None

    @property
    def auc(self) -> float:
        """The mean over the source's runs where it gives one, else the AUC it lists."""
        return self.published.auc if self.published.auc_mean is None else self.published.auc_mean

    @property
    def gap(self) -> float | None:
        """Our AUC less theirs."""
        return None if self.ours is None else float(self.ours["auc"]) - self.auc

    @property
    def gap_in_sd(self) -> float | None:
        """The gap over the sd of the source's seeds, where it gives one."""
        sd = self.published.auc_sd
        return None if self.gap is None or sd is None else self.gap / sd


@dataclass(frozen=True)
class Refused:
    """A recipe that no board shows, as its records fail a check; `why` is of the first of them."""

    dataset: str
    recipe: str
    why: str
    records: int

    @property
    def line(self) -> str:
        more = f" (and {self.records - 1} more of its records)" if self.records > 1 else ""
        return f"{self.dataset}/{self.recipe} is not ranked: {self.why}{more}"


@dataclass(frozen=True)
class Board:
    """The leaderboard of one data set."""

    dataset: str
    caveats: tuple[str, ...]
    oracle: tuple[float, float] | None
    """Test AUC and LogLoss of the true click probability."""
    naive: Naive | None
    """What the rates of a few ids alone reach on the test split, where the card says so."""
    protocol: tuple[str, ...]
    tracks: tuple[Track, ...]
    quotes: tuple[Quote, ...]
    other_split: str
    """How the rows of the published data set differ; empty where they are the same."""

    @property
    def lines(self) -> list[Line]:
        return [line for track in self.tracks for line in track.table.to_dicts()]


def load(archive: Archive, refused: Iterable[Refused] = ()) -> list[Board]:
    """The boards of all ranked records but those of refused recipes. Raises BenchmarkError for a
    record that cannot be read."""
    return boards(rows(archive, refused), publications.load(archive.results), archive)


def rows(archive: Archive, refused: Iterable[Refused] = ()) -> list[Runs]:
    """The runs of each row of `load`."""
    left_out = {archive.folder() / each.dataset / each.recipe for each in refused}
    records = [archive.load(path) for path in archive.paths() if path.parent not in left_out]
    return entries(records)


def boards(
    entries: Iterable[Runs], published: Published, archive: Archive | None = None
) -> list[Board]:
    """The boards of entries ordered by data set; `archive` has the scores of their runs."""
    by_dataset = groupby(entries, lambda runs: runs[0].dataset)
    return [_board(dataset, list(each), published, archive) for dataset, each in by_dataset]


def _scores(archive: Archive | None, run: Record) -> ClassScores | None:
    if archive is None or run.name is None:
        return None
    return scores.load(arrays_path(archive.path(run.dataset, run.name, run.seed))).rows()


def _board(
    dataset: str, entries: Sequence[Runs], published: Published, archive: Archive | None
) -> Board:
    card = catalog.find_card(dataset).card if dataset in catalog.card_names() else None
    runs = [run for each in entries for run in each]
    size = None if card is None else card.embedding_dim
    ranked = tracks(entries, size, partial(_scores, archive))
    oracles = {(run.metrics.oracle_auc, run.metrics.oracle_logloss) for run in runs}
    complete = [(auc, loss) for auc, loss in oracles if auc is not None and loss is not None]
    theirs, difference = published.split_of(dataset)
    lines = [line for track in ranked for line in track.table.to_dicts()]
    first = {line["recipe"]: line for line in reversed(lines)}
    quotes = (
        Quote(row, published.source[row.source], first.get(row.recipe or ""))
        for row in published.row
        if row.dataset == theirs
    )
    return Board(
        dataset,
        tuple(sorted({run.caveat for run in runs if run.caveat})),
        min(complete, default=None),
        None if card is None else card.naive,
        tuple(_protocol(runs, card)),
        tuple(ranked),
        tuple(quotes),
        difference,
    )


def _protocol(runs: Runs, card: Card | None) -> Iterable[str]:
    sizes = {", ".join(f"{split} {run.data.rows[split]:,}" for split in SPLITS) for run in runs}
    table = card.table if card else None
    rule = table.split if table else None
    how = f", {rule.method} {':'.join(map(str, rule.parts))} (seed {rule.seed})" if rule else ""
    title = card.title if card else "A data set of its own card"
    yield f"{title}; rows: {' or '.join(sorted(sizes))}{how}."
    if table:
        limit = f"fewer than min_count = {table.min_count} training rows"
        yield f"Categories of {limit} are out-of-vocabulary."
    train = [Train().model_dump() | run.recipe["train"] for run in runs]
    batch, epochs, patience = (
        _span([settings[key] for settings in train]) for key in ("batch_size", "epochs", "patience")
    )
    kinds = {settings["monitor"] for settings in train}
    watched = {MONITORS[each] for kind in kinds for each in Train(monitor=kind).monitors}
    monitored = " or ".join(sorted(watched))
    yield f"Batch {batch}."
    yield (
        f"Budget: at most {epochs} epochs, stopped after {patience} evaluations without a better"
        f" validation {monitored}."
    )


def _span(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
