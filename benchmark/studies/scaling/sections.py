"""The tables of a data set's ladders: laws by axis, the steps of a ladder, crossings, the joint
law."""

from collections.abc import Iterator, Sequence

from benchmark.errors import UsageError
from benchmark.recipes import recipe as recipes
from benchmark.reports.document import Table
from benchmark.reports.words import seeds_in_words, with_sd
from benchmark.studies.scaling.bootstrap import unequal
from benchmark.studies.scaling.curves import Curve, Joint, Met, logloss, mean_rank
from benchmark.studies.scaling.joint import LEAST_FALL, JointFit
from benchmark.studies.scaling.ladders import (
    FLOPS,
    PARAMETERS,
    ROWS,
    Axis,
    Rung,
    settings,
    varied_settings,
)
from benchmark.studies.scaling.law import EXPONENTS, Interval, LawFit

HEAD = (
    "recipe",
    "sizes",
    "seeds",
    "verdict",
    "E",
    "A",
    "alpha",
    "R²",
    "held-out error (measured fall)",
    "misfit p",
    "equal noise p",
    "erank / limit",
)
JOINT_HEAD = (
    "recipe",
    "verdict",
    "E",
    "A",
    "alpha",
    "B",
    "beta",
    "R²",
    "misfit p",
    "oracle LogLoss",
    "E less the oracle's",
)
OUTCOME = "seeds", "test LogLoss", "test AUC", "erank / limit"


def outcome(rung: Rung) -> tuple[str, str, str, str]:
    """What a step or shape came to, in the columns OUTCOME."""
    return (
        seeds_in_words([run.seed for run in rung.runs]),
        with_sd([logloss(run) for run in rung.runs], 5),
        with_sd([run.metrics.test.auc for run in rung.runs], 5),
        "" if (rank := mean_rank(rung)) is None else f"{rank:.3f}",
    )


def interval(found: Interval, digits: int) -> str:
    """E.g. `0.10 to 0.52`; an end that the data do not bound is called so."""
    low, high = (
        "not bounded" if end is None else f"{end:.{digits}f}" for end in (found.low, found.high)
    )
    return f"{low} to {high}"


def laws(axis: Axis, found: Sequence[Curve]) -> Table:
    chosen = [curve for curve in found if curve.axis is axis]
    notes = tuple(note for curve in chosen for note in _notes(curve))
    return Table(f"Laws over {axis.title}", HEAD, tuple(map(_law, chosen)), notes)


def _law(curve: Curve) -> tuple[str, ...]:
    ranks = [mean_rank(rung) for rung in (curve.rungs[0], curve.rungs[-1])]
    end = " → ".join("" if value is None else f"{value:.3f}" for value in ranks)
    start = (
        curve.recipe,
        f"{len(set(curve.sizes))}: {curve.sizes[0]:,} to {curve.sizes[-1]:,}",
        _seeds(curve.rungs),
    )
    if curve.ladder is None:
        return (*start, curve.verdict, *("",) * 7, end)
    fit = curve.fit
    return (
        *start,
        _verdict(curve),
        *(_estimates(fit) if fit else ("",) * 5),
        "" if curve.tried is None else f"{curve.tried.misfit:.2g}",
        f"{curve.ladder.noise_p:.2g}",
        end,
    )


def _seeds(rungs: Sequence[Rung]) -> str:
    """Those of every size, or how many."""
    each = {tuple(run.seed for run in rung.runs) for rung in rungs}
    if len(each) == 1:
        return seeds_in_words(*each)
    counts = sorted({len(seeds) for seeds in each})
    return f"{' to '.join(map(str, sorted({counts[0], counts[-1]})))} a size"


def _verdict(curve: Curve) -> str:
    assert curve.test is not None and curve.ladder is not None
    why = (
        f"misfit p = {curve.tried.misfit:.2g}"
        if curve.tried and not curve.fit
        else f"p = {curve.test.p:.2g}"
    )
    return f"{curve.verdict} ({why})" + (
        ", but seed noise differs between sizes" if unequal(curve.ladder) else ""
    )


def _estimates(fit: LawFit) -> tuple[str, ...]:
    E, A = interval(fit.E, 5), interval(fit.A, 5)
    return (
        f"{fit.law.E:.5f} ({E})" if fit.identified else f"not identified ({E})",
        f"{fit.law.A:.5f} ({A})" if fit.bounded else A,
        _exponent(fit),
        f"{fit.r2:.3f}",
        f"{fit.missed:+.5f} ({fit.last_fall:.5f})",
    )


def _exponent(fit: LawFit) -> str:
    low, high = fit.alpha.low, fit.alpha.high
    if fit.bounded:
        return f"{fit.law.alpha:.3f} ({interval(fit.alpha, 3)})"
    if low is not None and high is not None:
        return interval(fit.alpha, 3)
    if low is not None:
        return f"≥ {low:.3f}"
    return "not bounded" if high is None else f"≤ {high:.3f}"


def _notes(curve: Curve) -> Iterator[str]:
    if curve.fit is not None and curve.fit.law.alpha >= EXPONENTS[1]:
        yield (
            f"{curve.recipe}: only the smallest size differs from the others, so there is no"
            " exponent."
        )
    if curve.fit is not None and curve.fit.law.alpha <= EXPONENTS[0]:
        yield f"{curve.recipe}: a straight line in the logarithm of size, so there is no exponent."
    if curve.ladder is not None and unequal(curve.ladder):
        size = curve.ladder.sizes[curve.ladder.noises.argmax()]
        worst = [
            run for rung in curve.rungs if curve.axis.of(rung.first) == size for run in rung.runs
        ]
        yield (
            f"{curve.recipe}: the seed noise differs between sizes (Bartlett's p ="
            f" {curve.ladder.noise_p:.2g}), so test and intervals do not hold. It is largest at"
            f" {size:,.0f}: {', '.join(f'{logloss(run):.5f}' for run in worst)}."
        )


def steps(dataset: str, name: str, rungs: Sequence[Rung]) -> Table:
    varied = varied_settings(rungs)
    rows = tuple(
        (
            str(rung.step),
            *(str(settings(rung.first)[key]) for key in varied),
            f"{PARAMETERS.of(rung.first):,}",
            f"{rung.first.parameters.head:,}",
            f"{FLOPS.of(rung.first):,}",
            f"{ROWS.of(rung.first):,}",
            *outcome(rung),
        )
        for rung in rungs
    )
    axes = PARAMETERS.title, "head parameters", FLOPS.title, ROWS.title
    return Table(
        f"The ladder of {name}",
        ("step", *varied, *axes, *OUTCOME),
        rows,
        (
            *_common(dataset, name, rungs, varied),
            *(f"Step {rung.step}: {note}" for rung in rungs for note in rung.first.notes),
        ),
    )


def _common(dataset: str, name: str, rungs: Sequence[Rung], varied: Sequence[str]) -> Iterator[str]:
    """What is the same at every step: the learning rate, and what differs from the recipe if that
    is still there."""
    kept = {key: value for key, value in settings(rungs[0].first).items() if key not in varied}
    if "train.learning_rate" in kept:
        yield f"Learning rate of every step: {kept['train.learning_rate']:g}."
    try:
        own = recipes.load(f"{dataset}/{name}").dotted()
    except UsageError:
        return
    if changed := [f"{key} = {value!r}" for key, value in kept.items() if own.get(key) != value]:
        yield f"Every step differs from the recipe in {', '.join(changed)}."


def crossings(met: Sequence[Met]) -> Table:
    rows = [
        (
            each.a.axis.title,
            *(
                (each.a.recipe, each.b.recipe)
                if crossing.first_better_above
                else (each.b.recipe, each.a.recipe)
            ),
            f"{crossing.size:,.0f}",
            interval(crossing.interval, 0),
            "between measured sizes" if crossing.measured else "extrapolated",
        )
        for each in met
        for crossing in each.at
    ]
    apart = [
        f"{each.a.recipe} and {each.b.recipe} over {each.a.axis.title}"
        for each in met
        if not each.at
    ]
    return Table(
        "Crossings",
        ("axis", "lower loss above", "lower loss below", "at", "95 % interval", "") if rows else (),
        tuple(rows),
        (f"No crossing within half a decade of the sizes: {', '.join(apart)}.",) if apart else (),
    )


def together(found: Sequence[Joint]) -> Table:
    rows = tuple(_joint(joint) for joint in found if not joint.refused)
    refused = (f"{joint.recipe}: {joint.verdict}." for joint in found if joint.refused)
    return Table(
        "Parameters and rows together: L = E + A (N / N0)^-alpha + B (R / R0)^-beta",
        JOINT_HEAD if rows else (),
        rows,
        (
            (
                "E is the loss of an infinite model on infinite rows: the oracle's, but for what"
                " the family misses. N0 and R0 are the geometric means of the sizes. A term has no"
                f" numbers where it falls by less than {LEAST_FALL} seed sds over its axis or its"
                " exponent runs to a bound; only E has an interval."
            ),
            *refused,
        ),
    )


def _joint(joint: Joint) -> tuple[str, ...]:
    assert joint.tried is not None
    oracle = "" if joint.oracle is None else f"{joint.oracle:.5f}"
    verdict, misfit = joint.verdict, f"{joint.tried.misfit:.2g}"
    if joint.fit is None:
        return joint.recipe, f"{verdict} (misfit p = {misfit})", *("",) * 6, misfit, oracle, ""
    fit, law = joint.fit, joint.fit.law
    return (
        joint.recipe,
        verdict,
        (
            f"{law.E:.5f} ({interval(fit.E, 5)})"
            if fit.identified
            else f"not identified ({interval(fit.E, 5)})"
        ),
        *(_term(law.A, law.alpha) if fit.parameters_estimated else ("-", "-")),
        *(_term(law.B, law.beta) if fit.rows_estimated else ("-", "-")),
        f"{fit.r2:.3f}",
        misfit,
        oracle,
        "" if joint.oracle is None else _apart(fit, joint.oracle),
    )


def _term(factor: float, exponent: float) -> tuple[str, str]:
    return f"{factor:.5f}", f"{exponent:.3f}"


def _apart(fit: JointFit, oracle: float) -> str:
    inside = f"{'within' if oracle in fit.E else 'outside'} the interval"
    return f"{fit.law.E - oracle:+.5f}, {inside}" if fit.identified else inside
