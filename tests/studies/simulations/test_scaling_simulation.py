"""The simulated ladders are what they are called, and their tables what was counted."""

import json

import numpy as np
import pytest

from benchmark.cli import studies
from benchmark.studies.scaling.law import LAW, NO_FALL, UNDECIDED, fit
from benchmark.studies.simulations import scaling as simulation
from benchmark.studies.simulations.scaling import (
    CASES,
    LOWEST,
    SD,
    UNEQUAL,
    LadderDesign,
    LadderOutcome,
    Verdicts,
    as_report,
    documents,
    law,
    line,
    rising,
    simulate,
)


def counts(law: int, undecided: int, none: int) -> dict[str, int]:
    return {LAW: law, UNDECIDED: undecided, NO_FALL: none}


OUTCOME = LadderOutcome(
    seed=7,
    cases=(
        Verdicts(law(30, 0.5), 100, counts(90, 10, 0), 95),
        Verdicts(law(10, 0.5), 100, counts(40, 60, 0), 93),
        Verdicts(law(30, 0.5, sds=UNEQUAL), 100, counts(60, 40, 0), 70),
        Verdicts(line(30), 100, counts(3, 97, 0), None),
        Verdicts(CASES[-1], 100, counts(0, 4, 96), None),
    ),
)


def losses(case, draws: int) -> np.ndarray:
    random = np.random.default_rng(0)
    return np.array([case.draw(random).losses for _ in range(draws)])


@pytest.mark.parametrize("design", [LadderDesign(), LadderDesign(5, 4, 1.0)])
def test_a_law_falls_as_far_as_it_says(design) -> None:
    case = law(5, 0.5, design)
    drawn = losses(case, 3000)
    means = drawn.mean(axis=(0, 2))
    assert drawn.shape == (3000, design.sizes, design.seeds)
    assert means[0] - means[-1] == pytest.approx(5 * SD, rel=0.02)
    assert means[-1] == pytest.approx(LOWEST, abs=1e-4)
    assert drawn.std(axis=(0, 2)) == pytest.approx(np.full(design.sizes, SD), rel=0.05)
    sizes = case.draw(np.random.default_rng(0)).sizes
    assert sizes[-1] / sizes[0] == pytest.approx(10**design.decades)
    falls = -np.diff(case.course)
    assert falls[1:] / falls[:-1] == pytest.approx(
        np.full(design.sizes - 2, (sizes[1] / sizes[0]) ** -0.5)
    )


def test_other_truths_are_what_they_are_called() -> None:
    assert np.diff(line(30).course) == pytest.approx(np.full(5, -0.2))
    case = rising(30, 2.0)
    assert (case.course[-1] - case.course[-2]) * case.fall == pytest.approx(2)
    assert case.course[:-1] == law(30, 0.5).course[:-1] and case.alpha is None
    noisy = losses(law(30, 0.5, sds=UNEQUAL), 3000).std(axis=(0, 2))
    assert noisy == pytest.approx(SD * np.array(UNEQUAL), rel=0.05)
    assert all(len(case.course) == case.design.sizes for case in CASES)


def test_verdicts_are_those_of_the_tables() -> None:
    cases = [law(40, 0.5), line(30)]
    outcome = simulate(5, 3, lambda _: None, cases)
    assert outcome == simulate(5, 3, lambda _: None, cases)
    strong, straight = outcome.cases
    assert strong.verdicts[LAW] >= 3 and straight.verdicts[UNDECIDED] >= 4
    random = np.random.Generator(np.random.Philox(seed=np.random.SeedSequence([3, 0])))
    fits = [fit(cases[0].draw(random)) for _ in range(5)]
    assert strong.covered == sum(0.5 in each.alpha for each in fits)
    assert strong.verdicts[LAW] == sum(each.verdict == LAW for each in fits)
    assert straight.covered is None


def test_the_tables_show_the_counts(tmp_path) -> None:
    made = as_report(OUTCOME)
    assert "What is no law is called one in at most 3.0% of draws" in made.remarks[1]
    assert "covers a true law's in 93.0% to 95.0%" in made.remarks[1]
    assert made.remarks[1].endswith("at a fall of 30 sds at alpha 0.5 (6 x 3 over 1.5).")
    markdown, numbers = documents(made, tmp_path)
    assert (
        "| law, alpha 0.5 | 6 x 3 over 1.5 | 30 | 100 | 90.0% ± 5.9% | 10.0% ± 5.9% | 0.0% ± 0.0% |"
        " 95.0% ± 4.3% |" in markdown.text
    )
    assert "| straight line in ln x | 6 x 3 over 1.5 | 30 | 100 | 3.0% ± 3.3% |" in markdown.text
    assert json.loads(numbers.text)["cases"][1]["covered"] == 93
    assert [numbers.path, markdown.path] == [
        tmp_path / "scaling" / f"simulation.{form}" for form in ("json", "md")
    ]


def test_the_command_writes_the_tables(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(simulation, "simulate", lambda draws, seed, notify: OUTCOME)
    studies.simulate(1, 7, tmp_path)
    expected = {each.path: each.text for each in documents(as_report(OUTCOME), tmp_path)}
    assert {path: path.read_text() for path in (tmp_path / "scaling").iterdir()} == expected
