"""Tables and figures made of hand-made records alone."""

import json
from dataclasses import replace
from itertools import pairwise
from math import nextafter
from pathlib import Path

import numpy as np
import pytest

from benchmark.records import record
from benchmark.records.archive import Archive
from benchmark.reports.words import derived
from benchmark.studies.scaling import figures, ladders
from benchmark.studies.scaling import report as scaling_report
from benchmark.studies.scaling.law import LAW, NO_FALL, UNDECIDED
from benchmark.studies.study import studies
from benchmark.verify import ladder
from tests import factories
from tests.studies.scaling.test_ladders import keep, keep_trials

SIZES = (1_000, 2_000, 4_000, 8_000, 16_000, 32_000)
NOISE = (-3e-4, 1e-4, 2.1e-4)


def falling(size: float) -> float:
    """E 0.45, A 0.02 at the geometric mean of the sizes, alpha 0.5."""
    return float(0.45 + 0.02 * (size / np.exp(np.log(SIZES).mean())) ** -0.5)


def climb(results: Path, name: str, loss, sizes=SIZES, trials: bool = True) -> None:
    for step, size in enumerate(sizes, start=1):
        if trials:
            keep_trials(results, name, step, size)
        for seed, noise in enumerate(NOISE):
            keep(results, name, step, seed, loss(size) + (noise if step % 2 else -noise), size)


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    """A falling ladder, also on fewer rows, and others that are no law."""
    results = tmp_path_factory.mktemp("ladders")
    climb(results, "falls", falling)
    climb(results, "flat", lambda size: 0.47)
    climb(results, "line", lambda size: 0.5 - 0.005 * float(np.log(size)))
    climb(results, "once", falling, trials=False)
    climb(results, "short", falling, SIZES[:2])
    for step, rows in enumerate((125, 250, 500), start=7):
        keep_trials(results, "falls", step, 8_000, rows)
        for seed, noise in enumerate(NOISE):
            keep(results, "falls", step, seed, 0.46 + 2 / rows + noise, 8_000, rows)
    return results


@pytest.fixture(scope="module")
def report(results):
    return scaling_report.report(Archive(results), "synthetic_tiny")


def law(report, recipe: str, axis: str) -> dict:
    laws = {(each["recipe"], each["axis"]): each for each in report.numbers["laws"]}
    return laws[recipe, axis]


def test_a_law_is_fitted_where_there_is_one(report) -> None:
    for axis in ("parameters", "flops"):
        found = law(report, "falls", axis)
        assert found["verdict"] == LAW and found["E_low"] < 0.45 < found["E_high"]
        assert found["alpha"] == pytest.approx(0.5, abs=0.1)
        assert found["alpha_low"] < 0.5 < found["alpha_high"] and found["faults"] == []
    sizes = law(report, "falls", "flops")["sizes"]
    assert [size["size"] for size in sizes] == [2 * size for size in SIZES]
    assert {size["rate"] for size in sizes} == {1e-3}
    text = report.markdown()
    assert f"| falls | 6: 1,000 to 32,000 | 3 | 146 | law | {found['alpha']:.3f} (0." in text


def test_what_is_no_law_has_no_exponent_and_says_why(report) -> None:
    flat, line = law(report, "flat", "parameters"), law(report, "line", "parameters")
    assert flat["verdict"] == NO_FALL and line["verdict"] == UNDECIDED
    assert "alpha" not in flat and "E" not in line and line["alpha_low"] is None
    assert "a - b ln x does as well" in line["faults"]
    assert "| line | 6: 1,000 to 32,000 | 3 | 65 | falls, form undecided | not bounded to 0." in (
        report.markdown()
    )


@pytest.mark.parametrize(
    ("recipe", "axis", "why"),
    [
        ("short", "flops", "2 sizes: a law needs at least 5"),
        ("once", "parameters", "one rate: measures the rate"),
        ("falls", "rows", "4 sizes: a law needs at least 5"),
    ],
)
def test_a_refused_design_says_why(report, recipe, axis, why) -> None:
    found = law(report, recipe, axis)
    assert found["verdict"] == f"not fitted: {why}" and "alpha_low" not in found
    assert f"| not fitted: {why} |" in report.markdown()


def test_sizes_that_chose_from_different_rates_are_not_fitted(tmp_path) -> None:
    climb(tmp_path, "a", falling)
    (tmp_path / "studies/scaling/synthetic_tiny/a-3-3/seed-1000.json").unlink()
    report = scaling_report.report(Archive(tmp_path), "synthetic_tiny")
    assert law(report, "a", "flops")["verdict"].endswith("chose their rates from different ones")


def test_steps_are_tabled_with_their_sizes_and_rates(report) -> None:
    text = report.markdown()
    head = "| step | model.hidden_units | dense parameters | FLOPs per sample | training rows |"
    assert f"{head} head's share | learning rate | seeds |" in text
    assert (
        "| 7 | [8000] | 8,000 | 16,000 | 125 | 1.2% | 0.001 of 0.0005, 0.001, 0.002 | 0-2 |"
        " 0.47600 ± 0.00027 |" in text
    )
    assert "| 1 | [1000] | 1,000 | 2,000 | 1,000 | 10.0% | 0.001 of 0.001 | 0-2 |" in text
    assert "**made up**" in text and "elementwise work counts 0" in text
    assert law(report, "falls", "rows")["sizes"][-1]["size"] == 1000


def test_the_fewest_seeds_of_a_size_are_counted(tmp_path) -> None:
    for step, seeds in ((1, 3), (2, 5)):
        for seed in range(seeds):
            keep(tmp_path, "a", step, seed, 0.47, 1_000 * step)
    report = scaling_report.report(Archive(tmp_path), "synthetic_tiny")
    assert report is not None
    assert "| a | 2: 1,000 to 2,000 | 3 |" in report.markdown()


def test_tables_are_held_to_the_records(results, tmp_path) -> None:
    study, archive = studies.get("scaling"), Archive(results)
    made = study.documents(archive, "synthetic_tiny", study.report(archive, "synthetic_tiny"))
    assert [each.path for each in made] == [
        results / "scaling" / f"synthetic_tiny{form}" for form in (".md", ".json")
    ]
    markdown, numbers = (each.text for each in made)
    assert markdown.startswith("# Scaling laws on synthetic_tiny")
    assert json.loads(numbers)["dataset"] == "synthetic_tiny"
    assert study.datasets(archive) == ["synthetic_tiny"]
    (tmp_path / "scaling").mkdir()
    (tmp_path / "scaling" / "simulation.md").write_text("")
    assert [path for path, _ in ladder.tables(Archive(tmp_path)) if "scaling" in str(path)] == []
    gone = tmp_path / "scaling" / "gone.md"
    gone.write_text("")
    assert (gone, "is made from no record; remove it") in ladder.tables(Archive(tmp_path))


def test_figures_of_every_axis(tmp_path) -> None:
    climb(tmp_path, "short", falling, SIZES[:2])
    paths = figures.draw(Archive(tmp_path), "synthetic_tiny")
    assert {path.stem for path in paths} == {"laws-parameters", "laws-flops"}
    assert {path.suffix for path in paths} == {".svg", ".png"}


@pytest.mark.parametrize("axis", [ladders.PARAMETERS, ladders.FLOPS], ids=lambda axis: axis.key)
def test_sizes_are_named_apart(results, axis) -> None:
    found = ladders.curves(ladders.rungs(Archive(results), "synthetic_tiny"))
    figure = figures.laws("synthetic_tiny", axis, [each for each in found if each.axis is axis])
    figure.draw_without_rendering()
    [axes] = figure.axes
    low, high = axes.get_xlim()
    ticks = zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)
    shown = [label.get_window_extent() for at, label in ticks if low <= at <= high]
    assert len(shown) >= 2
    assert not any(label.get_text() for label in axes.get_xticklabels(minor=True))
    assert all(left.x1 < right.x0 for left, right in pairwise(shown))


def test_the_legend_lies_within_the_figure(results) -> None:
    found = ladders.curves(ladders.rungs(Archive(results), "synthetic_tiny"))
    chosen = [curve for curve in found if curve.axis is ladders.PARAMETERS]
    long = [replace(curve, recipe="rankelastor_published_tuned") for curve in chosen]
    figure = figures.laws("synthetic_tiny", ladders.PARAMETERS, long)
    figure.draw_without_rendering()
    [legend] = figure.legends
    box = legend.get_window_extent()
    assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1


def test_only_laws_have_a_line(results) -> None:
    found = ladders.curves(ladders.rungs(Archive(results), "synthetic_tiny"))
    chosen = [curve for curve in found if curve.axis is ladders.PARAMETERS]
    [axes] = figures.laws("synthetic_tiny", ladders.PARAMETERS, chosen).axes
    labels = axes.get_legend_handles_labels()[1]
    assert labels == [
        "falls (law)",
        "flat (no fall found)",
        "line (falls, form undecided)",
        "once (not fitted)",
        "short (not fitted)",
    ]
    assert [len(line.get_xdata()) for line in axes.lines] == [18, 60, 18, 18, 18, 6]


def test_fitted_numbers_are_the_same_where_losses_differ_in_the_last_bit(tmp_path) -> None:
    texts = []
    for folder in (tmp_path / "one", tmp_path / "other"):
        climb(folder, "falls", falling)
        if folder.name == "other":
            for path in (folder / "studies").rglob("seed-*.json"):
                run = record.load(path)
                test = replace(run.metrics.test, logloss=nextafter(run.metrics.test.logloss, 1))
                metrics = run.metrics.model_copy(update={"test": test})
                factories.keep(run.model_copy(update={"metrics": metrics}), path)
        made = scaling_report.report(Archive(folder), "synthetic_tiny")
        assert made is not None
        fits = [{key: law[key] for key in law if key != "sizes"} for law in made.numbers["laws"]]
        texts.append((made.markdown(), json.dumps(fits)))
    assert texts[0] == texts[1] and texts[0][1].count('"alpha"') == 2
    assert derived({"a": 0.123456789, "b": [3, None, 1.0]}) == {"a": 0.12346, "b": [3, None, 1.0]}
