"""The control study: the readings of known ranks, and its report made of hand-made records."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.errors import UsageError
from benchmark.measure import spectrum
from benchmark.records.archive import Archive
from benchmark.studies.controls import WIDTHS, instrument
from benchmark.studies.controls.report import figure, report
from benchmark.studies.study import studies
from tests.factories import TEST, keep, make_record

CONTROLS = studies.get("controls")


@pytest.fixture
def fresh_readings():
    instrument.readings.cache_clear()
    yield
    instrument.readings.cache_clear()


def failed() -> set[str]:
    return {reading.what for reading in instrument.readings() if not reading.passed}


def test_the_instrument_passes_every_control() -> None:
    readings = instrument.readings()
    shapes = [reading.what for reading in readings if reading.control == "noise"]
    assert len(set(shapes)) == 10
    assert sum(reading.control == "bottleneck" for reading in readings) == 30
    assert failed() == set()


def test_an_instrument_that_does_not_centre_misses_a_constant_column(
    monkeypatch, fresh_readings
) -> None:
    class Uncentred(spectrum.BatchCollector):
        def add(self, stage: str, x: np.ndarray) -> None:
            self._origin[stage] = np.zeros(x.shape[1:])
            super().add(stage, np.concatenate([x, -x]))

    monkeypatch.setattr(instrument, "BatchCollector", Uncentred)
    assert "a column is constant: rank of a batch" in failed()


def test_an_instrument_that_reads_another_order_fails(monkeypatch, fresh_readings) -> None:
    metrics = spectrum.rank_metrics

    def stable_rank(sigma: np.ndarray) -> dict[str, np.ndarray]:
        return metrics(sigma) | {"erank": metrics(sigma)["srank"]}

    monkeypatch.setattr(spectrum, "rank_metrics", stable_rank)
    assert {"4 x 8", "512 x 10", "full mixing, tokens, width 12"} <= failed()


def test_variants_are_one_cross_layer_behind_each_width() -> None:
    variants = CONTROLS.variants("synthetic_tiny")
    assert [variant.name for variant in variants] == [f"width-{width}" for width in WIDTHS]
    model = variants[3].recipe.hyperparameters
    assert (model["structure"], model["num_cross_layers"], model["embedding_dim"]) == (
        "cross_only",
        1,
        4,
    )
    with pytest.raises(UsageError, match="only the synthetic data say how many dimensions"):
        CONTROLS.variants("frappe_x1")


def test_a_record_of_another_width_is_a_fault() -> None:
    run = make_record()
    assert list(CONTROLS.faults(run, "width-8", Path())) == []
    [fault] = CONTROLS.faults(run, "width-6", Path())
    assert fault == "the recipe is not that of controls/width-6, where the record lies"


def save_runs(results: Path, losses: dict[int, float], seeds: int = 3) -> None:
    base = make_record()
    for width, loss in losses.items():
        model = base.recipe["model"] | {"embedding_dim": width}
        for seed in range(seeds):
            test = replace(TEST, logloss=loss + seed / 10_000)
            run = make_record(
                name=None,
                seed=seed,
                recipe=base.recipe | {"model": model},
                metrics=base.metrics.model_copy(update={"test": test}),
            )
            folder = results / "studies" / "controls" / "synthetic_tiny" / f"width-{width}"
            keep(run, folder / f"seed-{seed}.json")


def test_the_loss_must_fall_up_to_the_width_of_the_truth_and_not_beyond(tmp_path) -> None:
    archive = Archive(tmp_path)
    assert report(archive, "synthetic_tiny") is None and figure(archive, "synthetic_tiny") == []
    save_runs(tmp_path, {12: 0.43, 8: 0.45, 4: 0.5, 6: 0.45, 5: 0.5})
    made = report(Archive(tmp_path), "synthetic_tiny")
    assert made is not None
    losses = made.tables[-1]
    assert "(upper 95 % limit): 6 a field." in losses.remarks[0]
    assert {row[1] for row in losses.rows} == {"0-2"}
    assert [(row[0], row[4], row[6]) for row in losses.rows] == [
        ("4", "", ""),
        ("5", "+0.00000", "**failed**"),
        ("6", "+0.05000", "passed"),
        ("8", "+0.00000", "passed"),
        ("12", "+0.02000", "**failed**"),
    ]
    assert losses.rows[2][2] == "0.45010 ± 0.00010"
    assert made.numbers["logloss"]["6"] == [0.45, 0.4501, 0.4502]
    assert [path.name for path in figure(Archive(tmp_path), "synthetic_tiny")] == [
        "widths.svg",
        "widths.png",
    ]


def test_one_seed_is_shown_without_a_test(tmp_path) -> None:
    save_runs(tmp_path, {4: 0.5, 6: 0.45}, seeds=1)
    made = report(Archive(tmp_path), "synthetic_tiny")
    assert made is not None
    assert [row[4:] for row in made.tables[-1].rows] == [("", "", "")] * 2
