"""Sizes that do not fit are refused by name, with both numbers and what would work."""

import warnings
from typing import Any

import pytest
import torch

from baselines.layers import FieldEmbedding
from benchmark.data.schema import Schema
from benchmark.registry import models

SCHEMA = Schema(("x",), ("a", "b", "c", "d"), (3, 4, 5, 6))  # with embedding_dim 6: F*d = 30


@pytest.mark.parametrize(
    ("name", "hyperparameters", "words"),
    [
        (
            "rankelastor",
            {"tokenizer": "matrix", "num_tokens": 4},
            ["num_tokens = 4", "F*d = 30", "1, 2, 3, 5, 6, 10, 15, 30"],
        ),
        (
            "rankelastor",
            {"tokenizer": "none", "num_tokens": 4, "token_dim": 8},
            ["num_tokens * token_dim = 4 * 8 = 32", "30"],
        ),
        (
            "rankelastor",
            {"mixing": "transpose", "num_tokens": 5, "token_dim": 6},
            ["num_tokens = 5", "token_dim = 6", "1, 2, 3, 6"],
        ),
        (
            "rankelastor",
            {"mixing": "kronecker", "mixing_groups": 7},
            ["mixing_groups = 7", "8 * 16 = 128", "32, 64"],
        ),
        ("rankelastor", {"num_tokens": 0}, ["num_tokens = 0", "at least 1"]),
        ("rankelastor", {"expansion": 0.01}, ["expansion = 0.01", "16"]),
        ("rankelastor", {"ffn_hidden": (8, 0)}, ["ffn_hidden = 8, 0"]),
        ("rankelastor", {"ffn_dropout": 1.5}, ["dropout", "1.5"]),
        ("dnn", {"hidden_units": (0,)}, ["hidden_units = 0"]),
        ("dnn", {"dropout": -0.5}, ["dropout", "-0.5"]),
        ("dcnv2", {"num_cross_layers": 0}, ["num_cross_layers = 0"]),
        ("dcnv2", {"parallel_units": (4, -1)}, ["parallel_units = 4, -1"]),
        ("fm", {"embedding_dim": 0}, ["embedding_dim = 0"]),
        ("dcnv2", {"rank": 0}, ["rank = 0"]),
        ("dlrm", {"top_units": (0,)}, ["top_units = 0"]),
        (
            "rankmixer",
            {"num_tokens": 5},
            ["num_tokens = 5", "token_dim = 32", "1, 2, 4, 8, 16, 32"],
        ),
        ("rankmixer_moe", {"active_ratio": 0.0}, ["active_ratio = 0.0", "(0, 1]"]),
    ],
)
def test_a_size_that_does_not_fit_is_named(
    name: str, hyperparameters: dict[str, Any], words: list[str]
) -> None:
    size = {} if "embedding_dim" in hyperparameters else {"embedding_dim": 6}
    with pytest.raises(ValueError) as error:
        models.get(name)(SCHEMA, **size, **hyperparameters)
    assert all(word in str(error.value) for word in words), str(error.value)


def test_dlrm_needs_two_vectors_for_a_dot() -> None:
    with pytest.raises(ValueError, match="use 'cat'"):
        models.get("dlrm")(Schema((), ("a",), (3,)), interaction="dot")


@pytest.mark.parametrize(
    ("groups", "mixes"), [(1, True), (2, True), (4, True), (8, False), (16, False), (128, False)]
)
def test_kronecker_groups_inside_a_token_are_said_to_mix_nothing(groups: int, mixes: bool) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = models.get("rankelastor")(
            SCHEMA, mixing="kronecker", mixing_groups=groups, num_tokens=8, num_blocks=1
        )
    said = [
        str(warning.message)
        for warning in caught
        if "mixes nothing across tokens" in str(warning.message)
    ]
    assert len(said) == (not mixes)
    mixing = model.blocks[0].mixing.double()
    x = torch.randn(1, 8, 16, dtype=torch.float64)
    mixing.pre_norm = None  # it scales all tokens together, whatever the groups
    jacobian = torch.autograd.functional.jacobian(mixing, x)[0, :, :, 0].abs().sum(dim=(1, 3))
    assert bool((jacobian - jacobian.diag().diag()).any()) is mixes


def test_the_fields_stand_in_one_table_in_order() -> None:
    embedding = FieldEmbedding(SCHEMA, 2)
    assert embedding.table is not None and embedding.vectors is not None
    with torch.no_grad():
        embedding.table.copy_(
            torch.arange(4).repeat_interleave(torch.tensor([3, 4, 5, 6])).unsqueeze(1)
        )
        embedding.vectors.copy_(torch.tensor([[1.0, -2.0]]))
        embedded = embedding(torch.tensor([[3.0]]), torch.tensor([[2, 0, 4, 5]], dtype=torch.int32))
    assert embedding.offsets.tolist() == [0, 3, 7, 12]
    assert embedding.table.shape == (18, 2)
    assert embedded.tolist() == [[[3.0, -6.0], [0.0, 0.0], [1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]]


def test_initial_values_have_their_published_scales() -> None:
    torch.manual_seed(0)
    model = models.get("rankelastor")(
        Schema(("x",) * 1, ("a",), (20_000,)), embedding_dim=300, num_tokens=4, token_dim=64
    )
    scales = {
        model.embedding.table: 1e-4,
        model.embedding.vectors: (2 / 301) ** 0.5,
        model.tokenizer.hidden.weight: (2 / (600 + 64)) ** 0.5,
        model.blocks[0].ffn.units[0].lift1.weight: (2 / (64 + 192)) ** 0.5,
    }
    for parameter, scale in scales.items():
        assert parameter.std().item() == pytest.approx(scale, rel=0.15)
    assert not any(p.any() for path, p in model.named_parameters() if path.endswith("bias"))
