"""What must hold of the parts of the models of the field, whatever their weights."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_references import SCHEMA, batch, randomised
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.autoint import FieldAttention
from baselines.dcn import DCNv2
from baselines.fcn import FCN
from baselines.finalnet import FinalNet
from baselines.kernels import transpose_heads
from baselines.layers import agreement_loss
from baselines.unimixer import UniMixerLite, sinkhorn
from baselines.xdeepfm import CIN
from benchmark.model import ignore
from benchmark.registry import models

DENSE, SPARSE = batch(SCHEMA)
LABEL = torch.tensor([1.0, 0, 0, 1, 1, 0]).double()


def scored(model: nn.Module) -> Tensor:
    logit: Tensor = model(DENSE, SPARSE)
    return logit


def entropies(logits: Tensor, probability: Tensor) -> Tensor:
    """BCE of logits and probabilities, row by row."""
    p = torch.sigmoid(logits)
    return -probability * p.log() - (1 - probability) * (1 - p).log()


@given(st.integers(1, 6), st.integers(0, 99), st.sampled_from([(1.0, 1e-3), (0.3, 0.3)]))
@settings(max_examples=30, deadline=None)
def test_sinkhorns_columns_sum_to_one_and_rows_as_far_as_the_temperature_lets_them(
    size: int, seed: int, case: tuple[float, float]
) -> None:
    temperature, tolerance = case
    logits = torch.randn(3, size, size, generator=torch.Generator().manual_seed(seed)).double()
    s = sinkhorn(logits, torch.tensor(temperature))
    assert (s >= 0).all() and s.sum(dim=1).sub(1).abs().max() < 1e-6
    assert s.sum(dim=2).sub(1).abs().max() < tolerance
    torch.testing.assert_close(s, sinkhorn(logits.mT, torch.tensor(temperature)))


@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 3), st.integers(1, 3))
@settings(max_examples=30, deadline=None)
def test_heads_are_put_back_by_the_transposition_to_the_number_of_tokens(
    tokens: int, heads: int, head_width: int, rows: int
) -> None:
    x = torch.randn(rows, tokens, heads * head_width)
    mixed = transpose_heads(x, heads)
    assert mixed.shape == (rows, heads, tokens * head_width)
    assert torch.equal(transpose_heads(mixed, tokens), x)


def test_finalnets_gate_begins_open() -> None:
    model = FinalNet(SCHEMA, embedding_dim=3, block1_units=(6,)).double().eval()
    seen: list[Tensor] = []
    model.blocks[0].register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    scored(model)
    x = model.embedding(DENSE, SPARSE).flatten(1)
    assert torch.equal(seen[0], torch.cat((x, x), dim=1))


@pytest.mark.parametrize("batch_norm", [False, True])
def test_without_dropout_the_passes_of_qnn_alpha_are_equal(batch_norm: bool) -> None:
    chosen = {"embedding_dim": 3, "dropout": 0.0, "batch_norm": batch_norm}
    model = randomised("qnn_alpha", chosen, SCHEMA).train()
    with torch.no_grad():
        model.head.weight.mul_(1e-3)
        logit = scored(model)
        assert torch.equal(*model._logits)
    torch.testing.assert_close(logit, model._logits[0])
    penalty = 2 * entropies(logit, torch.sigmoid(logit)).mean()
    torch.testing.assert_close(model.extra_loss(logit, LABEL), penalty)


def test_the_agreement_of_logits_pulls_them_and_not_what_they_agree_on() -> None:
    z = torch.tensor([[0.3, -1.2], [1.1, 0.4]], requires_grad=True)
    joint = z.mean(dim=0)
    agreement_loss(tuple(z), torch.sigmoid(joint)).backward()
    expected = (torch.sigmoid(z) - torch.sigmoid(joint)) / 2  # of a BCE with a constant target
    torch.testing.assert_close(z.grad, expected.detach())


def test_fcns_loss_by_hand() -> None:
    model = FCN(SCHEMA, embedding_dim=2)
    deep = torch.tensor([2.0, 0.0, -1.0], requires_grad=True)
    shallow = torch.tensor([-1.0, 0.5, 0.0])
    model._logits = (deep, shallow)
    loss = model.extra_loss((deep + shallow) / 2, torch.tensor([1.0, 0.0, 0.0]))

    def bce(*terms: float) -> float:
        return sum(math.log1p(math.exp(term)) for term in terms) / 3

    whole, of_deep, of_shallow = bce(-0.5, 0.25, -0.5), bce(-2, 0, -1), bce(1, 0.5, 0)
    assert of_deep < whole < of_shallow  # so the deep stack has weight 0
    assert loss.item() == pytest.approx((of_shallow - whole) * of_shallow, rel=1e-6)
    loss.backward()  # through the weight: -L_s times the slope of L, half a logit each
    slope = (torch.sigmoid(torch.tensor([0.5, 0.25, -0.5])) - torch.tensor([1.0, 0, 0])) / 6
    torch.testing.assert_close(deep.grad, -of_shallow * slope)


def test_fibinet_with_equal_matrices_is_fibinet_with_one() -> None:
    chosen = {"embedding_dim": 3, "hidden_units": (5,)}
    apart = randomised("fibinet", chosen, SCHEMA)
    tied = models.get("fibinet")(SCHEMA, **chosen, tie_bilinear=True).double().eval()
    apart.bilinear2.load_state_dict(apart.bilinear1.state_dict())
    tied.load_state_dict(
        {key: each for key, each in apart.state_dict().items() if "bilinear2" not in key}
    )
    assert torch.equal(scored(apart), scored(tied))


def test_one_layer_of_a_compressed_interaction_network_by_hand() -> None:
    cin = CIN(2, (1,))
    with torch.no_grad():
        cin.layers[0].weight.copy_(torch.tensor([[1.0, 10.0, 100.0, 1000.0]]))
        cin.layers[0].bias.fill_(0.5)
        cin.head.weight.fill_(2.0)
        cin.head.bias.fill_(7.0)
    # X = [[1, 2], [3, 5]]: per column a^2 + 110 a b + 1000 b^2 + .5 with (a, b) = (1, 3), (2, 5)
    logit = cin(torch.tensor([[[1.0, 2.0], [3.0, 5.0]]]), ignore)
    assert logit.item() == 2 * (1 + 330 + 9000 + 0.5 + 4 + 1100 + 25000 + 0.5) + 7


def test_autoint_keeps_its_input_where_the_width_stays() -> None:
    layer = FieldAttention(4, 4, 2, residual=True, layer_norm=False, scale=True)
    assert layer.residual is None
    nn.init.zeros_(layer.value.weight)
    x = torch.randn(3, 5, 4)
    assert torch.equal(layer(x), F.relu(x))


@pytest.mark.parametrize(("blocks", "count"), [(2, 0), (3, 0), (4, 1), (5, 1), (6, 2), (7, 2)])
def test_auxiliary_logits_come_after_every_second_block_but_the_last(
    blocks: int, count: int
) -> None:
    sizes: dict[str, Any] = {"num_tokens": 3, "token_dim": 4, "num_heads": 2, "ffn_multiple": 1}
    model = models.get("tokenmixer_large")(SCHEMA, num_blocks=blocks, **sizes).double()
    stages: list[str] = []
    logit = model(DENSE, SPARSE, observe=lambda stage, x: stages.append(stage))
    states = [f"block{3 + 2 * i}.state" for i in range(count)]
    assert [stage for stage in stages if stage.endswith("state")] == states
    assert len(model._auxiliary_logits) == count
    own = [entropies(each, LABEL).mean() for each in model._auxiliary_logits]
    expected = 0.1 * sum(own, torch.zeros(()).double())
    torch.testing.assert_close(model.extra_loss(logit, LABEL), expected)
    model.eval()(DENSE, SPARSE)
    assert not model._auxiliary_logits


def test_unimixers_temperature_falls_with_the_training_steps_and_is_saved() -> None:
    chosen: dict[str, Any] = {"num_tokens": 2, "token_dim": 4, "block_size": 4}
    ends: dict[str, Any] = {"temperature": 1.0, "final_temperature": 0.2, "annealing_steps": 4}
    model, copy = (UniMixerLite(SCHEMA, **chosen, **ends).double() for _ in range(2))
    seen = []
    for _ in range(6):
        seen.append(model.temperature().item())
        scored(model.train())
        scored(model.eval())
    assert seen == pytest.approx([1.0, 0.8, 0.6, 0.4, 0.2, 0.2])
    copy.load_state_dict(model.state_dict())
    assert copy.temperature() == model.temperature() != UniMixerLite(SCHEMA).temperature()


@pytest.mark.parametrize("structure", ["serial", "parallel"])
def test_masknet_with_masks_of_one_is_an_mlp(structure: str) -> None:
    chosen = {"structure": structure, "hidden_units": (5, 3), "layer_norm": False}
    model = randomised("masknet", chosen, SCHEMA)
    for block in model.blocks:
        nn.init.zeros_(block.mask.out.weight)
        nn.init.ones_(block.mask.out.bias)
    x = model.embedding(DENSE, SPARSE).flatten(1)
    weights = [block.linear.weight for block in model.blocks]
    if structure == "serial":
        for weight in weights:
            x = F.relu(x @ weight.T)
    else:
        x = model.top(F.relu(x @ torch.cat(weights).T))
    torch.testing.assert_close(scored(model), model.head(x).squeeze(1))


def test_one_table_of_multi_embedding_is_dcnv2_with_a_relu_before_its_mlp() -> None:
    sizes: dict[str, Any] = {"embedding_dim": 3, "num_cross_layers": 2}
    model = randomised(
        "multi_embedding", sizes | {"num_embeddings": 1, "hidden_units": (5,)}, SCHEMA
    )
    other = DCNv2(SCHEMA, **sizes, structure="stacked", stacked_units=(5,)).double().eval()
    parts = (("embedding", "embedding"), ("crosses.0", "cross"), ("mlp", "stacked"))
    for ours, theirs in (*parts, ("head", "head")):
        other.get_submodule(theirs).load_state_dict(model.get_submodule(ours).state_dict())
    other.stacked.register_forward_pre_hook(lambda module, inputs: F.relu(inputs[0]))
    torch.testing.assert_close(scored(model), scored(other))
