from benchmark.measure.null import null_erank
from benchmark.measure.trajectory import Band
from benchmark.reports.rank.dataset import overview
from benchmark.reports.rank.recipe import bars, of_recipe
from tests.factories import make_ranked_record, make_record

NOISE = null_erank(6, 8).mean
RUNS = [make_ranked_record(), make_ranked_record(seed=1)]


def cell(section, row: str, column: str) -> str:
    [found] = [cells for cells in section.rows if cells[0] == row]
    return found[section.head.index(column)]


def test_bars_run_from_low_to_high() -> None:
    course = [Band(value, None, 1) for value in (0.2, 0.4, 0.6)]
    assert bars([*course, None], 0.2, 0.6) == "▁▅█·"
    assert bars(course) == "▂▄▅"
    assert bars(course[:1], 0.2, 0.2) == "▁"


def test_both_forms_are_told_stage_by_stage() -> None:
    stages, blocks, _ = of_recipe([make_record()])
    head = ("stage", "batch", "batch, untrained", "batch, trained")
    assert stages.head == (*head, "token", "token, untrained", "token, trained")
    assert cell(stages, "tokens", "token, trained").endswith(f" {3.5 / NOISE:.3f}")
    assert cell(stages, "tokens", "token") == "6 x 8"
    low, high = 2.5 / NOISE, 5 / NOISE
    assert stages.remarks[1] == f"batch, trained: ▅▄▂▁ from {low:.3f} to {high:.3f}"
    assert cell(blocks, "1", "rise, trained") == f"{-0.5 / NOISE:+.4f}"
    assert cell(blocks, "1", "amplitude, trained") == "+0.0000"
    assert blocks.remarks[:2] == (
        "untrained, batch form: retention 1.000",
        "trained, batch form: retention 0.625",
    )


def test_a_whole_record_has_both_forms_the_curve_and_the_tables() -> None:
    stages, blocks, _, training, tables = of_recipe(RUNS)
    noise = null_erank(100, 8).mean
    values = [run.spectra("best").batch["tokens"].erank.mean / noise for run in RUNS]
    shown = f"{sum(values) / 2:.3f} ± {abs(values[0] - values[1]) / 2**0.5:.3f}"
    assert shown in cell(stages, "tokens", "batch, trained")
    assert cell(stages, "embedding", "token") == "6 x 8"
    assert len(blocks.rows) == 1 and len(blocks.remarks) == 4
    assert [row[0] for row in training.rows] == RUNS[0].stages
    assert training.remarks[0].startswith("Evaluations on 50 probe rows every 10 steps")
    assert tables.rows[1][:5] == ("item", "9", "6", "166.7", "6")
    means = [sum(table.plain.ia for table in run.tables) / 2 for run in RUNS]
    assert cell(tables, "mean", "ia").startswith(f"{sum(means) / 2:.2f} ± ")


def test_all_metrics_are_shown_as_they_are() -> None:
    _, _, metrics, *_ = of_recipe(RUNS)
    assert metrics.head == ("stage", "erank", "srank", "ia", "pr")
    values = [run.spectra("best").token["tokens"].pr.mean for run in RUNS]
    assert cell(metrics, "tokens", "pr").startswith(f"{sum(values) / 2:.3f} ± ")


def test_a_deep_stack_has_damping_and_decay() -> None:
    deep = [make_ranked_record(blocks=3, seed=seed) for seed in range(2)]
    _, blocks, *_ = of_recipe(deep)
    assert [row[0] for row in blocks.rows] == ["1", "2", "3"]
    assert all("a_1 less the mean" in remark for remark in blocks.remarks)
    assert all("decay a block" in remark for remark in blocks.remarks)


def test_the_data_set_has_a_row_a_recipe() -> None:
    table = overview({"one": RUNS, "other": [make_record()]})
    assert cell(table, "other", "token, trained") == f"{2.5 / NOISE:.3f}"
    assert cell(table, "other", "batch, trained") == f"{2.5 / NOISE:.3f}"
    assert cell(table, "one", "seeds") == "0, 1"
    assert cell(table, "other", "stages, batch, trained") == "▇▆▅▄"
