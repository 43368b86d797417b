"""The tables and the figure of the control study."""

from itertools import pairwise
from pathlib import Path
from statistics import mean

from matplotlib.figure import Figure

from benchmark.data import catalog
from benchmark.measure.significance import ALPHA, holm, welch
from benchmark.records.archive import Archive, Runs
from benchmark.records.comparable import require_alike
from benchmark.reports.document import Report, Table
from benchmark.reports.figures.style import BLUE, GREY, LOGLOSS, column, styled, write
from benchmark.reports.words import seeds_in_words, with_sd
from benchmark.studies.controls.instrument import RANK, ROWS, readings

WHAT = "Made by `python -m benchmark study controls`; do not edit. Known ranks, as they are read."
CONTROLS = {
    "noise": "rank_ratio of Gaussian matrices: T x D for a row of a stage, 512 x D for a token.",
    "bottleneck": "Effective rank of the batch, mean over tokens, before the first FFN of untrained"
    f" models behind a linear bottleneck: its width within {RANK:.0%}.",
    "fault": f"rank_ratio of noise ({ROWS} rows) with a fault, in the form that must see it: below"
    " that of the noise alone by more than the tolerance of noise.",
}
SMALL = 0.1
LOSSES = (
    "One cross layer, bilinear in each pair of fields, whose embedding is the bottleneck. Fall: the"
    " mean LogLoss of the width above less its own; p: Welch's test, adjusted over the rows (Holm)."
    f" It must fall (p at most {ALPHA}) up to the dimensions that the truth needs, and beyond by"
    f" less than {SMALL:.0%} of the whole fall up to there (upper 95 % limit):"
)
VERDICT = {True: "passed", False: "**failed**"}


def report(archive: Archive, dataset: str) -> Report | None:
    """The readings and the loss by width, None without records.

    Raises BenchmarkError for records that differ in more than width and seed."""
    widths = _runs(archive, dataset)
    if not widths:
        return None
    losses = {str(width): _loglosses(runs) for width, runs in widths.items()}
    read = [(each.control, each.what, round(each.value, 4), each.passed) for each in readings()]
    return Report(
        f"Controls of the instrument, and on {dataset}",
        (WHAT,),
        (*map(_readings, CONTROLS), _losses(widths, _needed(dataset))),
        {"dataset": dataset, "readings": read, "logloss": losses},
    )


def figure(archive: Archive, dataset: str) -> list[Path]:
    """Draw the loss against the width, if there are records."""
    widths = _runs(archive, dataset)
    folder = archive.figures(dataset, "controls")
    return write(_drawn(widths, dataset), folder, "widths") if widths else []


@styled
def _drawn(widths: dict[int, Runs], dataset: str) -> Figure:
    drawing, needed = column(2.2), _needed(dataset)
    axes = drawing.subplots()
    for width, runs in widths.items():
        axes.plot([width] * len(runs), _loglosses(runs), "o", color=BLUE, fillstyle="none")
    axes.plot(list(widths), [mean(_loglosses(runs)) for runs in widths.values()], color=BLUE)
    axes.axvline(needed, color=GREY, linestyle="--")
    axes.set(xlabel="width of the bottleneck", ylabel=LOGLOSS, xticks=list(widths))
    drawing.suptitle(f"{dataset}: a point a run; dashed: {needed}, which the truth needs")
    return drawing


def _readings(control: str) -> Table:
    lines = [
        (read.what, f"{read.value:.3f}", f"{read.low:.2f} to {read.high:.2f}", VERDICT[read.passed])
        for read in readings()
        if read.control == control
    ]
    head = ("what is read", "reading", "must be", "control")
    return Table(control.capitalize(), head, tuple(lines), (CONTROLS[control],))


def _losses(widths: dict[int, Runs], needed: int) -> Table:
    """Without a second seed of every width, no fall is tested."""
    rows = []
    for width, runs in widths.items():
        auc = with_sd([run.metrics.test.auc for run in runs], 5)
        seeds = seeds_in_words([run.seed for run in runs])
        rows.append((str(width), seeds, with_sd(_loglosses(runs), 5), auc, "", "", ""))
    losses = list(map(_loglosses, widths.values()))
    held = [mean(loss) for width, loss in zip(widths, losses, strict=True) if width <= needed]
    whole, steps = held[0] - held[-1] if held else 0.0, []
    if min(map(len, losses)) > 1:
        steps = [welch(before, after) for before, after in pairwise(losses)]
    adjusted = holm([step.p for step in steps])
    for row, (step, p) in enumerate(zip(steps, adjusted, strict=True), start=1):
        within = int(rows[row][0]) <= needed
        passed = step.value > 0 and p <= ALPHA if within else step.high < SMALL * whole
        rows[row] = (*rows[row][:4], f"{step.value:+.5f}", f"{p:.2g}", VERDICT[passed])
    head = ("width", "seeds", "test LogLoss", "test AUC", "fall", "p", "control")
    return Table("Loss", head, tuple(rows), (f"{LOSSES} {needed} a field.",))


def _runs(archive: Archive, dataset: str) -> dict[int, Runs]:
    """The runs by width, the narrowest first."""
    by_name = archive.by_name(dataset, "controls")
    require_alike(by_name, ("model.embedding_dim",))
    return dict(sorted((int(name.removeprefix("width-")), runs) for name, runs in by_name.items()))


def _loglosses(runs: Runs) -> list[float]:
    return [run.metrics.calibrated.logloss for run in runs]


def _needed(dataset: str) -> int:
    """Dimensions a field that the truth of the data needs, by its card."""
    return len(catalog.find_card(dataset).card.rank_losses) + 1
