"""One board a data set: its protocol, its tracks, and apart from them what others published."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from benchmark.data import catalog
from benchmark.data.card import SPLITS, Card
from benchmark.recipes.recipe import Train
from benchmark.records.record import Record
from benchmark.reports.leaderboard.published import Published, Quoted, Source
from benchmark.reports.leaderboard.rows import Row, grouped
from benchmark.reports.leaderboard.tracks import Track, tracks


@dataclass(frozen=True)
class Quote:
    """A published result, and the row here that reproduces it, if any."""

    published: Quoted
    source: Source
    ours: Row | None

    @property
    def auc(self) -> float:
        """Over the source's runs where it gives their mean, else the one it lists."""
        return self.published.auc if self.published.auc_mean is None else self.published.auc_mean

    @property
    def gap(self) -> float | None:
        """Our AUC less theirs."""
        return None if self.ours is None else self.ours.auc - self.auc

    @property
    def gap_in_sd(self) -> float | None:
        """The gap over the sd of the source's seeds, where it gives one."""
        return (
            None
            if self.gap is None or self.published.auc_sd is None
            else self.gap / self.published.auc_sd
        )


@dataclass(frozen=True)
class Board:
    dataset: str
    caveats: tuple[str, ...]
    oracle: tuple[float, float] | None
    """Test AUC and LogLoss of the true click probability."""
    protocol: tuple[str, ...]
    tracks: tuple[Track, ...]
    quotes: tuple[Quote, ...]
    other_split: str
    """How the rows of the published data set differ; nothing where they are the same."""

    @property
    def rows(self) -> list[Row]:
        return [standing.row for track in self.tracks for standing in track.standings]


def boards(records: Iterable[Record], results: Path, published: Published) -> list[Board]:
    """By data set; the same whatever the order of the records."""
    by_dataset = groupby(grouped(records), lambda runs: runs[0].dataset)
    return [
        _board(dataset, [list(runs) for runs in groups], results, published)
        for dataset, groups in by_dataset
    ]


def _board(
    dataset: str, groups: Sequence[list[Record]], results: Path, published: Published
) -> Board:
    card = catalog.find_card(dataset).card if dataset in catalog.card_names() else None
    runs = [run for group in groups for run in group]
    found = tracks(groups, None if card is None else card.embedding_dim, results)
    oracles = {(run.metrics.oracle_auc, run.metrics.oracle_logloss) for run in runs}
    known = [(auc, loss) for auc, loss in oracles if auc is not None and loss is not None]
    theirs, difference = published.split_of(dataset)
    best_known = {
        standing.row.recipe: standing.row
        for track in reversed(found)
        for standing in reversed(track.standings)
    }
    return Board(
        dataset,
        tuple(sorted({run.caveat for run in runs if run.caveat})),
        min(known, default=None),
        tuple(_protocol(runs, card)),
        tuple(found),
        tuple(
            Quote(row, published.source[row.source], best_known.get(row.recipe or ""))
            for row in published.row
            if row.dataset == theirs
        ),
        difference,
    )


def _protocol(runs: Sequence[Record], card: Card | None) -> Iterable[str]:
    sizes = sorted(
        {", ".join(f"{split} {run.data.rows[split]:,}" for split in SPLITS) for run in runs}
    )
    rule = card.table.split if card and card.table else None
    how = f", {rule.method} {':'.join(map(str, rule.parts))} (seed {rule.seed})" if rule else ""
    yield (
        f"{card.title if card else 'A data set of its own card'}; rows: {' or '.join(sizes)}{how}."
    )
    if card and card.table:
        yield (
            f"Categories of fewer than min_count = {card.table.min_count} training rows are"
            " out-of-vocabulary."
        )
    train = [Train().model_dump() | run.recipe["train"] for run in runs]
    yield f"Batch {_span(one['batch_size'] for one in train)}."
    monitors = " or ".join(
        sorted({{"auc": "AUC", "logloss": "LogLoss"}[one["monitor"]] for one in train})
    )
    yield (
        f"Budget: at most {_span(one['epochs'] for one in train)} epochs, stopped after"
        f" {_span(one['patience'] for one in train)} evaluations without a better validation"
        f" {monitors}; tuning by row, see trials and hours."
    )


def _span(values: Iterable[int]) -> str:
    known = set(values)
    low, high = min(known), max(known)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
