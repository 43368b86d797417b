"""The simulated ladders are what they are called, and their tables what was counted."""

import json

import numpy as np
import pytest

from benchmark.cli import studies
from benchmark.measure.significance import ALPHA
from benchmark.studies.scaling.law import fit
from benchmark.studies.scaling.points import Ladder
from benchmark.studies.scaling.verdict import constant_p
from benchmark.studies.simulations import scaling as scaling_simulation
from benchmark.studies.simulations.scaling import (
    DESIGNS,
    SDS,
    STEP,
    UNEQUAL_SDS,
    Case,
    Coverage,
    LawOutcome,
    Verdicts,
    as_report,
    coverage,
    documents,
    generator,
    power,
    verdicts,
)

STRONG = Case(DESIGNS[0], SDS[0], 30.0)
NOISY = Case(DESIGNS[0], 1e-3, noisier=UNEQUAL_SDS[1])
STEPPED = Case(DESIGNS[1], 1e-3, losses=STEP)
OUTCOME = LawOutcome(
    seed=7,
    tests=(
        Verdicts(Case(DESIGNS[0], SDS[0]), 1000, 50, 0),
        Verdicts(STRONG, 1000, 910, 60),
        Verdicts(NOISY, 100, 9, 1),
        Verdicts(STEPPED, 1000, 2, 998),
    ),
    laws=(
        Coverage(STRONG, 100, 95, 94, 93, 80, 75, 60, 0.5),
        Coverage(
            Case(DESIGNS[0], 1e-3, 20.0, noisier=UNEQUAL_SDS[0]), 100, 70, 94, 93, 80, 75, 60, 0.5
        ),
    ),
)


@pytest.mark.parametrize("design", DESIGNS)
def test_a_law_falls_as_far_as_it_says(design) -> None:
    case = Case(design, 1e-3, 5.0)
    ladder = design.ladder()
    loss = case.law(ladder).at(ladder.sizes)
    assert loss[0] - loss[-1] == pytest.approx(5e-3)
    assert ladder.sizes[-1] / ladder.sizes[0] == pytest.approx(10**design.decades)
    assert Case(design, 1e-3, 0.0).law(ladder).A == 0
    drawn = np.exp(case.draws(ladder, 4000, generator(0)))
    assert drawn.std(axis=1) == pytest.approx(np.full(len(drawn), 1e-3), rel=0.1)
    assert drawn.mean(axis=1) == pytest.approx(case.law(ladder).at(ladder.size), abs=1e-4)


@pytest.mark.parametrize("case", [Case(DESIGNS[1], SDS[1], 1.25), STEPPED])
def test_verdicts_are_those_of_the_tables(case) -> None:
    blank = case.design.ladder()
    log_loss = case.draws(blank, 3, generator(2))
    found, misfits = verdicts(case, log_loss)
    ladders = [Ladder(blank.size, log_loss[:, at], blank.first) for at in range(3)]
    falls = [constant_p(ladder) <= ALPHA for ladder in ladders]
    rejected = [fit(ladder).rejected for ladder in ladders]
    assert falls == list(found | misfits)
    assert [both == (True, True) for both in zip(falls, rejected, strict=True)] == list(misfits)
    assert 0 < found.sum() < 3 if case.fall else misfits.all()


def test_noise_of_each_size_is_as_it_says() -> None:
    drawn = np.exp(NOISY.draws(NOISY.design.ladder(), 4000, generator(0)))
    assert drawn.std(axis=1)[::3] == pytest.approx(1e-3 * np.array(UNEQUAL_SDS[1]), rel=0.1)
    assert power(NOISY, 40, generator(3)).found < 10


def test_a_strong_law_is_found_and_covered() -> None:
    tested = power(STRONG, 20, generator(0))
    assert tested.found + tested.misfits == 20 and tested.misfits < 5
    counted = coverage(STRONG, 6, generator(1))
    assert counted == coverage(STRONG, 6, generator(1))
    assert counted.found == 6 and counted.E_identified == 6 and counted.alpha >= 4
    assert counted.alpha_where_found == counted.alpha and 0 < counted.width < 1


def test_the_tables_show_the_counts(tmp_path) -> None:
    made = as_report(OUTCOME)
    assert made.remarks[1].startswith('"No scaling law found" in at least 95.0%')
    assert made.remarks[1].endswith("not by a power law, at most 0.2% are called a law.")
    assert (
        "a law in at least 91.0%" in made.remarks[1]
        and "covers in 95.0% to 95.0%" in made.remarks[1]
    )
    markdown, numbers = documents(as_report(OUTCOME), tmp_path)
    text = markdown.text
    assert (
        "| 0.0004 | 30 | 0.5 | 0.012 | 1,000 | 91.0% ± 1.8% | 3.0% ± 1.1% | 6.0% ± 1.5% |" in text
    )
    assert "| 0.01, 0.001, 0.001, 0.001, 0.001, 0.001 | 0 |  | 0 | 100 | 9.0% ± 5.6% |" in text
    assert "| 5 x 3 over 1 | 0.001 | a step |  | 0.057 | 1,000 | 0.2% ± 0.3% |" in text
    assert json.loads(numbers.text)["laws"][0]["alpha_where_found"] == 75
    assert [numbers.path, markdown.path] == [
        tmp_path / "scaling" / f"simulation.{form}" for form in ("json", "md")
    ]


def test_the_command_writes_the_tables(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(scaling_simulation, "simulate", lambda draws, seed, notify: OUTCOME)
    studies.simulate(1, 7, tmp_path)
    expected = {
        document.path: document.text for document in documents(as_report(OUTCOME), tmp_path)
    }
    assert {path: path.read_text() for path in (tmp_path / "scaling").iterdir()} == expected
