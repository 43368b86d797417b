"""Every stage of every registered model has all four metrics in both forms, and its tables have
theirs."""

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmark.measure.cost import flops_per_sample
from benchmark.measure.spectrum import (
    METRICS,
    BatchCollector,
    StageCollector,
    id_counts,
    rank_metrics,
    table_spectra,
)
from benchmark.model import BATCH_NORMS, embedding_table
from benchmark.registry import models
from tests.baselines.test_contract import MIXED, built, inputs

ROWS = 48
WITHOUT_PRODUCTS = {"lr", "fm", "ffm", "fwfm"}


@pytest.mark.parametrize("name", models.names())
def test_spectra_are_those_of_a_plain_svd(name: str) -> None:
    seen: dict[str, np.ndarray] = {}
    model = built(name).train()
    for norm in filter(lambda module: isinstance(module, BATCH_NORMS), model.modules()):
        norm.momentum = 1.0  # else the stages of an untrained EDCN are 0 but for rounding
    model(*inputs(MIXED, rows=ROWS))
    model.eval()
    with torch.inference_mode():
        model(*inputs(MIXED, rows=ROWS), lambda stage, x: seen.update({stage: x.clone().numpy()}))
    token, batch = StageCollector(), BatchCollector()
    for stage, x in seen.items():
        for part in np.array_split(x, 2):
            token.add(stage, part)
            batch.add(stage, part)
    assert list(token.spectra()) == list(batch.spectra()) == list(seen)
    for stage, x in seen.items():
        wide = x.astype(np.float64)
        for result, matrices in ((token, wide), (batch, (wide - wide.mean(axis=0)).swapaxes(0, 1))):
            spectrum = result.spectra()[stage]
            assert spectrum is not None
            sigma = np.linalg.svd(matrices, compute_uv=False)
            sigma = sigma[sigma[:, 0] > 1e-12]
            assert (spectrum.rows, spectrum.columns, spectrum.matrices) == (
                *matrices.shape[1:],
                len(matrices),
            )
            assert spectrum.matrices - spectrum.skipped == len(sigma)
            for metric in METRICS:
                expected = rank_metrics(sigma)[metric].mean()
                assert getattr(spectrum, metric).mean == pytest.approx(expected, abs=1e-9), (
                    stage,
                    metric,
                )


@pytest.mark.parametrize("name", [name for name in models.names() if name != "lr"])
def test_every_embedding_table_has_a_spectrum_of_each_field(name: str) -> None:
    table = embedding_table(built(name)).detach().numpy()
    _, sparse = inputs(MIXED, rows=ROWS)
    fields = table_spectra(table, MIXED, id_counts(sparse.numpy(), MIXED.cardinalities))
    assert [field.field for field in fields] == list(MIXED.sparse)
    for field in fields:
        assert field.plain is not None and field.weighted is not None
        assert 1 < field.plain.ia <= field.plain.erank <= field.limit


@pytest.mark.parametrize("name", models.names())
def test_flops_are_those_of_torchs_counter(name: str) -> None:
    model = built(name).eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(*inputs(MIXED, rows=1))
    assert flops_per_sample(model, MIXED) == counter.get_total_flops()
    assert name in WITHOUT_PRODUCTS or counter.get_total_flops() > 0
