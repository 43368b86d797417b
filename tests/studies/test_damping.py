"""The damping study: its variants, and its report made of hand-made records alone."""

from pathlib import Path

import pytest

from benchmark.errors import UsageError
from benchmark.records.record import StageSpectra
from benchmark.studies.damping.report import report
from benchmark.studies.study import studies
from tests.factories import STAGES, keep, make_record, make_spectrum

DAMPING = studies.get("damping")


def test_variants_are_recipes_with_more_blocks() -> None:
    [variant] = DAMPING.variants("synthetic_tiny", 8, "rankmixer")
    assert variant.name == "rankmixer-8" and variant.recipe.hyperparameters["num_blocks"] == 8
    with pytest.raises(UsageError, match="synthetic_tiny/lr: lr has no blocks"):
        DAMPING.variants("synthetic_tiny", 8, "rankmixer,lr")


def test_report(tmp_path) -> None:
    """Ranks over a limit of 6: 3, then +1.2 -0.6, then +0.6 -0.6: amplitudes 0.15 and 0.1, slope
    ln(2 / 3)."""
    stages = (*STAGES, "block2.mixing", "block2.ffn")
    ranks = (3.0, 3.0, 4.2, 3.6, 4.2, 3.6)
    for seed in (0, 1):
        spectra = tuple(
            StageSpectra(stage=stage, initial=make_spectrum(5.0), best=make_spectrum(rank))
            for stage, rank in zip(stages, ranks, strict=True)
        )
        folder = tmp_path / "studies" / "damping" / "synthetic_tiny" / "rankmixer-2"
        keep(make_record(name=None, seed=seed, spectra=spectra), folder / f"seed-{seed}.json")
    made = report(tmp_path, "synthetic_tiny")
    assert made is not None
    text = made.markdown()
    flat = " | ".join(["0.0000 ± 0.0000"] * 3)
    assert f"| 1 | {flat} | 0.2000 ± 0.0000 | -0.1000 ± 0.0000 | 0.1500 ± 0.0000 |" in text
    assert f"| 2 | {flat} | 0.1000 ± 0.0000 | -0.1000 ± 0.0000 | 0.1000 ± 0.0000 |" in text
    assert (
        "Untrained: 0 of 2 seeds have all amplitudes above 0; last stage over tokens 1.000 ± 0.000."
        in text
    )
    assert "Trained: 2 of 2 seeds have all amplitudes above 0, damping -0.405 ± 0.000; " in text
    assert made.numbers["variants"]["rankmixer-2"][0]["trained"]["damping"] == pytest.approx(
        -0.405465108
    )


def test_a_record_of_another_depth_is_a_fault() -> None:
    run = make_record(recipe={"model": {"name": "rankmixer", "num_blocks": 8}, "train": {}})
    assert list(DAMPING.faults(run, "rankmixer-8", Path())) == []
    [fault] = DAMPING.faults(run, "rankmixer-6", Path())
    assert fault == "the recipe is not that of damping/rankmixer-6, where the record lies"


def test_missing_stacks_are_run_by_a_command_each() -> None:
    names = ["rankmixer-6", "rankelastor-8", "unknown-8"]
    start = "python -m benchmark study damping --dataset synthetic"
    assert DAMPING.commands("synthetic", names, "0-2") == [
        f"{start} --blocks 6 --recipes rankmixer --seeds 0-2",
        f"{start} --blocks 8 --recipes rankelastor --seeds 0-2",
    ]
    assert DAMPING.commands("synthetic", ["unknown-8"], "0-2") == []
    assert DAMPING.commands("synthetic", [], "0-2") == [f"{start} --seeds 0-2"]
