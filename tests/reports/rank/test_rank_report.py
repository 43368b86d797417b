from benchmark.measure.trajectory import Band
from benchmark.reports.rank.dataset import overview
from benchmark.reports.rank.recipe import bars, of_recipe
from tests.factories import make_ranked_record, make_record

RUNS = [make_ranked_record(), make_ranked_record(seed=1)]


def cell(section, row: str, column: str) -> str:
    [found] = [cells for cells in section.rows if cells[0] == row]
    return found[section.head.index(column)]


def test_bars_run_from_low_to_high() -> None:
    course = [Band(value, None, 1) for value in (0.2, 0.4, 0.6)]
    assert bars([*course, None], 0.2, 0.6) == "▁▅█·"
    assert bars(course) == "▂▄▅"
    assert bars(course[:1], 0.2, 0.2) == "▁"


def test_stages_without_batch_spectra_are_told_in_token_form() -> None:
    stages, blocks, _ = of_recipe([make_record()])
    assert stages.head == ("stage", "limit", "token, untrained", "token, trained")
    assert cell(stages, "tokens", "token, trained").endswith(" 0.583")
    assert stages.remarks[1] == "token, trained: ▅▄▂▁ from 0.417 to 0.833"
    assert cell(blocks, "1", "rise, trained") == "-0.0833"
    assert cell(blocks, "1", "amplitude, trained") == "+0.0000"
    assert blocks.remarks == (
        "untrained, token form: collapse ratio 1.000; no damping: one block",
        "trained, token form: collapse ratio 0.714; no damping: one block",
    )


def test_a_whole_record_has_both_forms_the_curve_and_the_tables() -> None:
    stages, blocks, _, training, tables = of_recipe(RUNS)
    values = [run.spectra[1].best_batch.erank.mean / 8 for run in RUNS]
    assert f"{sum(values) / 2:.3f} ± {abs(values[0] - values[1]) / 2**0.5:.3f}" in cell(
        stages, "tokens", "batch, trained"
    )
    assert cell(stages, "embedding", "limit") == "6"
    assert len(blocks.rows) == 1 and len(blocks.remarks) == 4
    assert [row[0] for row in training.rows] == [stage.stage for stage in RUNS[0].spectra]
    assert training.remarks[0].startswith("Evaluations on 50 probe rows every 10 steps")
    assert tables.rows[1][:5] == ("item", "9", "6", "166.7", "6")
    means = [sum(table.plain.ia for table in run.tables) / 2 for run in RUNS]
    assert cell(tables, "mean", "ia").startswith(f"{sum(means) / 2:.2f} ± ")


def test_all_metrics_are_shown_as_they_are() -> None:
    _, _, metrics, *_ = of_recipe(RUNS)
    assert metrics.head == ("stage", "erank", "srank", "ia", "pr")
    values = [run.spectra[1].best.pr.mean for run in RUNS]
    assert cell(metrics, "tokens", "pr").startswith(f"{sum(values) / 2:.3f} ± ")


def test_damping_of_a_deep_stack_is_over_the_seeds_that_have_one() -> None:
    deep = [make_ranked_record(blocks=3, seed=seed) for seed in range(2)]
    _, blocks, *_ = of_recipe(deep)
    assert [row[0] for row in blocks.rows] == ["1", "2", "3"]
    assert all("damping" in remark for remark in blocks.remarks)


def test_the_data_set_has_a_row_a_recipe() -> None:
    table = overview({"one": RUNS, "old": [make_record()]})
    assert cell(table, "old", "token, trained") == "0.417"
    assert cell(table, "old", "batch, trained") == ""
    assert cell(table, "one", "seeds") == "0, 1"
    assert cell(table, "old", "stages, token, trained") == "▆▅▅▄"
