"""What the records of ladders show, as tables and numbers."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmark.studies import scaling_numbers, scaling_released, scaling_sections, scaling_shapes
from benchmark.studies.report import Report
from benchmark.studies.scaling import AXES, Ladders, ladders
from benchmark.studies.scaling_curves import Curve, curves, joints, meetings
from benchmark.studies.scaling_shapes import Level


@dataclass(frozen=True)
class Findings:
    """What the records of a data set's ladders and shapes give: tables and figures are made of it."""

    dataset: str
    ladders: Ladders
    curves: list[Curve]
    levels: list[Level]


def findings(results: Path, dataset: str) -> Findings:
    """Raises BenchmarkError for records that are no one study."""
    there = ladders(results, dataset)
    return Findings(dataset, there, curves(there), scaling_shapes.levels(results, dataset))


def report(of: Findings) -> Report | None:
    """From records and recipes alone; None where there is neither a record nor a released ladder."""
    dataset, there, found, levels = of.dataset, of.ladders, of.curves, of.levels
    released = scaling_released.ladders(dataset)
    if not there and not released and not levels:
        return None
    together, met = joints(there), meetings(found)
    return Report(
        f"Scaling laws on {dataset}",
        tuple(_remarks(there)),
        (
            *(scaling_sections.laws(axis, found) for axis in AXES if any(curve.axis is axis for curve in found)),
            *(scaling_sections.steps(dataset, name, rungs) for name, rungs in there.items()),
            *([scaling_sections.crossings(met)] if met else []),
            *([scaling_sections.together(together)] if together else []),
            *([scaling_shapes.section(levels)] if levels else []),
            *(scaling_released.section(*each) for each in released.items()),
        ),
        scaling_numbers.numbers(dataset, there, found, met, together, released)
        | {"shapes": [scaling_shapes.numbers(each) for each in levels]},
    )


def _remarks(there: Ladders) -> Iterator[str]:
    yield "Made from records by `python -m benchmark scale tables`; do not edit."
    yield "Axes: " + "; ".join(f"**{axis.title}**: {axis.definition}" for axis in AXES) + "."
    if not there:
        return
    yield (
        "L(x) = E + A (x / x0)^-alpha of the test LogLoss, x0 the geometric mean of the sizes, with 95 % profile "
        "intervals at the noise between seeds. A law is fitted where a constant is rejected at 5 % (parametric "
        "bootstrap); else the table says so and prints no exponent. Misfit: a p below 0.05 says that the sizes stray "
        "from any such law by more than their seeds do; the loss falls, but by no power law, and nothing of the law "
        "is printed. Equal noise: Bartlett's p that the seeds scatter alike at all sizes; below 0.01 they do not, and "
        "test and intervals do not hold. Held-out error: predicted less measured LogLoss at the largest size, by the "
        "law of the others, beside the measured fall from the second largest to it. E is identified where its "
        "interval is narrower than the fall of the loss over the ladder. An exponent that is not bounded on both "
        "sides has no estimate, nor has its A."
    )
    yield (
        "Learning rate, L2 and dropout are the recipe's own at every size unless a step names them, so an exponent is "
        "that of this ladder at this rate. Fewer rows are the first rows of more, the same for all seeds, so no seed "
        "sd holds the choice of rows. On parameters and FLOPs E is the loss of an infinite model on these rows, not "
        "the oracle's. erank / limit: mean effective rank per sample of the trained last stage over its largest "
        "possible value, at the smallest and the largest size. All runs stop early on LogLoss."
    )
    first = next(iter(there.values()))[0].first
    if first.metrics.oracle_logloss is not None:
        yield f"LogLoss of the true click probability (oracle): {first.metrics.oracle_logloss:.5f}."
    if first.caveat:
        yield f"**{first.caveat}**"
