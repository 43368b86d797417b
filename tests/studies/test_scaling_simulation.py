"""The simulated ladders are what they are called, and their tables what was counted."""

import json

import numpy as np
import pytest

from benchmark.cli import scaling
from benchmark.measure.scaling_bootstrap import law_or_constant, statistics
from benchmark.measure.scaling_points import Ladder
from benchmark.studies import scaling_simulation
from benchmark.studies.scaling_simulation import (
    DESIGNS,
    SDS,
    Case,
    Coverage,
    Found,
    JointCoverage,
    Outcome,
    coverage,
    critical_value,
    generator,
    power,
)
from benchmark.studies.scaling_simulation_report import files, report

STRONG = Case(DESIGNS[0], SDS[0], 30.0)
OUTCOME = Outcome(
    seed=7,
    tests=(Found(Case(DESIGNS[0], SDS[0], 0.0), 1000, 50), Found(STRONG, 1000, 910)),
    laws=(Coverage(STRONG, 100, 95, 94, 93, 80, 75, 60, 0.5),),
    joint=JointCoverage(6, 5, 3, 6e-4, 100, 96, 90, 0.004),
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


def test_the_critical_value_decides_as_the_test_does() -> None:
    case = Case(DESIGNS[1], SDS[1], 1.25)
    blank = case.design.ladder()
    log_loss = case.draws(blank, 3, generator(2))
    found = statistics(blank, log_loss) > critical_value(case.design, case.sd)
    ladders = [Ladder(blank.size, log_loss[:, at], blank.first) for at in range(3)]
    assert [law_or_constant(ladder).found for ladder in ladders] == list(found)
    assert 0 < found.sum() < 3


def test_a_strong_law_is_found_and_covered() -> None:
    assert power(STRONG, 20, generator(0)).found == 20
    counted = coverage(STRONG, 6, generator(1))
    assert counted == coverage(STRONG, 6, generator(1))
    assert counted.found == 6 and counted.E_identified == 6 and counted.alpha >= 4
    assert counted.alpha_where_found == counted.alpha and 0 < counted.width < 1


def test_the_tables_show_the_counts(tmp_path) -> None:
    made = report(OUTCOME)
    assert made.remarks[1].startswith('"No scaling law found" in at least 95.0%')
    assert "a law in at least 91.0%" in made.remarks[1] and "covers in 95.0% to 95.0%" in made.remarks[1]
    text, numbers = files(made, tmp_path).values()
    assert "| 6 x 3 over 1.5 | 0.0003 | 30 | 0.5 | 0.009 | 1,000 | 91.0% ± 1.8% | 9.0% ± 1.8% |" in text
    assert "| 6 + 5, x 3 | 0.0006 | 100 | 96.0% ± 3.8% | 90.0% ± 5.9% | 0.004 |" in text
    assert json.loads(numbers)["laws"][0]["alpha_where_found"] == 75
    assert sorted(path.name for path in files(made, tmp_path)) == ["simulation.json", "simulation.md"]


def test_the_command_writes_the_tables(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(scaling_simulation, "simulate", lambda draws, seed, notify: OUTCOME)
    scaling.simulate(1, 7, tmp_path)
    made = files(report(OUTCOME), tmp_path)
    assert {path: path.read_text() for path in (tmp_path / "scaling").iterdir()} == made
