"""The damping study: does the oscillation of the rank die down with depth?"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from benchmark.errors import UsageError
from benchmark.measure.trajectory import Trajectory, summarise
from benchmark.recipes import recipe as recipes
from benchmark.recipes.recipe import Recipe
from benchmark.records.archive import Archive
from benchmark.records.comparable import require_alike
from benchmark.records.record import Record
from benchmark.reports.document import Report, Table
from benchmark.reports.words import seeds_in_words, with_sd
from benchmark.studies.campaign.variants import Variant, ranks

STUDY = "damping"
WHEN: tuple[tuple[Literal["initial", "best"], str], ...] = (
    ("initial", "untrained"),
    ("best", "trained"),
)


def variant(recipe: Recipe, blocks: int, settings: Sequence[str] = ()) -> Variant:
    """The recipe with so many blocks, and other `settings`. Raises UsageError for a model that has
    none."""
    if "num_blocks" not in recipe.hyperparameters:
        raise UsageError(f"--recipes {recipe.id}: {recipe.model} has no blocks to be more of")
    return Variant(
        f"{recipe.name}-{blocks}",
        recipes.override(recipe, [*settings, f"model.num_blocks={blocks}"]),
    )


def report(results: Path, dataset: str) -> Report | None:
    """From the records alone, a section a variant; None where there is none."""
    runs = Archive(results).by_name(dataset, STUDY)
    if not runs:
        return None
    first = next(iter(runs.values()))[0]
    return Report(
        f"Damping on {dataset}",
        tuple(_remarks(first)),
        tuple(_section(name, records) for name, records in runs.items()),
        {
            "dataset": dataset,
            "variants": {name: [_numbers(run) for run in each] for name, each in runs.items()},
        },
    )


def _remarks(first: Record) -> Iterator[str]:
    yield (
        "Made from the records in the folder of this name by `python -m benchmark damping`; do not"
        " edit. Rank is the mean effective rank per sample over its largest possible value. In"
        " block l, rise is what the mixing adds to it and fall what the FFN adds; the amplitude is"
        " (rise - fall) / 2, signed. Mean ± sd over seeds. Damping is the slope of ln amplitude"
        " over l of each seed, where all its amplitudes are above 0: below 0 the oscillation dies"
        " down."
    )
    if first.caveat:
        yield f"**{first.caveat}**"


def _section(name: str, runs: Sequence[Record]) -> Table:
    require_alike({name: list(runs)}, ())
    paths = {when: [summarise(ranks(run, when)) for run in runs] for when, _ in WHEN}
    parts = tuple((when, part) for when, _ in WHEN for part in ("rise", "fall", "amplitude"))
    said = dict(WHEN)
    head = ("block", *(f"{part}, {said[when]}" for when, part in parts))
    blocks = min(len(path.amplitude) for each in paths.values() for path in each)
    rows = tuple(
        (
            str(block + 1),
            *(
                with_sd([getattr(path, part)[block] for path in paths[when]], 4)
                for when, part in parts
            ),
        )
        for block in range(blocks)
    )
    seeds = seeds_in_words([run.seed for run in runs])
    auc = with_sd([run.metrics.test.auc for run in runs], 5)
    remarks = (
        f"Seeds {seeds}; test AUC {auc}.",
        *(_damping(said[when], paths[when]) for when in said),
    )
    return Table(name, head, rows, remarks)


def _damping(said: str, paths: Sequence[Trajectory]) -> str:
    slopes = [path.damping for path in paths if path.damping is not None]
    steady = f"{len(slopes)} of {len(paths)} seeds have all amplitudes above 0"
    collapse = with_sd([path.collapse for path in paths], 3)
    last = f"; last stage over tokens {collapse}" if collapse else ""
    return (
        f"{said.capitalize()}: {steady}"
        + (f", damping {with_sd(slopes, 3)}" if slopes else "")
        + f"{last}."
    )


def _numbers(run: Record) -> dict[str, Any]:
    return {
        "seed": run.seed,
        "auc": run.metrics.test.auc,
        "logloss": run.metrics.test.logloss,
        **{said: asdict(summarise(ranks(run, when))) for when, said in WHEN},
    }
