"""Hand-made records for tests that need one but no run."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.data.schema import Schema
from benchmark.data.store import Fingerprint
from benchmark.measure.cost import Parameters
from benchmark.measure.metrics import Metrics
from benchmark.measure.spectrum import (
    BatchCollector,
    Distribution,
    Spectrum,
    StageCollector,
    StageSpectra,
    table_spectra,
)
from benchmark.records import measured as measurements
from benchmark.records import record as records
from benchmark.records import scores
from benchmark.records.environment import Environment
from benchmark.records.measured import Measured, RankPoint
from benchmark.records.record import NUMERICS, Cost, Digests, Epoch, Quality, Record
from benchmark.records.scores import KeptScores
from benchmark.training.fit import Evaluated

TEST = Metrics(auc=0.75, logloss=0.5, ne=0.9, calibration=1.01, ece=0.02)
MEASURED = {"spectra", "tables", "curve", "rank_curve"}
STAGES = ("embedding", "tokens", "block1.mixing", "block1.ffn")


def make_spectrum(erank: float = 4.0, rows: int = 6, columns: int = 8) -> Spectrum:
    """The four means are erank, erank / 2, 3 erank / 4 and 5 erank / 8."""

    def around(mean: float) -> Distribution:
        return Distribution(mean=mean, sd=0.1, q05=mean - 0.2, q50=mean, q95=mean + 0.2)

    return Spectrum(
        rows,
        columns,
        100,
        0,
        around(erank),
        around(erank / 2),
        around(3 * erank / 4),
        around(5 * erank / 8),
        tuple(0.5**i for i in range(min(rows, columns))),
    )


def make_curve(*valid_auc: float) -> tuple[Evaluated, ...]:
    """One evaluation every ten steps, its AUC as given."""
    return tuple(
        Evaluated(
            step=10 * epoch,
            epoch=epoch,
            learning_rate=1e-3,
            train_loss=0.6 - 0.01 * epoch,
            valid=replace(TEST, auc=auc, logloss=1.25 - auc),
            improved=("auc", "logloss") if auc == max(valid_auc[:epoch]) else (),
            seconds=0.5 * epoch,
        )
        for epoch, auc in enumerate(valid_auc, start=1)
    )


KEPT = KeptScores(
    scores.by_row(np.array([0.5, -0.5, 1.0, -2.0], np.float32), np.array([1, 0, 1, 0], np.uint8))
)
PROVENANCE = '\n[provenance]\nkind = "defaults"\n'
"""What a committed recipe of a test says about its values."""


def keep(record: Record, path: Path, kept: KeptScores = KEPT) -> None:
    """Write a record with some scores."""
    records.save(record, kept, path)


def make_spectra(
    best: Sequence[tuple[str, Spectrum | None]], initial: Spectrum | None = None
) -> dict[str, StageSpectra]:
    """Stages with these trained spectra in both forms, untrained ones alike for all."""
    trained = dict(best)
    untrained = dict.fromkeys(trained, initial)
    return {
        "initial": StageSpectra(untrained, untrained),
        "best": StageSpectra(trained, trained),
    }


def make_measured(**changes: Any) -> Measured:
    """What a run of two epochs and a half measured."""
    spectra = [(stage, make_spectrum(4.0 - 0.5 * n)) for n, stage in enumerate(STAGES)]
    fields = {
        **make_spectra(spectra, make_spectrum(5.0)),
        "curve": make_curve(0.70, 0.74, 0.73),
    }
    return Measured(**(fields | changes))


def make_record(**changes: Any) -> Record:
    """A record of `synthetic_tiny/dnn`, seed 0, with the fields in `changes` put in its place,
    those of `Measured` too."""
    inside = {name: changes.pop(name) for name in MEASURED & changes.keys()}
    inside |= inside.pop("spectra", {})
    measured = make_measured(**inside)
    curve = make_curve(0.70, 0.74, 0.73)
    fields: dict[str, Any] = {
        "numerics": NUMERICS,
        "dataset": "synthetic_tiny",
        "name": "dnn",
        "recipe": {
            "dataset": "synthetic_tiny",
            "model": {
                "name": "dnn",
                "embedding_dim": 8,
                "hidden_units": [16, 8],
                "batch_norm": False,
            },
            "train": {
                "batch_size": 100,
                "learning_rate": 0.001,
                "monitor": "auc",
                "evaluate_every": None,
            },
        },
        "recipe_digest": "a" * 64,
        "seed": 0,
        "threads": 1,
        "device": "cpu",
        "data": Fingerprint(
            sources={"generator": "synthetic_tiny 1"},
            rows={"train": 1000, "valid": 200, "test": 300},
            positives={"train": 250, "valid": 50, "test": 75},
            dense=("price",),
            sparse=("user", "item"),
            cardinalities=(5, 9),
            arrays="d" * 64,
        ),
        "parameters": Parameters(embedding=112, dense=264, head=9),
        "flops_per_sample": 546,
        "metrics": Quality(valid=curve[1].valid, test=TEST, oracle_auc=0.8, oracle_logloss=0.45),
        "digests": Digests(scores=scores.digest(KEPT.best), measured=measurements.digest(measured)),
        "probe_rows": 100,
        "curve_probe_rows": 50,
        "best": Epoch(step=20, epoch=2),
        "stopped_by": "epochs",
        "cost": Cost(
            train_seconds=1.5,
            total_seconds=4.0,
            train_samples_per_s=2000.0,
            predict_samples_per_s=5000.0,
            peak_memory_gib=0.25,
        ),
        "environment": Environment(
            benchmark="0.1.0",
            source="e" * 64,
            commit="f" * 40,
            python="3.11.0",
            versions={"numpy": "2.0.0"},
            machine="Linux x86_64 test",
        ),
        "created": "2026-01-01T00:00:10+00:00",
        "measured": measured,
    }
    return Record(**(fields | changes))


def make_ranked_record(blocks: int = 1, **changes: Any) -> Record:
    """The same with all there is about rank, measured on random stages: 6 x 8 embeddings, then 4 x
    8."""
    names = (
        *STAGES[:2],
        *(f"block{number}.{part}" for number in range(1, blocks + 1) for part in ("mixing", "ffn")),
    )
    random = np.random.default_rng(changes.get("seed", 0))
    views = []
    for _ in ("initial", "best"):
        token, batch = StageCollector(), BatchCollector()
        for stage in names:
            x = random.standard_normal((100, 6 if stage == "embedding" else 4, 8))
            token.add(stage, x)
            batch.add(stage, x)
        views.append(StageSpectra(token.spectra(), batch.spectra()))
    initial, best = views
    schema = Schema(("price",), ("user", "item"), (5, 9))
    counts = [np.array([0, 0, 500, 300, 200]), np.array([0, 0, 400, 300, 100, 100, 50, 50, 0])]
    points = [
        RankPoint(step, *(dict.fromkeys(names, rank) for rank in (2.0, 5.0)))
        for step in (10, 20, 30)
    ]
    ranked = {
        "spectra": {"initial": initial, "best": best},
        "tables": table_spectra(random.standard_normal((14, 8)), schema, counts),
        "rank_curve": tuple(points),
    }
    return make_record(**(ranked | changes))
