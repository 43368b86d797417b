"""Every model against its slow float64 reference, with all weights drawn at random."""

import inspect
import json
from typing import Any

import numpy as np
import pytest
import torch
from reference_models import MODELS, Row, token_model
from torch import Tensor, nn

from benchmark.data.schema import Schema
from benchmark.registry import models

SCHEMA = Schema(("x1", "x2"), ("a", "b", "c"), (4, 3, 6))  # F*d = 20 with d = 4
SPARSE_ONLY = Schema((), SCHEMA.sparse, SCHEMA.cardinalities)
DENSE_ONLY = Schema(SCHEMA.dense, (), ())
TOKENS: dict[str, Any] = {"embedding_dim": 4, "num_tokens": 4, "token_dim": 8, "num_blocks": 2}
PAPER = {"mixing_norm": "post", "mixing_bias": False, "ffn_norm": "none", "ffn": "glu_paper"}
BASE = {
    "tokenizer": "matrix",
    "tokenizer_norm": False,
    "ffn_norm": "pre",
    "head": "mlp",
    "ffn_hidden": (5, 7),
}

CASES: list[tuple[str, dict[str, Any], Schema]] = [
    ("lr", {}, SCHEMA),
    ("lr", {}, DENSE_ONLY),
    ("fm", {"embedding_dim": 3}, SCHEMA),
    ("fm", {"embedding_dim": 3}, SPARSE_ONLY),
    ("dnn", {"hidden_units": (5, 3)}, SCHEMA),
    ("dnn", {"hidden_units": (5, 3), "batch_norm": True, "dropout": 0.3}, SCHEMA),
    ("dcn", {"embedding_dim": 3, "hidden_units": (5,), "batch_norm": True}, SCHEMA),
    *(
        (
            "dcnv2",
            {
                "embedding_dim": 3,
                "structure": structure,
                "cross": cross,
                "rank": 2,
                "num_experts": 3,
            },
            SCHEMA,
        )
        for structure in ("parallel", "stacked", "stacked_parallel", "cross_only")
        for cross in ("full", "mixture")
    ),
    *(
        (
            "dlrm",
            {"embedding_dim": 3, "interaction": interaction, "top_units": (5,), "batch_norm": norm},
            schema,
        )
        for interaction, norm in (("dot", False), ("cat", True))
        for schema in (SCHEMA, SPARSE_ONLY, DENSE_ONLY)
    ),
    ("rankelastor", TOKENS, SCHEMA),
    ("rankelastor", TOKENS | PAPER, SCHEMA),
    ("rankelastor", TOKENS | PAPER | {"expansion": 1.5, "head": "linear"}, SPARSE_ONLY),
    (
        "rankelastor",
        TOKENS | {"tokenizer": "matrix", "tokenizer_norm": False, "head": "mean"},
        SCHEMA,
    ),
    (
        "rankelastor",
        TOKENS | {"tokenizer": "none", "num_tokens": 5, "token_dim": 4, "ffn_hidden": (8, 6)},
        SCHEMA,
    ),
    (
        "rankelastor",
        TOKENS | {"tokenizer": "slice", "num_tokens": 3, "token_dim": 5, "expansion": 1.0},
        SCHEMA,
    ),
    (
        "rankelastor",
        TOKENS | {"mixing": "kronecker", "mixing_bias": False, "mixing_norm": "none"},
        SCHEMA,
    ),
    (
        "rankelastor",
        TOKENS | {"mixing": "kronecker", "mixing_groups": 8, "mixing_norm": "post"},
        SCHEMA,
    ),
    (
        "rankelastor",
        TOKENS | {"mixing": "transpose", "ffn": "relu", "ffn_norm": "post", "head": "pool"},
        SCHEMA,
    ),
    (
        "rankelastor",
        TOKENS | {"mixing": "none", "mixing_norm": "post", "ffn": "gelu", "unit_norm": False},
        SCHEMA,
    ),
    (
        "rankelastor",
        TOKENS | {"ffn_hidden": (), "tokenizer_dropout": 0.2, "ffn_dropout": 0.2},
        SCHEMA,
    ),
    ("rankmixer", TOKENS | {"ffn_hidden": (16,)}, SCHEMA),
    ("rankmixer", TOKENS | {"ffn": "relu", "num_tokens": 2, "head": "linear"}, SPARSE_ONLY),
    ("rankmixer", TOKENS | BASE, SCHEMA),
    ("rankmixer_moe", TOKENS | {"num_experts": 3, "expert_hidden": 5}, SCHEMA),
]


def randomised(name: str, hyperparameters: dict[str, Any], schema: Schema) -> nn.Module:
    """The model in float64 and eval mode, every weight and running statistic random."""
    model: nn.Module = models.get(name)(schema, **hyperparameters).double().eval()
    generator = torch.Generator().manual_seed(1)
    for path, value in model.state_dict().items():
        if value.is_floating_point():
            value.normal_(std=0.7, generator=generator)
            if path.endswith("running_var"):
                value.abs_()
    return model


def batch(schema: Schema, rows: int = 6) -> tuple[Tensor, Tensor]:
    generator = np.random.default_rng(2)
    dense = generator.normal(size=(rows, len(schema.dense)))
    sparse = generator.integers(0, schema.cardinalities, size=(rows, len(schema.sparse)))
    return torch.from_numpy(dense), torch.from_numpy(sparse)


def reference_inputs(
    model: nn.Module, hyperparameters: dict[str, Any], dense: Tensor, sparse: Tensor, schema: Schema
) -> tuple[dict[str, Any], dict[str, Any], list[Row]]:
    weights = {path: value.numpy() for path, value in model.state_dict().items()}
    defaults = {key: p.default for key, p in inspect.signature(type(model)).parameters.items()}
    rows = [
        Row(x.numpy(), ids.tolist(), schema.cardinalities)
        for x, ids in zip(dense, sparse, strict=True)
    ]
    return weights, defaults | hyperparameters, rows


@pytest.mark.filterwarnings("ignore:mixing_groups")
@pytest.mark.parametrize(
    ("name", "hyperparameters", "schema"),
    CASES,
    ids=[f"{name}-{json.dumps(choices)}" for name, choices, _ in CASES],
)
def test_model_equals_its_equations(
    name: str, hyperparameters: dict[str, Any], schema: Schema
) -> None:
    model = randomised(name, hyperparameters, schema)
    dense, sparse = batch(schema)
    weights, choices, rows = reference_inputs(model, hyperparameters, dense, sparse, schema)
    with torch.no_grad():
        logit = model(dense, sparse).numpy()
    expected = [MODELS[name](weights, row, choices) for row in rows]
    np.testing.assert_allclose(logit, expected, rtol=1e-10, atol=1e-10)
    assert np.std(expected) > 1e-3


def test_rankmixer_moe_trains_each_router_on_every_second_row() -> None:
    hyperparameters = TOKENS | {"num_experts": 3, "expert_hidden": 5}
    model = randomised("rankmixer_moe", hyperparameters, SCHEMA).train()
    dense, sparse = batch(SCHEMA)
    weights, choices, rows = reference_inputs(model, hyperparameters, dense, sparse, SCHEMA)
    logit = model(dense, sparse).detach().numpy()
    routers = ["train_router", "router"] * 3
    expected = [
        token_model(weights, row, choices, router)
        for row, router in zip(rows, routers, strict=True)
    ]
    np.testing.assert_allclose(logit, expected, rtol=1e-10, atol=1e-10)
    assert abs(expected[0] - token_model(weights, rows[0], choices, "router")) > 1e-6
