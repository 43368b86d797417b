"""What the rank figures show is what the records hold; how they look is tested in test_plot.py."""

import matplotlib
import numpy as np
import pytest

from benchmark.measure.trajectory import DENSITY_BINS
from benchmark.records.record import StageSpectra
from benchmark.reports.figures import dataset, recipe, style
from tests.factories import make_ranked_record, make_record, make_spectrum

RUNS = [make_ranked_record(), make_ranked_record(seed=1)]
FLAT = StageSpectra(
    stage="embedding", initial=make_spectrum(1.0, columns=1), best=make_spectrum(1.0, columns=1)
)


def lines(axes) -> dict[str, np.ndarray]:
    return {line.get_label(): np.asarray(line.get_ydata(), dtype=np.float64) for line in axes.lines}


def test_a_recipe_has_every_figure_that_means_something() -> None:
    assert list(recipe.of_recipe(RUNS)) == [
        "trajectory",
        "spectra",
        "density",
        "training",
        "tables",
    ]
    assert recipe.of_recipe([make_record(spectra=(FLAT,))]) == {}
    assert "tables" not in recipe.of_recipe([RUNS[0].model_copy(update={"tables": ()})])


def test_figures_of_several_recipes_have_a_panel_each_with_bands_over_the_seeds() -> None:
    figure = dataset.trajectories({"one": RUNS, "two": [make_record()]}, "srank")
    first, second = figure.axes
    assert [axes.get_title() for axes in figure.axes] == ["one (2)", "two (1)"]
    means = [
        np.mean([run.spectra[stage].best.srank.mean / (6, 4, 4, 4)[stage] for run in RUNS])
        for stage in range(4)
    ]
    assert lines(first)["trained"] == pytest.approx(means)
    _, trained = first.collections
    heights = trained.get_paths()[0].vertices[:, 1]
    values = [run.spectra[0].best.srank.mean / 6 for run in RUNS]
    assert heights.max() >= np.mean(values) + np.std(values, ddof=1) - 1e-12
    assert lines(second)["untrained"] == pytest.approx([2.5 / 6] * 4)
    assert "stable rank / min(rows, columns)" in figure.get_suptitle()


def test_amplitudes_are_by_block_for_recipes_of_several_blocks() -> None:
    deep = [make_ranked_record(blocks=2)]
    found = dataset.of_dataset({"shallow": RUNS, "deep": deep}, "erank")
    assert list(found) == ["trajectory", "amplitude"]
    [axes] = [axes for axes in found["amplitude"].axes if axes.get_title()]
    ranks = [stage.best.erank.mean / stage.best.limit for stage in deep[0].spectra][1:]
    rise_less_fall = [2 * ranks[n] - ranks[n - 1] - ranks[n + 1] for n in (1, 3)]
    assert lines(axes)["trained"] == pytest.approx([value / 2 for value in rise_less_fall])
    assert list(dataset.of_dataset({"shallow": RUNS}, "erank")) == ["trajectory"]


def test_the_trajectory_has_a_row_a_metric_and_a_column_a_form() -> None:
    figure = recipe.trajectory(RUNS)
    assert len(figure.axes) == 8
    batch_pr = figure.axes[7]
    means = [
        np.mean([run.spectra[stage].best_batch.pr.mean / 8 for run in RUNS]) for stage in range(4)
    ]
    assert lines(batch_pr)["trained"] == pytest.approx(means)


def test_densities_are_summed_over_the_seeds_and_the_first_stage_has_no_shift() -> None:
    ranks, shifts = recipe.density(RUNS).axes
    assert (len(ranks.patches), len(shifts.patches)) == (8, 6)
    values, edges, baseline = ranks.patches[0].get_data()
    assert (len(edges), edges[0], edges[-1], baseline) == (DENSITY_BINS + 1, 0, 1, 0)
    counts = np.sum([run.spectra[0].initial_density.rank for run in RUNS], axis=0)
    others = np.sum([run.spectra[0].best_density.rank for run in RUNS], axis=0)
    assert values == pytest.approx(0.85 * counts / max(counts.max(), others.max()))
    assert [label.get_text() for label in ranks.get_yticklabels()] == [
        stage.stage for stage in RUNS[0].spectra
    ]


def test_a_single_stage_has_no_shift_to_show() -> None:
    single = RUNS[0].model_copy(update={"spectra": RUNS[0].spectra[:1]})
    assert len(recipe.density([single]).axes) == 1


def test_singular_values_are_means_over_the_seeds() -> None:
    token_untrained, token_trained, _, batch_trained = recipe.singular_values(RUNS).axes
    found = lines(token_trained)["tokens"]
    assert found == pytest.approx(np.mean([run.spectra[1].best.sigma for run in RUNS], axis=0))
    assert len(lines(batch_trained)["tokens"]) == 8
    assert len(lines(token_untrained)["embedding"]) == 6


def test_rank_over_training_and_the_best_steps() -> None:
    [axes] = recipe.training(RUNS).axes
    found = lines(axes)
    assert found["tokens"] == pytest.approx(
        [np.mean([run.rank_curve[0].erank["tokens"] for run in RUNS])] * 3
    )
    assert [line.get_xdata()[0] for line in axes.lines if line.get_label() == "best step"] == [
        20,
        20,
    ]


def test_tables_lie_at_their_cardinality_and_frequency() -> None:
    left, right = recipe.tables(RUNS).axes
    limit, plain, _ = left.lines
    assert list(limit.get_ydata()) == [3, 6]
    assert list(plain.get_xdata()) == [5, 9]
    assert plain.get_ydata() == pytest.approx(
        [np.mean([run.tables[n].plain.ia for run in RUNS]) for n in range(2)]
    )
    assert right.lines[0].get_xdata() == pytest.approx([1000 / 3, 1000 / 6])


def test_the_learning_curve_shows_every_evaluation_and_the_best_step() -> None:
    above, below = recipe.learning_curve(make_record()).axes
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


def test_a_stage_of_zeros_is_a_gap() -> None:
    stages = [("a", make_spectrum(), None), ("b", None, make_spectrum())]
    spectra = tuple(
        StageSpectra(stage=name, initial=initial, best=best) for name, initial, best in stages
    )
    untrained, trained = recipe.trajectory([make_record(spectra=spectra)]).axes[0].lines
    assert np.isnan(untrained.get_ydata()).tolist() == [False, True]
    assert np.isnan(trained.get_ydata()).tolist() == [True, False]


def test_a_deep_model_keeps_its_labels_apart() -> None:
    spectra = tuple(
        StageSpectra(stage=f"block{n}.ffn", initial=make_spectrum(), best=make_spectrum())
        for n in range(100)
    )
    axes = recipe.trajectory([make_record(spectra=spectra)]).axes[-1]
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels[:2] == ["block0.ffn", "block9.ffn"]
    assert len(labels) <= style.MOST_LABELS


def test_the_style_is_put_back() -> None:
    size = matplotlib.rcParams["font.size"]
    recipe.learning_curve(make_record())
    assert matplotlib.rcParams["font.size"] == size != style.STYLE["font.size"]
