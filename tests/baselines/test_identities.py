"""What must hold of the parts, whatever their weights."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.blocks import Mixing
from baselines.dcn import CrossNet, MatrixCross, MixtureCross, VectorCross
from baselines.dlrm import DLRM
from baselines.kernels import transpose_heads
from baselines.rankmixer import PENALTY_WEIGHT_RANGE, RankMixerMoE, SparseExperts, adapt
from benchmark.data.schema import Schema

SCHEMA = Schema(("x1", "x2"), ("a", "b", "c"), (4, 3, 6))
NOTHING = torch.zeros(0), torch.zeros(0)
"""Logit and label of an extra loss that reads neither."""


@given(tokens=st.integers(1, 6), head=st.integers(1, 4), batch=st.integers(1, 3))
@settings(max_examples=30, deadline=None)
def test_transposition_is_its_own_inverse_and_moves_every_head(
    tokens: int, head: int, batch: int
) -> None:
    x = torch.arange(batch * tokens * tokens * head).reshape(batch, tokens, tokens * head)
    mixed = transpose_heads(x)
    assert torch.equal(transpose_heads(mixed), x)
    for t in range(tokens):
        for h in range(tokens):
            own, other = slice(h * head, (h + 1) * head), slice(t * head, (t + 1) * head)
            assert torch.equal(mixed[:, h, other], x[:, t, own])


@pytest.mark.parametrize(
    "layer", [VectorCross(6), MatrixCross(6), MixtureCross(6, experts=2, rank=3)]
)
def test_a_cross_net_with_zero_weights_is_the_identity(layer: nn.Module) -> None:
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
    x = torch.randn(4, 3, 2)
    assert torch.equal(CrossNet([layer, layer])(x, lambda stage, x: None), x.flatten(1))


@pytest.mark.parametrize("kind", ["full", "kronecker"])
def test_linear_mixing_with_zero_weights_is_the_identity(kind: str) -> None:
    mixing = Mixing(kind, (4, 6), "pre", groups=2)
    x = torch.randn(3, 4, 6)
    with torch.no_grad():
        mixing.linear.weight.zero_()
        assert torch.equal(mixing(x), x)
        mixing.linear.weight.copy_(torch.eye(len(mixing.linear.weight)))
        scaled = x / x.square().mean(dim=(1, 2), keepdim=True).sqrt()
        torch.testing.assert_close(mixing(x), x + scaled)


@pytest.mark.parametrize("n_dense", [0, 2])
@pytest.mark.parametrize("n_sparse", [2, 3, 5])
def test_dlrm_takes_every_pair_once(n_dense: int, n_sparse: int) -> None:
    names = tuple(f"s{j}" for j in range(n_sparse))
    model = DLRM(
        Schema(tuple(f"d{j}" for j in range(n_dense)), names, (3,) * n_sparse), embedding_dim=4
    )
    n = n_sparse + (n_dense > 0)
    z = torch.randn(2, n, 4)
    dots = model.dots(z)[:, 4 if n_dense else 0 :]
    assert dots.shape == (2, n * (n - 1) // 2)
    expected = torch.stack(
        [(z[:, i] * z[:, j]).sum(dim=1) for i in range(n) for j in range(i)], dim=1
    )
    torch.testing.assert_close(dots, expected)


def test_open_gates_give_the_dense_sum_of_the_experts() -> None:
    torch.manual_seed(0)
    layer = SparseExperts((3, 4), experts=5, hidden=6)
    nn.init.normal_(layer.lower.bias)
    s = torch.randn(7, 3, 4)
    expected = torch.zeros(7, 3, 4)
    for t in range(3):
        for j in range(5):
            own = t * 5 + j
            hidden = F.gelu(F.linear(s[:, t], layer.lift.weight[own], layer.lift.bias[own]))
            expected[:, t] += F.linear(hidden, layer.lower.weight[own], layer.lower.bias[own])
    torch.testing.assert_close(layer.mixture(s, torch.ones(7, 3, 5)), expected)
    assert not layer.mixture(s, torch.zeros(7, 3, 5)).any()


def moe_batch(model: RankMixerMoE) -> Tensor:
    with torch.no_grad():
        model.embedding.table.normal_()
    ids = torch.stack(
        [torch.arange(64) % cardinality for cardinality in SCHEMA.cardinalities], dim=1
    )
    logit: Tensor = model(torch.randn(64, 2), ids)
    return logit


def test_the_penalty_presses_on_the_serving_router_alone() -> None:
    torch.manual_seed(0)
    model = RankMixerMoE(SCHEMA, num_blocks=1).train()
    moe_batch(model)
    model.penalty_weight = torch.tensor(0.5)
    experts = model.blocks[0].ffn
    penalty = model.extra_loss(*NOTHING)
    assert penalty.shape == () and penalty.item() == pytest.approx(
        0.5 * experts.gates.sum().item() / 64, rel=1e-5
    )
    penalty.backward()
    assert experts.router.weight.grad.any()
    assert experts.train_router.weight.grad is None and experts.lift.weight.grad is None
    moe_batch(model.eval())
    with pytest.raises(RuntimeError, match="training mode"):
        model.extra_loss(*NOTHING)


def adapted(weight: float, share: float, before: float, budget: float) -> float:
    return adapt(*(torch.tensor(each) for each in (weight, share, before)), budget).item()


def test_the_penalty_grows_while_too_many_gates_are_open() -> None:
    low, high = PENALTY_WEIGHT_RANGE
    assert adapted(0.1, 0.5, 0.5, 0.4) == pytest.approx(0.1 * math.exp(0.02))
    assert adapted(0.1, 0.3, 0.3, 0.4) == pytest.approx(0.1 * math.exp(-0.02))
    assert adapted(0.1, 0.4, 0.41, 0.4) == pytest.approx(0.1 * math.exp(-0.2))
    assert adapted(low, 0.2, 0.2, 1.0) == pytest.approx(low)
    assert adapted(high, 0.9, 0.9, 0.1) == pytest.approx(high)


def test_the_weight_stays_where_the_mean_share_is_the_budget() -> None:
    """Shares that scatter unevenly about their mean: 0.01 above it three times, 0.03 below once."""
    random = np.random.default_rng(0)
    shares = 0.4 + random.permutation([0.01, 0.01, 0.01, -0.03] * 500)
    weight, before = 0.01, 0.4
    for share in [*shares, 0.4]:
        weight, before = adapted(weight, share, before, 0.4), share
    assert weight == pytest.approx(0.01, rel=1e-2)


def test_training_settles_at_the_budget_of_open_gates() -> None:
    torch.manual_seed(0)
    model = RankMixerMoE(SCHEMA, num_blocks=1, active_ratio=0.25).train()
    with torch.no_grad():
        model.embedding.table.normal_()
    model.embedding.requires_grad_(False)
    optimizer = torch.optim.Adam(filter(lambda each: each.requires_grad, model.parameters()), 1e-3)
    shares = []
    for _ in range(400):
        ids = [torch.randint(1, cardinality, (128,)) for cardinality in SCHEMA.cardinalities]
        dense, sparse = torch.randn(128, 2), torch.stack(ids, dim=1)
        label = ((sparse[:, 0] > 1) ^ (dense[:, 0] > 0)).float()
        loss = F.binary_cross_entropy_with_logits(model(dense, sparse), label)
        optimizer.zero_grad()
        (loss + model.extra_loss(*NOTHING)).backward()
        optimizer.step()
        shares.append(model.open_share.item())
    assert shares[0] == pytest.approx(0.5, abs=0.1)
    assert np.mean(shares[-100:]) == pytest.approx(0.25, abs=0.03)
    note = f"{shares[-1]:.1%} of the serving gates were open in training, for a budget of 25.0%"
    assert model.training_note() == note


def test_the_weight_of_the_penalty_adapts_in_training_and_is_saved() -> None:
    torch.manual_seed(0)
    model = RankMixerMoE(SCHEMA, active_ratio=0.01)
    moe_batch(model.eval())
    assert model.state_dict()["penalty_weight"].item() == pytest.approx(1e-4)
    moe_batch(model.train())
    state = model.state_dict()
    share = state["open_share"].item()
    step = 0.2 * (share - 0.01) + 20 * (share - 0.5)
    assert state["penalty_weight"].item() == pytest.approx(max(1e-4, 1e-4 * math.exp(step)))
