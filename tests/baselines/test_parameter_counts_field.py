"""The totals of parameters that BARS' and the authors' logs print for the models of the field, to
the last one: a missing bias, a norm too many or a wrong concatenation moves them.

Tables of logs of FuxiCTR 1 have no row for padding, those of version 2 one a field."""

from typing import Any

import pytest
import torch

from benchmark.data.schema import Schema
from benchmark.registry import models


def schema(dense: int, rows: int, *sizes: int, fields: int = 26) -> Schema:
    """Dense fields I1, .. and sparse ones C1, .. with `rows` ids in all: the first of the given
    sizes, all others of 2 but for the last, which takes the rest."""
    given = (*sizes, *(2,) * (fields - 1 - len(sizes)))
    names = tuple(f"I{i + 1}" for i in range(dense)), tuple(f"C{i + 1}" for i in range(fields))
    return Schema(*names, (*given, rows - sum(given)))


CRITEO_X1 = schema(13, 2_086_303)  # 20,863,160 values with the 13 vectors of dense fields
CRITEO_X1_PADDED = schema(13, 2_086_303 + 26, 2, 2, 2, 2, 2, 23)
"""C6 has 23 rows: what FinalMLP's total leaves for its second table, stated nowhere else."""
CRITEO_X4 = schema(13, 910_747 - 13)
AVAZU_X4 = schema(0, 3_750_999, fields=24)
AVAZU_X4_BARE = schema(0, 3_750_999 - 24, fields=24)
FRAPPE = schema(0, 5_389, fields=10)
FRAPPE_PADDED = schema(0, 5_389 + 10, 954 + 2, 4_082 + 2, fields=10)
"""954 users and 4,082 items in train, and rows for padding and unknown ids."""

MLP = (400, 400, 400)
I1_TO_I13 = tuple(f"I{i + 1}" for i in range(13))
GATED = {"batch_norm1": True, "batch_norm2": True}
PLAIN_AUTOINT = {"attention_dim": 256, "num_heads": 4, "scale": True, "linear_term": True}
MASKNET_AVAZU = {"num_blocks": 6, "block_dim": 500, "reduction_ratio": 0.8, "layer_norm": False}

TOTALS: list[tuple[str, Schema, dict[str, Any], int]] = [
    ("deepfm", CRITEO_X1, {"batch_norm": True}, 23_429_477),
    ("deepfm", AVAZU_X4_BARE, {"embedding_dim": 16, "hidden_units": (2000,) * 4}, 76_544_576),
    ("xdeepfm", CRITEO_X1, {}, 23_461_462),
    (
        "autoint",
        CRITEO_X1,
        PLAIN_AUTOINT
        | {"num_heads": 2, "layer_norm": True, "hidden_units": MLP}
        | {"batch_norm": True},
        23_844_454,
    ),
    ("autoint", CRITEO_X1, PLAIN_AUTOINT | {"layer_norm": True}, 23_364_453),
    (
        "autoint",
        FRAPPE,
        {"attention_dim": 128, "num_layers": 5, "num_heads": 4, "layer_norm": True}
        | {"hidden_units": MLP, "batch_norm": True},
        622_180,
    ),
    ("masknet", CRITEO_X1, {"reduction_ratio": 0.2}, 21_530_629),
    (
        "masknet",
        AVAZU_X4,
        MASKNET_AVAZU | {"embedding_dim": 16, "structure": "parallel", "hidden_units": (2000,) * 3},
        76_594_787,
    ),
    (
        "masknet",
        FRAPPE,
        {"structure": "parallel", "num_blocks": 3, "block_dim": 50, "reduction_ratio": 2.0},
        571_691,
    ),
    (
        "finalmlp",
        CRITEO_X1_PADDED,
        GATED
        | {"hidden_units2": (1000,), "num_heads": 200, "gate_units": (800,)}
        | {"gate1_fields": I1_TO_I13, "gate2_fields": ("C6",)},
        22_478_162,
    ),
    (
        "finalmlp",
        AVAZU_X4,
        {"embedding_dim": 16, "hidden_units1": (2000,) * 3, "hidden_units2": (500,)}
        | {"batch_norm1": True, "num_heads": 20},
        69_046_986,
    ),
    (
        "finalmlp",
        FRAPPE_PADDED,
        GATED
        | {"hidden_units1": (400,), "hidden_units2": (100,), "num_heads": 5}
        | {"gate_units": (400,), "gate1_fields": ("C1",), "gate2_fields": ("C2",)},
        253_392,
    ),
    ("finalnet", CRITEO_X1_PADDED, {"block2_units": (400, 400)}, 21_658_582),
    ("finalnet", CRITEO_X1_PADDED, {"block2_units": (400, 400), "gate": False}, 21_501_022),
    ("finalnet", CRITEO_X1_PADDED, {"block1_units": (1000, 1000)}, 22_651_981),
    (
        "finalnet",
        AVAZU_X4,
        {"embedding_dim": 16, "block1_units": (2000,) * 3, "block2_units": (500,)},
        69_766_586,
    ),
    ("finalnet", FRAPPE_PADDED, {"block2_units": (400,)}, 338_502),
    ("finalnet", FRAPPE_PADDED, {"gate": False}, 256_791),
    ("edcn", CRITEO_X1, {}, 21_329_055),
    ("edcn", FRAPPE, {}, 86_351),
    ("fibinet", CRITEO_X1, {"reduction_ratio": 12.0, "tie_bilinear": True}, 29_273_411),
    (
        "fibinet",
        FRAPPE,
        {"bilinear": "shared", "tie_bilinear": True, "reduction_ratio": 2.0, "batch_norm": True},
        743_480,
    ),
    ("ipnn", CRITEO_X1, {"batch_norm": True}, 21_639_561),
    ("qnn_alpha", CRITEO_X4, {"embedding_dim": 16, "num_layers": 4, "num_rows": 5}, 22_372_577),
    ("fcn", CRITEO_X4, {"embedding_dim": 16}, 15_944_754),
    (  # the log's depths are not known to us; nine layers in all make the total
        "fcn",
        AVAZU_X4,
        {"embedding_dim": 64, "num_heads": 4, "num_deep_layers": 4, "num_shallow_layers": 5}
        | {"batch_norm": True},
        240_735_242,
    ),
]


def parameters(name: str, schema: Schema, **hyperparameters: Any) -> int:
    with torch.device("meta"):
        model = models.get(name)(schema, **hyperparameters)
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("name", "schema", "hyperparameters", "total"),
    TOTALS,
    ids=[f"{name}-{total}" for name, _, _, total in TOTALS],
)
def test_published_totals(
    name: str, schema: Schema, hyperparameters: dict[str, Any], total: int
) -> None:
    assert parameters(name, schema, **hyperparameters) == total


@pytest.mark.parametrize(("rows", "millions"), [(4, 20.81), (5, 22.37), (6, 23.93)])
def test_published_totals_of_qnn_alpha_in_millions(rows: int, millions: float) -> None:
    sizes = {"embedding_dim": 16, "num_layers": 4, "num_rows": rows}
    assert round(parameters("qnn_alpha", CRITEO_X4, **sizes) / 1e6, 2) == millions


def test_a_layer_of_the_published_ladder_of_fcn() -> None:
    one, two = (
        parameters("fcn", CRITEO_X4, embedding_dim=16, num_deep_layers=depth, num_shallow_layers=0)
        for depth in (1, 2)
    )
    assert two - one == 195_936


def test_wukong_has_public_layers_but_for_the_bias_that_a_norm_takes_away() -> None:
    """No log states a total; the public code's layers, with m = F = 39 in the first one."""
    d, n_f, n_l, k, units = 10, 20, 20, 8, 256
    rows, total = n_f + n_l, 0
    for m in (39, rows, rows):
        fm = m * k + 2 * m * k + (m * k * units + units) + (units * n_f * d + n_f * d)
        residual = (m + 1) * rows if m != rows else 0
        total += fm + n_l * m + residual + 2 * d
    top = rows * d * 512 + 512 + 2 * 512 + 512 * 256 + 256 + 2 * 256 + 256 + 1
    embedding = 20_863_160
    assert parameters("wukong", CRITEO_X1) == embedding + total + top - rows
