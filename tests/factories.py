"""Hand-made records for tests that need one but no run."""

from dataclasses import replace
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
    table_spectra,
)
from benchmark.measure.trajectory import densities, normalised
from benchmark.records.environment import Environment
from benchmark.records.record import (
    NUMERICS,
    Cost,
    Quality,
    RankPoint,
    Record,
    Scores,
    StageSpectra,
)
from benchmark.training.fit import Evaluated

TEST = Metrics(auc=0.75, logloss=0.5, ne=0.9, calibration=1.01, ece=0.02)
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
            improved=auc == max(valid_auc[:epoch]),
            seconds=0.5 * epoch,
        )
        for epoch, auc in enumerate(valid_auc, start=1)
    )


PROVENANCE = '\n[provenance]\nkind = "defaults"\n'
"""What a committed recipe of a test says about its values."""


def make_record(**changes: Any) -> Record:
    """A record of `synthetic_tiny/dnn`, seed 0, with the fields in `changes` put in its place.

    Of its ranks it has the spectra in token form alone."""
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
        "scores": Scores(form="rows", digest="c" * 64),
        "probe_rows": 100,
        "spectra": tuple(
            StageSpectra(
                stage=stage, initial=make_spectrum(5.0), best=make_spectrum(4.0 - 0.5 * position)
            )
            for position, stage in enumerate(STAGES)
        ),
        "curve": curve,
        "best_step": 20,
        "best_epoch": 2,
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
        views.append((token.spectra(), batch.spectra(), densities(token.samples("erank"))))
    (initial, initial_batch, initial_density), (best, best_batch, best_density) = views
    stages = tuple(
        StageSpectra(
            stage=stage,
            initial=initial[stage],
            best=best[stage],
            initial_batch=initial_batch[stage],
            best_batch=best_batch[stage],
            initial_density=initial_density[position],
            best_density=best_density[position],
        )
        for position, stage in enumerate(names)
    )
    curve = make_curve(0.70, 0.74, 0.73)
    schema = Schema(("price",), ("user", "item"), (5, 9))
    counts = [np.array([0, 0, 500, 300, 200]), np.array([0, 0, 400, 300, 100, 100, 50, 50, 0])]
    ranked = {
        "spectra": stages,
        "tables": table_spectra(random.standard_normal((14, 8)), schema, counts),
        "curve_probe_rows": 50,
        "rank_curve": tuple(
            RankPoint(step=point.step, erank=normalised(best, "erank")) for point in curve
        ),
    }
    return make_record(**(ranked | changes))
