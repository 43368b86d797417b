"""The tables of the damping study: what each block does to the rank, and whether that damps."""

from itertools import product
from pathlib import Path

from benchmark.measure.effects import SMALLEST_CHANGE, damping_effects, judge
from benchmark.measure.spectrum import SpectrumForm
from benchmark.records.archive import Archive, Runs
from benchmark.records.comparable import require_alike
from benchmark.records.measured import FORMS, When
from benchmark.records.ranks import WHEN, trajectories
from benchmark.reports.document import Cells, Report, Table
from benchmark.reports.quantities import numbers_of
from benchmark.reports.rank import blocks
from benchmark.reports.words import effect_in_words, seeds_in_words, with_sd

MADE = (
    "Made from the records in the folder of this name by `python -m benchmark study damping`; do"
    " not edit."
)
DAMPING = (
    "a_l = (rise - fall) / 2 is the signed amplitude of block l. The rank oscillates where a_1 is"
    " above 0, and that damps where a_1 less the mean of the later ones is above 0 too (Holm at"
    " 5 %, judged as above): one jump and then nothing is damped, a growing oscillation is not. The"
    " decay constant is the k of c exp(-k l) by least squares, a seed at a time (mean ± sd)."
    " Retention is the ratio of the last stage over the highest of an earlier one. Untrained"
    " networks are not judged."
)
HEAD = ("runs", "seeds", "test AUC", "form", "a_1", "a_1 less later", "decay", "retention")


def report(archive: Archive, dataset: str) -> Report | None:
    """The tables of all variants, None without records.

    Raises BenchmarkError for records of a variant that differ in more than their seed."""
    variants = archive.by_name(dataset, "damping")
    if not variants:
        return None
    for name, runs in variants.items():
        require_alike({name: runs}, ())
    caveat = next(iter(variants.values()))[0].caveat
    views = list(product(reversed(FORMS), reversed(WHEN)))
    rows = [_damping(name, runs, *view) for name, runs in variants.items() for view in views]
    tables = [blocks.block_by_block(variants, form) for form in reversed(FORMS)]
    damping = Table("Damping", (*HEAD, "it oscillates", "it damps"), tuple(rows), (DAMPING,))
    numbers = {name: [numbers_of(run) for run in runs] for name, runs in variants.items()}
    return Report(
        f"Damping on {dataset}",
        tuple(filter(None, (MADE, caveat and f"**{caveat}**", blocks.WHAT))),
        (*tables, damping),
        {"dataset": dataset, "variants": numbers},
    )


def figures(archive: Archive, dataset: str) -> list[Path]:
    """Draw the rank through the stages, and the amplitudes, a panel a variant."""
    from benchmark.reports.figures.dataset import of_dataset
    from benchmark.reports.figures.style import write

    drawn = of_dataset(archive.by_name(dataset, "damping"), "variant of the damping study")
    folder = archive.figures(dataset, "damping")
    return [path for name, figure in drawn.items() for path in write(figure, folder, name)]


def _damping(name: str, runs: Runs, form: SpectrumForm, when: When) -> Cells:
    seeds = seeds_in_words([run.seed for run in runs])
    auc = with_sd([run.metrics.test.auc for run in runs], 5)
    start = name, seeds, auc, f"{form}, {WHEN[when]}"
    paths = trajectories(runs, form, when)
    decay = with_sd([path.decay for path in paths], 2)
    retention = with_sd([path.retention for path in paths], 3)
    if len(paths) < 2 or any(path.damping is None for path in paths):
        return *start, "", "", decay, retention, "", ""
    effects = damping_effects(paths)
    words = (effect_in_words(effect, "+z.3f", len(effects)) for effect in effects)
    judged = judge(effects[:1], SMALLEST_CHANGE), judge(effects, SMALLEST_CHANGE)
    return *start, *words, decay, retention, *(judged if when == "best" else ("", ""))
