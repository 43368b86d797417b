"""Variants of a recipe, and reports made of hand-made records alone."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.data.schema import Schema
from benchmark.errors import BenchmarkError, UsageError
from benchmark.recipes import recipe as recipes
from benchmark.records import record
from benchmark.records.record import StageSpectra
from benchmark.studies import damping
from benchmark.studies import study as reports
from benchmark.studies.ablation import design
from benchmark.studies.ablation import report as ablation_report
from benchmark.studies.campaign import variants as grid
from tests.factories import STAGES, TEST, make_record, make_spectrum

BASE = recipes.load("synthetic_tiny/rankelastor_small")
AUC = {
    "full-glu": (1.0, 3.0),
    "full-relu": (5.0, 7.0),
    "none-glu": (2.0, 4.0),
    "none-relu": (9.0, 11.0),
}
"""In hundredths: effects of mixing -+1.25, of FFN -+2.75, of both together +-0.75 (see
test_factorial)."""


def keep(results: Path, study: str, name: str, seed: int, **changes) -> Path:
    path = results / "studies" / study / "synthetic_tiny" / name / f"seed-{seed}.json"
    record.save(make_record(name=None, seed=seed, **changes), path)
    return path


def cell(results: Path, name: str, seed: int, auc: float, width: int = 8) -> None:
    mixing, _, ffn = name.partition("-")
    model = {"name": "rankelastor", "token_dim": width, "mixing": mixing, "ffn": ffn}
    quality = make_record().metrics
    keep(
        results,
        "ablation",
        name,
        seed,
        recipe={"dataset": "synthetic_tiny", "model": model, "train": {"epochs": 1}},
        metrics=replace_test(quality, auc / 100),
    )


def replace_test(quality, auc: float):
    return quality.model_copy(update={"test": replace(TEST, auc=auc)})


@pytest.fixture
def four_cells(tmp_path):
    for name, values in AUC.items():
        for seed, auc in enumerate(values):
            cell(tmp_path, name, seed, auc)
    return tmp_path


def test_parse_cells() -> None:
    assert len(design.parse_cells(None)) == 12
    assert design.parse_cells("none/relu, full/glu") == [("full", "glu"), ("none", "relu")]
    with pytest.raises(
        UsageError, match=r"--cells full/glue: write MIXING/FFN of mixing full, kronecker"
    ):
        design.parse_cells("full/glue")


def test_variants_are_the_base_but_for_two_settings() -> None:
    variants = design.variants(BASE, design.GRID)
    assert len({variant.recipe.digest() for variant in variants}) == 12
    for variant, (mixing, ffn) in zip(variants, design.GRID, strict=True):
        assert (variant.name, variant.recipe.name) == (f"{mixing}-{ffn}", None)
        assert variant.recipe.hyperparameters == {
            **BASE.hyperparameters,
            "mixing": mixing,
            "ffn": ffn,
        }
        assert variant.recipe.train == BASE.train


@pytest.mark.parametrize("dataset", ["frappe_x1r", "synthetic", "synthetic_tiny"])
def test_every_cell_of_a_committed_base_can_be_built(dataset: str) -> None:
    base = recipes.load(f"{dataset}/{design.BASE}")
    fields = {"frappe_x1r": 10}.get(dataset, 39)
    schema = Schema((), tuple(f"c{i}" for i in range(fields)), (5,) * fields)
    grid.require_buildable(design.variants(base, design.GRID), schema)


def test_a_cell_that_cannot_be_built_is_named_before_any_is_run() -> None:
    base = recipes.override(BASE, ["model.num_tokens=3"])
    with pytest.raises(
        UsageError, match=r"transpose-glu: .*num_tokens = 3 does not divide token_dim = 8"
    ):
        grid.require_buildable(design.variants(base, design.GRID), Schema((), ("a",), (5,)))
    with pytest.raises(UsageError, match=r"varies parts of rankelastor, and this is lr"):
        design.variants(recipes.load("synthetic_tiny/lr"), design.GRID)


def test_cells_have_a_place_by_study_data_set_and_variant() -> None:
    cells = grid.cells("ablation", "card.toml", design.variants(BASE, [("full", "glu")]), [0, 2])
    assert [each.path(Path()) for each in cells] == [
        Path(f"studies/ablation/synthetic_tiny/full-glu/seed-{seed}.json") for seed in (0, 2)
    ]
    assert cells[0].card == "card.toml"


def test_ablation_report(four_cells) -> None:
    report = ablation_report.report(four_cells, "synthetic_tiny")
    assert report is not None
    text = report.markdown()
    assert "| full/glu | 0, 1 | 0.02000 ± 0.01414 | 0.50000 ± 0.00000 | 0.667 |" in text
    assert "| mixing full | -0.01250 | -0.02638 to +0.00138 |  |" in text
    assert "| FFN relu | +0.02750 | +0.01362 to +0.04138 | not zero |" in text
    assert "F test of mixing x FFN: F(1, 4) = 2.25, p = 0.21, 5 % of the sum of squares." in text
    assert "Held fixed: model.name = rankelastor, model.token_dim = 8, train.epochs = 1." in text
    assert (
        "Not analysed: the seeds of each cell give equal values" in text
    )  # LogLoss and rank are all alike
    numbers = json.loads(json.dumps(report.numbers))
    assert numbers["cells"]["none/glu"][1]["auc"] == 0.04
    assert numbers["analyses"]["auc"]["main"][1][0]["estimate"] == pytest.approx(-0.0275)


def test_the_same_records_give_the_same_bytes(four_cells, tmp_path_factory) -> None:
    other = tmp_path_factory.mktemp("other")
    for name, values in reversed(AUC.items()):
        for seed, auc in reversed(list(enumerate(values))):
            cell(other, name, seed, auc)
    contents = []
    for results in (four_cells, other):
        report = ablation_report.report(results, "synthetic_tiny")
        assert report is not None
        contents.append(
            [
                path.read_bytes()
                for path in grid.write(results, "ablation", "synthetic_tiny", report)
            ]
        )
    assert contents[0] == contents[1]
    assert list(reports.unlike(four_cells)) == []


def test_altered_and_missing_tables_are_found(four_cells) -> None:
    table = four_cells / "studies" / "ablation" / "synthetic_tiny.md"
    numbers = table.with_suffix(".json")
    assert list(reports.unlike(four_cells)) == [table, numbers]
    report = ablation_report.report(four_cells, "synthetic_tiny")
    assert report is not None
    grid.write(four_cells, "ablation", "synthetic_tiny", report)
    table.write_text(table.read_text().replace("0.02000", "0.03000"))
    assert list(reports.unlike(four_cells)) == [table]
    cell(four_cells, "none-relu", 2, 4.0)
    assert list(reports.unlike(four_cells)) == [table, numbers]


def test_one_seed_is_shown_but_not_analysed(tmp_path) -> None:
    for name, values in AUC.items():
        cell(tmp_path, name, 0, values[0])
    report = ablation_report.report(tmp_path, "synthetic_tiny")
    assert report is not None
    text = report.markdown()
    assert "| full/glu | 0 | 0.01000 | 0.50000 |" in text
    assert text.count("Not analysed: effects and their intervals need at least two levels") == 3


def test_records_of_two_bases_are_no_one_study(four_cells) -> None:
    cell(four_cells, "none-gelu", 0, 1.0, width=16)
    with pytest.raises(
        BenchmarkError, match=r"full-glu/seed-0 and none-gelu/seed-0 differ in model.token_dim"
    ):
        ablation_report.report(four_cells, "synthetic_tiny")


def test_nothing_run_is_no_report(tmp_path) -> None:
    assert ablation_report.report(tmp_path, "synthetic_tiny") is None
    assert damping.report(tmp_path, "synthetic_tiny") is None


def test_damping_variant() -> None:
    variant = damping.variant(recipes.load("synthetic_tiny/rankmixer"), 8)
    assert variant.name == "rankmixer-8" and variant.recipe.hyperparameters["num_blocks"] == 8
    with pytest.raises(UsageError, match="synthetic_tiny/lr: lr has no blocks"):
        damping.variant(recipes.load("synthetic_tiny/lr"), 8)


def test_damping_report(tmp_path) -> None:
    """Ranks over a limit of 6: 3, then +1.2 -0.6, then +0.6 -0.6: amplitudes 0.15 and 0.1, slope
    ln(2 / 3)."""
    stages = (*STAGES, "block2.mixing", "block2.ffn")
    path = (3.0, 3.0, 4.2, 3.6, 4.2, 3.6)
    for seed in (0, 1):
        spectra = tuple(
            StageSpectra(stage=stage, initial=make_spectrum(5.0), best=make_spectrum(rank))
            for stage, rank in zip(stages, path, strict=True)
        )
        keep(tmp_path, "damping", "rankmixer-2", seed, spectra=spectra)
    report = damping.report(tmp_path, "synthetic_tiny")
    assert report is not None
    text = report.markdown()
    flat = " | ".join(["0.0000 ± 0.0000"] * 3)
    assert f"| 1 | {flat} | 0.2000 ± 0.0000 | -0.1000 ± 0.0000 | 0.1500 ± 0.0000 |" in text
    assert f"| 2 | {flat} | 0.1000 ± 0.0000 | -0.1000 ± 0.0000 | 0.1000 ± 0.0000 |" in text
    assert (
        "Untrained: 0 of 2 seeds have all amplitudes above 0; last stage over tokens 1.000 ± 0.000."
        in text
    )
    assert "Trained: 2 of 2 seeds have all amplitudes above 0, damping -0.405 ± 0.000; " in text
    assert report.numbers["variants"]["rankmixer-2"][0]["trained"]["damping"] == pytest.approx(
        -0.405465108
    )
