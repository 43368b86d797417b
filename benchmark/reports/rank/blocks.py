"""What each block does to the rank of several groups of runs, as a table."""

from collections.abc import Mapping

from benchmark.measure.effects import SMALLEST_CHANGE, Part, block_effects, judge
from benchmark.measure.spectrum import SpectrumForm
from benchmark.records.archive import Runs
from benchmark.records.ranks import trajectories
from benchmark.reports.document import Cells, Table
from benchmark.reports.words import effect_in_words

WHAT = (
    "The rank ratio is the mean effective rank over that of noise of the same shape: of each token"
    " over the rows (batch form, the headline), or of the tokens of each row (token form). Block by"
    " block, the rise is what the mixing adds to it and the fall what the FFN adds, with the best"
    " weights; intervals are Student's over seeds and hold together in 95 %. That the mixing raises"
    " it, or that the FFN lowers it, holds here where every block differs from 0 on that side (Holm"
    " at 5 % over the blocks), does not where one differs on the other, and is smaller than claimed"
    f" where an interval holds 0 and not a change of {SMALLEST_CHANGE}, the smallest that counts."
)


CLAIMS: dict[Part, tuple[str, float]] = {
    "rise": ("the mixing raises it", SMALLEST_CHANGE),
    "fall": ("the FFN lowers it", -SMALLEST_CHANGE),
}


def block_by_block(groups: Mapping[str, Runs], form: SpectrumForm) -> Table:
    """Two rows a group: rise and fall of each block, and what they say of both claims, from two
    seeds on. Groups without blocks have none."""
    rows = [row for name, runs in groups.items() for row in _rows(name, runs, form)]
    title = f"Rank ratio block by block, {form} form"
    if not rows:
        return Table(title, remarks=("These models have no blocks with a rank ratio.",))
    depth = max(map(len, rows)) - 3
    blocks = (f"block {number}" for number in range(1, depth + 1))
    padded = (row + ("",) * (depth + 3 - len(row)) for row in rows)
    return Table(title, ("runs", "claim", "judgement", *blocks), tuple(padded))


def _rows(name: str, runs: Runs, form: SpectrumForm) -> list[Cells]:
    paths = trajectories(runs, form, "best")
    if not paths or not all(path.amplitude for path in paths):
        return []
    rows = []
    for part, (claim, claimed) in CLAIMS.items():
        if len(paths) == 1:
            steps = (f"{step:+z.3f}" for step in getattr(paths[0], part))
            rows.append((name, claim, "one seed", *steps))
            continue
        effects = block_effects(paths, part)
        words = (effect_in_words(effect, "+z.3f", len(effects)) for effect in effects)
        rows.append((name, claim, judge(effects, claimed), *words))
    return rows
