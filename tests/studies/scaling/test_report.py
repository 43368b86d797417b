"""What the tables say of made-up ladders: laws that the data reject, noise that differs, intervals
that are open."""

import json
from dataclasses import replace
from math import nextafter
from pathlib import Path

import pytest

from benchmark.records import record
from benchmark.reports.words import derived
from benchmark.studies.scaling import figures, ladders
from benchmark.studies.scaling import report as scaling_report
from benchmark.studies.scaling.verdict import NO_POWER_LAW, curves
from tests.studies.scaling.test_ladders import SIZES, climb, falling, keep

MEANS = {
    "valley": (0.480, 0.474, 0.470, 0.469, 0.471, 0.475),
    "zigzag": (0.475, 0.470, 0.474, 0.469, 0.473, 0.470),
    "once": (0.48, 0.47, 0.47, 0.47, 0.47, 0.47),
    "noisy": (0.48, 0.474, 0.470, 0.467, 0.465, 0.464),
    "slow": (0.478, 0.476, 0.474, 0.472, 0.470, 0.468),
}


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    """Three seeds 0.001 apart; of `noisy` the first size's lie 20 times as far."""
    results = tmp_path_factory.mktemp("verdicts")
    for name, means in MEANS.items():
        for step, (size, mean) in enumerate(zip(SIZES, means, strict=True), start=1):
            apart = 2e-2 if (name, step) == ("noisy", 1) else 1e-3
            for seed in range(3):
                keep(results, name, step, seed, mean + apart * (seed - 1), size)
    return results


@pytest.fixture(scope="module")
def report(results):
    return scaling_report.report(results, "synthetic_tiny")


@pytest.fixture(scope="module")
def rows(report) -> dict[str, dict[str, str]]:
    """Cells by recipe and column, over parameters."""
    section = report.tables[0]
    return {row[0]: dict(zip(section.head, row, strict=True)) for row in section.rows}


@pytest.mark.parametrize("name", ["valley", "zigzag"])
def test_a_law_that_the_data_reject_is_not_printed(name, report, rows) -> None:
    row = rows[name]
    assert (
        row["verdict"].startswith(f"{NO_POWER_LAW} (misfit p = ") and float(row["misfit p"]) < 0.05
    )
    assert [
        row[column] for column in ("E", "A", "alpha", "R²", "held-out error (measured fall)")
    ] == [""] * 5
    [law] = [
        law
        for law in report.numbers["laws"]
        if (law["recipe"], law["axis"]) == (name, "parameters")
    ]
    assert (law["verdict"], law["fit"]) == (NO_POWER_LAW, None) and law["misfit"] < 0.05


def test_figures_of_rejected_laws_have_points_alone(results) -> None:
    chosen = [
        curve
        for curve in curves({"valley": ladders.rungs(results, "synthetic_tiny")["valley"]})
        if curve.axis is ladders.PARAMETERS
    ]
    figure = figures.laws("synthetic_tiny", ladders.PARAMETERS, chosen)
    [axes] = figure.axes
    assert axes.get_legend_handles_labels()[1] == ["valley (no power law)"]
    assert [line.get_linestyle() for line in axes.lines] == ["None"] and not axes.collections


def test_an_exponent_without_an_upper_end_is_no_estimate(report, rows) -> None:
    row = rows["once"]
    assert (
        row["verdict"].startswith("law (p = ")
        and row["alpha"].startswith("≥ ")
        and "(" not in row["A"]
    )
    assert (
        "once: only the smallest size differs from the others, so there is no exponent."
        in report.tables[0].remarks
    )
    [law] = [
        law
        for law in report.numbers["laws"]
        if (law["recipe"], law["axis"]) == ("once", "parameters")
    ]
    assert law["fit"]["law"]["alpha"] is None and law["fit"]["alpha"]["high"] is None


def test_seed_noise_that_differs_between_sizes_is_said(report, rows) -> None:
    assert rows["noisy"]["verdict"].endswith("but seed noise differs between sizes")
    assert float(rows["noisy"]["equal noise p"]) < 0.01 < float(rows["valley"]["equal noise p"])
    [note] = [
        remark
        for remark in report.tables[0].remarks
        if remark.startswith("noisy: the seed noise differs")
    ]
    assert note.endswith("It is largest at 1,000: 0.46000, 0.48000, 0.50000.")


def test_floors_are_identified_or_not(rows) -> None:
    assert rows["once"]["E"].startswith("0.469") and rows["slow"]["E"].startswith(
        "not identified (0.00000 to 0.4"
    )


def test_held_out_error_is_in_logloss_beside_the_fall(rows) -> None:
    error, fall = rows["once"]["held-out error (measured fall)"].split()
    assert abs(float(error)) < 2e-4 and float(fall.strip("()")) == pytest.approx(0)


def test_seeds_that_differ_between_sizes_are_counted(tmp_path) -> None:
    for step, seeds in ((1, 3), (2, 5)):
        for seed in range(seeds):
            keep(tmp_path, "a", step, seed, 0.47, 1_000 * step)
    report = scaling_report.report(tmp_path, "synthetic_tiny")
    assert report is not None
    assert "| a | 2: 1,000 to 2,000 | 3 to 5 a size |" in report.markdown()


def test_a_ladder_says_what_all_its_steps_change(tmp_path) -> None:
    path = keep(tmp_path, "dnn", 1, 0, 0.47)
    content = json.loads(path.read_text())
    content["recipe"]["train"] |= {"learning_rate": 0.002, "patience": 7}
    path.write_text(json.dumps(content))
    [rungs] = ladders.rungs(tmp_path, "synthetic_tiny").values()
    remarks = scaling_report.steps("synthetic_tiny", "dnn", rungs).remarks
    assert remarks[0] == "Learning rate of every step: 0.002."
    assert (
        remarks[1].startswith("Every step differs from the recipe in ")
        and "train.patience = 7" in remarks[1]
    )
    gone = scaling_report.steps("synthetic_tiny", "gone", rungs).remarks
    assert gone == remarks[:1]


def test_fitted_numbers_are_the_same_where_losses_differ_in_the_last_bit(tmp_path) -> None:
    texts = []
    for folder in (tmp_path / "one", tmp_path / "other"):
        climb(folder, "falls", falling)
        if folder.name == "other":
            for path in (folder / "studies").rglob("seed-*.json"):
                run = record.load(path)
                test = replace(run.metrics.test, logloss=nextafter(run.metrics.test.logloss, 1))
                keep(
                    run.model_copy(
                        update={"metrics": run.metrics.model_copy(update={"test": test})}
                    ),
                    path,
                )
        made = scaling_report.report(folder, "synthetic_tiny")
        assert made is not None
        fits = [
            {key: law[key] for key in ("fit", "p", "misfit", "noise_p")}
            for law in made.numbers["laws"]
        ]
        texts.append((made.markdown(), json.dumps(fits)))
    assert texts[0] == texts[1] and texts[0][1].count('"alpha"') == 4
    assert derived({"a": 0.123456789, "b": [3, None, 1.0]}) == {"a": 0.12346, "b": [3, None, 1.0]}
