"""What every registered model keeps, whatever its file: parametrised over the registry."""

import inspect
import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from benchmark.data.schema import Schema
from benchmark.registry import models

MIXED = Schema(("x1", "x2", "x3"), ("a", "b", "c", "d"), (5, 11, 4, 7))
SCHEMAS = {
    "mixed": MIXED,
    "dense only": Schema(("x1", "x2", "x3"), (), ()),
    "sparse only": Schema((), ("a", "b", "c"), (5, 11, 4)),
    "frappe's shape": Schema((), tuple("abcdefghij"), (9,) * 10),
    "criteo's shape": Schema(
        tuple(f"I{i}" for i in range(13)), tuple(f"C{i}" for i in range(26)), (6,) * 26
    ),
    "two fields": Schema((), ("a", "b"), (6, 5)),
}
FAMILIAR = re.compile(r"embedding|tokens|block\d+\.(mixing|ffn)|cross\d+|interaction")
"""Stages of these names have the order below; a model may have others of its own."""
STAGE_ORDER = re.compile(
    r"embedding( cross\d+)*|embedding tokens( block\d+\.mixing block\d+\.ffn)*|(embedding"
    r" )?interaction|"
)


def inputs(schema: Schema, rows: int = 32, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    dense = torch.randn(rows, len(schema.dense), generator=generator)
    ids = torch.randint(1 << 30, (rows, len(schema.sparse)), generator=generator)
    return dense, (ids % torch.tensor(schema.cardinalities, dtype=torch.int64)).to(torch.int32)


def built(name: str, schema: Schema = MIXED, seed: int = 7) -> nn.Module:
    """A model with its defaults, its embeddings spread so that rows differ by more than
    rounding."""
    torch.manual_seed(seed)
    model: nn.Module = models.get(name)(schema)
    with torch.no_grad():
        for path, parameter in model.named_parameters():
            if "embedding" in path.split("."):
                parameter.normal_()
    return model


@pytest.fixture(params=models.names())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_hyperparameters_are_keyword_only_annotated_and_have_defaults(name: str) -> None:
    schema, *hyperparameters = inspect.signature(models.get(name)).parameters.values()
    assert schema.name == "schema"
    for parameter in hyperparameters:
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY, parameter
        assert parameter.annotation is not inspect.Parameter.empty, parameter
        assert parameter.default is not inspect.Parameter.empty, parameter


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
def test_defaults_build_on_any_schema_and_give_one_finite_logit_per_row(
    name: str, schema: Schema
) -> None:
    dense, sparse = inputs(schema)
    model = built(name, schema)
    for training in (True, False):
        logit = model.train(training)(dense, sparse)
        assert logit.shape == (32,) and logit.dtype == torch.float32
        assert torch.isfinite(logit).all()


def test_ids_may_be_int32_or_int64(name: str) -> None:
    model = built(name).eval()
    dense, sparse = inputs(MIXED)
    assert torch.equal(model(dense, sparse), model(dense, sparse.long()))


def test_every_parameter_gets_a_gradient(name: str) -> None:
    model = built(name).train()
    logit = model(*inputs(MIXED, rows=256))
    nn.functional.binary_cross_entropy_with_logits(
        logit, (torch.arange(256) % 3 == 0).float()
    ).backward()
    for path, parameter in model.named_parameters():
        assert parameter.grad is not None, path
        gradient = parameter.grad.to_dense() if parameter.grad.is_sparse else parameter.grad
        assert torch.isfinite(gradient).all() and gradient.any(), path


def test_a_row_is_scored_the_same_alone_and_in_any_order(name: str) -> None:
    model = built(name).eval().double()
    dense, sparse = inputs(MIXED)
    dense = dense.double()
    order = torch.randperm(len(dense), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        logit = model(dense, sparse)
        alone = torch.cat([model(dense[i : i + 1], sparse[i : i + 1]) for i in range(len(dense))])
        permuted = model(dense[order], sparse[order])
    torch.testing.assert_close(alone, logit, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(permuted, logit[order], rtol=1e-12, atol=1e-12)
    assert logit.std() > 0


def test_the_seed_fixes_the_weights(name: str) -> None:
    def weights(seed: int) -> dict[str, Any]:
        torch.manual_seed(seed)
        return dict(models.get(name)(MIXED).state_dict())

    first, again, other = weights(3), weights(3), weights(4)
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


def test_a_state_dict_carries_the_whole_model(name: str) -> None:
    model, copy = built(name, seed=1), built(name, seed=2)
    model.train()(*inputs(MIXED))  # moves running statistics, where there are any
    copy.load_state_dict(model.state_dict())
    batch = inputs(MIXED, seed=5)
    assert torch.equal(model.eval()(*batch), copy.eval()(*batch))


def test_stages_are_observed_in_order_and_change_nothing(name: str) -> None:
    model = built(name).eval()
    stages: list[tuple[str, Tensor]] = []
    batch = inputs(MIXED)
    observed = model(*batch, observe=lambda stage, x: stages.append((stage, x)))
    assert torch.equal(observed, model(*batch))
    assert STAGE_ORDER.fullmatch(
        " ".join(stage for stage, _ in stages if FAMILIAR.fullmatch(stage))
    )
    assert stages[0][0].startswith("embedding") or not hasattr(model, "embedding")
    assert len({stage for stage, _ in stages}) == len(stages)
    for part in {stage.partition(".")[0].rstrip("0123456789") for stage, _ in stages}:
        own = [stage for stage, _ in stages if stage.startswith(part)]
        numbers = [[int(number) for number in re.findall(r"\d+", stage)] for stage in own]
        assert numbers == sorted(numbers), own
    for stage, x in stages:
        assert x.dim() == 3 and len(x) == 32, stage
        if stage == "embedding":
            assert x.shape[1] == MIXED.num_fields or "interaction" in dict(stages)


def test_embeddings_are_found_by_name(name: str) -> None:
    lengths = {
        len(p) for path, p in built(name).named_parameters() if "embedding" in path.split(".")
    }
    rows, vectors = sum(MIXED.cardinalities), len(MIXED.dense)
    assert lengths in ({rows, vectors}, {rows})


def test_the_model_builds_on_the_meta_device(name: str) -> None:
    with torch.device("meta"):
        model = models.get(name)(MIXED)
    shapes = {key: value.shape for key, value in built(name).state_dict().items()}
    assert {key: value.shape for key, value in model.state_dict().items()} == shapes
    assert all(parameter.is_meta for parameter in model.parameters())
