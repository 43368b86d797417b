import matplotlib
import numpy as np
import pytest

from benchmark.records.record import StageSpectra
from benchmark.reports.figures import run, style
from tests.factories import make_record, make_spectrum

RECORD = make_record()


def test_the_learning_curve_shows_every_evaluation_and_the_best_step() -> None:
    above, below = run.learning_curve(RECORD).axes
    train, valid, best = above.lines
    assert list(train.get_xdata()) == [10, 20, 30]
    assert list(train.get_ydata()) == pytest.approx([0.59, 0.58, 0.57])
    assert list(valid.get_ydata()) == pytest.approx([0.55, 0.51, 0.52])
    assert list(below.lines[0].get_ydata()) == [0.70, 0.74, 0.73]
    assert set(best.get_xdata()) == {20}
    assert (above.get_ylabel(), below.get_ylabel(), below.get_xlabel()) == (
        "LogLoss",
        "AUC",
        "training step",
    )


def test_the_rank_trajectory_is_over_the_limit_stage_by_stage() -> None:
    figure = run.rank_trajectory(RECORD)
    panels = dict(zip(("erank", "srank", "ia", "pr"), figure.axes, strict=True))
    untrained, trained = panels["erank"].lines
    assert list(untrained.get_ydata()) == pytest.approx([5 / 6] * 4)
    assert list(trained.get_ydata()) == pytest.approx([4 / 6, 3.5 / 6, 3 / 6, 2.5 / 6])
    assert list(panels["srank"].lines[1].get_ydata()) == pytest.approx(
        [2 / 6, 1.75 / 6, 1.5 / 6, 1.25 / 6]
    )
    labels = [label.get_text() for label in panels["pr"].get_xticklabels()]
    assert labels == ["embedding", "tokens", "block1.mixing", "block1.ffn"]
    assert [axes.get_title() for axes in figure.axes] == [style.TITLES[metric] for metric in panels]
    assert [axes.get_xlabel() for axes in figure.axes] == ["", "", "stage", "stage"]
    assert figure.get_supylabel() == "rank / min(rows, columns)"


def test_a_stage_of_zeros_is_a_gap() -> None:
    stages = [("a", make_spectrum(), None), ("b", None, make_spectrum())]
    spectra = tuple(
        StageSpectra(stage=name, initial=initial, best=best) for name, initial, best in stages
    )
    figure = run.rank_trajectory(make_record(spectra=spectra))
    untrained, trained = figure.axes[0].lines
    assert np.isnan(untrained.get_ydata()).tolist() == [False, True]
    assert np.isnan(trained.get_ydata()).tolist() == [True, False]


def test_a_deep_model_keeps_its_labels_apart() -> None:
    spectra = tuple(
        StageSpectra(stage=f"block{n}.ffn", initial=make_spectrum(), best=make_spectrum())
        for n in range(100)
    )
    axes = run.rank_trajectory(make_record(spectra=spectra)).axes[-1]
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels[:2] == ["block0.ffn", "block9.ffn"]
    assert len(labels) <= style.MOST_LABELS


def test_the_style_is_put_back() -> None:
    size = matplotlib.rcParams["font.size"]
    run.learning_curve(RECORD)
    assert matplotlib.rcParams["font.size"] == size != style.STYLE["font.size"]
