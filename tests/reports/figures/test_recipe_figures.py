"""What the rank figures show is what the records hold; how they look is tested in test_style.py."""

from dataclasses import replace

import matplotlib
import numpy as np
import pytest

from benchmark.measure.null import null_erank
from benchmark.measure.trajectory import ratios
from benchmark.reports.figures import dataset, recipe, style
from tests.factories import make_ranked_record, make_record, make_spectra, make_spectrum

RUNS = [make_ranked_record(), make_ranked_record(seed=1)]
ONE_COLUMN = make_spectrum(1.0, columns=1)
FLAT = make_spectra([("embedding", ONE_COLUMN)], ONE_COLUMN)


def lines(axes) -> dict[str, np.ndarray]:
    return {line.get_label(): np.asarray(line.get_ydata(), dtype=np.float64) for line in axes.lines}


def test_a_recipe_has_every_figure_that_means_something() -> None:
    assert list(recipe.of_recipe(RUNS)) == [
        "trajectory",
        "spectra",
        "training",
        "tables",
    ]
    assert recipe.of_recipe([make_record(spectra=FLAT)]) == {}
    bare = replace(RUNS[0].measured, tables=())
    without_tables = RUNS[0].model_copy(update={"measured": bare})
    assert "tables" not in recipe.of_recipe([without_tables])


def test_figures_of_several_recipes_have_a_panel_each_with_bands_over_the_seeds() -> None:
    figure = dataset.trajectories({"one": RUNS, "two": [make_record()]})
    first, second = figure.axes
    assert [axes.get_title() for axes in figure.axes] == ["one (2)", "two (1)"]
    values = [list(ratios(run.spectra("best").batch).values()) for run in RUNS]
    assert lines(first)["trained"] == pytest.approx(np.mean(values, axis=0))
    _, trained = first.collections
    heights = trained.get_paths()[0].vertices[:, 1]
    ends = np.array(values)[:, 0]
    assert heights.max() >= np.mean(ends) + np.std(ends, ddof=1) - 1e-12
    assert lines(second)["untrained"] == pytest.approx([5 / null_erank(6, 8).mean] * 4)
    assert "rank ratio (noise = 1)" in figure.get_suptitle()


def test_amplitudes_are_by_block_for_recipes_of_several_blocks() -> None:
    deep = [make_ranked_record(blocks=2)]
    found = dataset.of_dataset({"shallow": RUNS, "deep": deep})
    assert list(found) == ["trajectory", "amplitude"]
    [axes] = [axes for axes in found["amplitude"].axes if axes.get_title()]
    ranks = list(ratios(deep[0].spectra("best").batch).values())[1:]
    rise_less_fall = [2 * ranks[n] - ranks[n - 1] - ranks[n + 1] for n in (1, 3)]
    assert lines(axes)["trained"] == pytest.approx([value / 2 for value in rise_less_fall])
    assert "amplitude = (rise - fall) / 2" in found["amplitude"].get_suptitle()
    assert list(dataset.of_dataset({"shallow": RUNS})) == ["trajectory"]


def test_a_panel_is_called_what_it_shows() -> None:
    for word in ("recipe", "variant"):
        for figure in dataset.of_dataset({"deep": [make_ranked_record(blocks=2)]}, word).values():
            assert figure.get_suptitle().splitlines()[1].startswith(f"{word} (number of seeds)")


def test_the_trajectory_has_a_panel_a_form() -> None:
    _, batch = recipe.trajectory(RUNS).axes
    means = [list(ratios(run.spectra("best").batch).values()) for run in RUNS]
    assert lines(batch)["trained"] == pytest.approx(np.mean(means, axis=0))


def test_singular_values_are_means_over_the_seeds() -> None:
    token_untrained, token_trained, _, batch_trained = recipe.singular_values(RUNS).axes
    found = lines(token_trained)["tokens"]
    assert found == pytest.approx(
        np.mean([run.spectra("best").token["tokens"].sigma for run in RUNS], axis=0)
    )
    assert len(lines(batch_trained)["tokens"]) == 8
    assert len(lines(token_untrained)["embedding"]) == 6


def test_rank_over_training_and_the_best_steps() -> None:
    [axes] = recipe.training(RUNS).axes
    found = lines(axes)
    assert found["tokens"] == pytest.approx([5.0 / null_erank(50, 8).mean] * 3)
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


def test_a_stage_of_zeros_is_a_gap() -> None:
    one, other = make_spectrum(), make_spectrum()
    spectra = make_spectra([("a", None), ("b", other)])
    spectra["initial"] = make_spectra([("a", one), ("b", None)])["best"]
    untrained, trained, _ = recipe.trajectory([make_record(spectra=spectra)]).axes[0].lines
    assert np.isnan(untrained.get_ydata()).tolist() == [False, True]
    assert np.isnan(trained.get_ydata()).tolist() == [True, False]


def test_a_deep_model_keeps_its_labels_apart() -> None:
    stages = [(f"block{n}.ffn", make_spectrum()) for n in range(100)]
    spectra = make_spectra(stages, make_spectrum())
    axes = recipe.trajectory([make_record(spectra=spectra)]).axes[-1]
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels[:2] == ["block0.ffn", "block9.ffn"]
    assert len(labels) <= style.MOST_LABELS


def test_the_style_is_put_back() -> None:
    size = matplotlib.rcParams["font.size"]
    recipe.trajectory(RUNS)
    assert matplotlib.rcParams["font.size"] == size != style.STYLE["font.size"]
