"""Made-up results for the page: boards of any size, a ladder, and texts that would be markup."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmark.measure.cost import Parameters
from benchmark.records.archive import Archive
from benchmark.records.record import Record
from benchmark.records.tuning import TUNING_SEED
from tests.factories import TEST, keep, make_curve, make_ranked_record

EVIL = "<img src=x onerror=alert(1)></script><script>alert(2)</script> & \x1b[2J"
MODELS = ("lr", "dnn", "dcnv2", "rankmixer", "finalnet")
DATASETS = ("synthetic", "frappe_x1r", "kuairand_14d")
SUFFIX = {"frappe_x1r": "_bars"}
"""Of the recipes whose settings are published."""
SIZES = (1_000, 4_000, 16_000, 64_000)


def make_results(
    results: Path,
    datasets: Sequence[str] = DATASETS[:2],
    rows: int = len(MODELS),
    seeds: int = 5,
    evaluations: int = 6,
) -> Archive:
    """Records of `rows` recipes a data set, better and larger from row to row, in an archive with a
    ladder of four sizes on the first of them; the last recipe has four seeds alone."""
    archive = Archive(results)
    base = make_ranked_record(blocks=3)
    for dataset in datasets:
        for row in range(rows):
            for seed in range(4 if row == rows - 1 else seeds):
                model = f"{MODELS[row % len(MODELS)]}{row // len(MODELS) or ''}"
                name = model + SUFFIX.get(dataset, "")
                run = make_run(base, dataset, name, row, seed, evaluations)
                keep(run, archive.path(dataset, name, seed))
    for step, size in enumerate(SIZES, start=1):
        for seed in (0, 1, 2, TUNING_SEED):
            run = make_run(base, datasets[0], "dnn", step, seed, evaluations)
            sized = {
                "name": None,
                "parameters": Parameters(embedding=100, dense=size, head=10),
                "flops_per_sample": 2 * size,
            }
            folder = f"dnn-{step}-1"
            keep(run.model_copy(update=sized), archive.path(datasets[0], folder, seed, "scaling"))
    return archive


def make_run(
    base: Record, dataset: str, name: str, row: int, seed: int, evaluations: int
) -> Record:
    """One run; its qualities follow from row and seed alone."""
    noise = np.random.default_rng([row, seed]).normal(0, 3e-4)
    auc = 0.75 + 0.02 * row / (row + 3) + noise
    test = replace(TEST, auc=float(auc), logloss=float(1.2 - auc))
    curve = make_curve(*(float(auc - 0.05 / (step + 1)) for step in range(evaluations)))
    model = base.recipe | {"dataset": dataset, "provenance": {"kind": "hand", "tries": 3}}
    return base.model_copy(
        update={
            "dataset": dataset,
            "name": name,
            "seed": seed,
            "recipe": model,
            "recipe_digest": f"{row:064x}",
            "metrics": base.metrics.model_copy(update={"test": test, "test_logloss": test}),
            "parameters": Parameters(embedding=10_000, dense=100 * 2 ** (row % 12), head=10),
            "flops_per_sample": 300 * 2 ** (row % 12),
            "notes": (EVIL,) if name == "dcnv2" else (),
            "measured": replace(base.measured, curve=curve),
        }
    )
