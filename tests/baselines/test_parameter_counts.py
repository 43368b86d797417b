"""Dense parameters of the released configurations, and published totals of the classic models, on
the meta device."""

from typing import Any

import pytest
import torch

from benchmark.data.schema import Schema
from benchmark.recipes import recipe as recipes
from benchmark.recipes.recipe import on_meta
from benchmark.registry import models
from benchmark.reports.leaderboard.published import load
from benchmark.utils.paths import RESULTS

CRITEO = Schema(tuple(f"I{i}" for i in range(13)), tuple(f"C{i}" for i in range(26)), (100,) * 26)
AVAZU = Schema((), tuple(f"A{i}" for i in range(24)), (100,) * 24)

MATRIX = {"tokenizer": "matrix", "tokenizer_hidden": 500, "tokenizer_dropout": 0.1}
VECTOR = {"tokenizer": "vector", "tokenizer_hidden": 800}
PRE_FAST = {"mixing": "kronecker", "mixing_groups": 26, "mixing_bias": False}
POST_FAST = {"mixing": "kronecker", "mixing_groups": 2, "mixing_bias": False, "mixing_norm": "post"}


def sized(
    dim: int, tokens: int, width: int, blocks: int, hidden: tuple[int, ...], r: float, **rest: Any
) -> dict[str, Any]:
    sizes = {"embedding_dim": dim, "num_tokens": tokens, "token_dim": width, "num_blocks": blocks}
    return sizes | {"ffn_hidden": hidden, "expansion": r} | rest


def base(
    dim: int, tokens: int, width: int, blocks: int, ffn: tuple[int, ...], hidden: int
) -> dict[str, Any]:
    sizes = {
        "embedding_dim": dim,
        "num_tokens": tokens,
        "token_dim": width,
        "num_blocks": blocks,
        "ffn_hidden": ffn,
    }
    parts = {"tokenizer": "matrix", "tokenizer_norm": False, "ffn_norm": "pre", "head": "mlp"}
    return sizes | parts | {"tokenizer_hidden": hidden}


def criteo(blocks: int, hidden: tuple[int, ...], r: float) -> dict[str, Any]:
    return sized(20, 26, 30, blocks, hidden, r, **MATRIX)


def avazu(blocks: int, r: float) -> dict[str, Any]:
    return sized(64, 24, 64, blocks, (64,), r, **VECTOR)


# (data set, hyperparameters, dense parameters, dense parameters without the head where the source
# states them)
RELEASED = {
    "criteo dim 10": (CRITEO, sized(10, 15, 26, 1, (64, 64), 3, **MATRIX), 1_484_093, 1_178_332),
    "criteo dim 20": (CRITEO, criteo(1, (64, 64), 3), 3_681_981, 2_462_060),
    "criteo v1": (CRITEO, criteo(1, (24, 24), 1.5), 2_179_727, 959_806),
    "criteo v2": (CRITEO, criteo(1, (24, 24), 2), 2_258_585, None),
    "criteo v3": (CRITEO, criteo(2, (24, 24), 2), 3_265_439, None),
    "criteo v4": (CRITEO, criteo(2, (24, 24), 3), 3_580_871, None),
    "criteo v5": (CRITEO, criteo(2, (48, 48), 3), 4_840_103, None),
    "criteo v6": (CRITEO, criteo(3, (48, 48), 3), 6_634_289, None),
    "criteo v7": (CRITEO, criteo(4, (64, 64), 3), 10_972_731, 9_752_810),
    "criteo base": (CRITEO, base(20, 26, 26, 2, (200, 200), 500), 3_589_071, 2_672_414),
    "criteo fast": (CRITEO, criteo(2, (24, 24), 3) | PRE_FAST, 2_364_311, None),
    "avazu dim 16": (AVAZU, sized(16, 24, 16, 4, (16,), 3, **VECTOR), 1_870_209, 1_573_760),
    "avazu dim 32": (AVAZU, sized(32, 24, 32, 3, (32,), 3, tokenizer="none"), 4_019_809, 2_837_088),
    "avazu v1": (AVAZU, avazu(1, 1), 9_950_337, None),
    "avazu v2": (AVAZU, avazu(2, 1.5), 13_510_849, None),
    "avazu v3": (AVAZU, avazu(2, 2), 13_908_673, None),
    "avazu v4": (AVAZU, avazu(3, 2), 17_269_505, None),
    "avazu v5": (AVAZU, avazu(3, 3), 18_462_977, None),
    "avazu v6": (AVAZU, avazu(4, 3), 22_221_633, None),
    "avazu dim 64 = v7": (AVAZU, avazu(5, 3), 25_980_289, 21_255_552),
    "avazu base": (AVAZU, base(64, 24, 48, 5, (400, 400), 800), 26_661_281, 24_002_464),
    "avazu fast": (
        AVAZU,
        sized(64, 24, 48, 5, (64,), 3, **VECTOR, **POST_FAST),
        10_887_185,
        8_228_368,
    ),
}


def parameters(model: torch.nn.Module, *, embedding: bool = False, head: bool = True) -> int:
    return sum(
        parameter.numel()
        for name, parameter in model.named_parameters()
        if (embedding or "embedding" not in name.split("."))
        and (head or not name.startswith("head."))
    )


@pytest.mark.filterwarnings("ignore:mixing_groups")
@pytest.mark.parametrize("name", RELEASED)
def test_released_configurations(name: str) -> None:
    schema, hyperparameters, dense, without_head = RELEASED[name]
    with torch.device("meta"):
        model = models.get("rankmixer" if name.endswith("base") else "rankelastor")(
            schema, **hyperparameters
        )
    assert parameters(model) == dense
    assert without_head is None or parameters(model, head=False) == without_head


# The totals that BARS' logs report; criteo_x1 has 2,086,316 embedding rows there, 13 of them dense
# vectors.
FRAPPE = Schema((), tuple(f"f{i}" for i in range(10)), (5389 - 9 * 2, *(2,) * 9))
CRITEO_X1 = Schema(CRITEO.dense, CRITEO.sparse, (2_086_303 - 25 * 2, *(2,) * 25))


@pytest.mark.parametrize(
    ("name", "schema", "hyperparameters", "total"),
    [
        ("lr", FRAPPE, {}, 5_390),
        ("fm", FRAPPE, {}, 59_280),
        ("dcn", FRAPPE, {"hidden_units": (400,) * 3, "batch_norm": True}, 418_591),
        (
            "dcnv2",
            FRAPPE,
            {"num_cross_layers": 4, "parallel_units": (400,) * 3, "batch_norm": True},
            458_391,
        ),
        (
            "dlrm",
            FRAPPE,
            {"interaction": "cat", "top_units": (400,) * 3, "batch_norm": True},
            417_891,
        ),
        ("lr", CRITEO_X1, {}, 2_086_317),
        ("fm", CRITEO_X1, {}, 22_949_477),
        ("dcn", CRITEO_X1, {"hidden_units": (400,) * 3}, 21_343_491),
        ("dcnv2", CRITEO_X1, {"parallel_units": (500,) * 3}, 22_018_021),
        (
            "dlrm",
            CRITEO_X1,
            {"bottom_units": (400,) * 3, "top_units": (400,) * 3, "batch_norm": True},
            21_664_241,
        ),
    ],
)
def test_published_totals(
    name: str, schema: Schema, hyperparameters: dict[str, Any], total: int
) -> None:
    with torch.device("meta"):
        model = models.get(name)(schema, **hyperparameters)
    assert parameters(model, embedding=True) == total


@pytest.mark.parametrize(
    ("recipe", "schema"), [("criteo_x1/dnn", CRITEO_X1), ("frappe_x1r/dnn_bars", FRAPPE)]
)
def test_the_published_total_of_a_dnn_counts_its_mlp_twice(recipe: str, schema: Schema) -> None:
    """DNN's logs of FuxiCTR 1.1 do; those of the other models do not."""
    model = on_meta(recipes.load(recipe), schema).model
    listed = {
        row.dataset: row.params
        for row in load(RESULTS).row
        if (row.model, row.source) == ("dnn", "bars")
    }
    total, mlp = parameters(model, embedding=True), parameters(model)
    assert total + mlp == listed[recipe.split("/")[0].removesuffix("r")]


def test_the_dnn_of_avazu_has_the_listed_layers() -> None:
    """Its log states no total: 384 inputs, four layers of 1000."""
    model = on_meta(recipes.load("avazu_x4_001/dnn"), AVAZU).model
    assert parameters(model) == 384 * 1000 + 3 * 1000**2 + 4 * 1000 + 1000 + 1
