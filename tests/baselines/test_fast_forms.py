"""Every kernel's fast form against its plain form: values and gradients, 1e-10 in float64 and 1e-5
in float32."""

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines import kernels
from baselines.dcn import DCNv2
from baselines.dnn import MLP
from baselines.kernels import (
    Dropout,
    DroppedReLU,
    LayerNorm,
    PerTokenLinear,
    RMSNorm,
    TokenLinear,
    lay_out,
    transpose_heads,
)
from baselines.tokens import Head, Tokenizer
from benchmark.data.schema import Schema
from benchmark.model import plain_form

Form = Callable[..., Tensor]
precisions = pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)]
)


def agree(
    fast: Form, plain: Form, arguments: Sequence[Tensor], tolerance: float, module: nn.Module
) -> None:
    """Check values and gradients, by a random weighting of the result, of all arguments and
    parameters."""
    leaves = [argument.requires_grad_() for argument in arguments] + list(module.parameters())
    ours = fast(*arguments)
    with plain_form():
        expected = plain(*arguments)
    weighting = torch.randn_like(expected)
    torch.testing.assert_close(ours, expected, rtol=tolerance, atol=tolerance)
    gradients = [
        torch.autograd.grad((result * weighting).sum(), leaves) for result in (ours, expected)
    ]
    for gradient, wanted in zip(*gradients, strict=True):
        size = float(wanted.detach().abs().max())
        bound = tolerance * max(1.0, size)
        torch.testing.assert_close(gradient, wanted, rtol=tolerance, atol=bound)


def forms_agree(layer: nn.Module, x: Tensor, tolerance: float) -> None:
    """Check a layer with random weights, on rows as they come and laid out for the fast form."""
    layer.to(x.dtype)
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    agree(layer, layer, [x.clone()], tolerance, layer)
    agree(lambda x: layer(lay_out(x)), layer, [x.clone()], tolerance, layer)


def random(dtype: torch.dtype, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=dtype)


@precisions
@pytest.mark.parametrize("rows", [1, 16])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("n_in", "n_out"), [(3, 8), (8, 3)])
def test_linear_layers(
    n_in: int, n_out: int, bias: bool, rows: int, dtype: torch.dtype, tolerance: float
) -> None:
    forms_agree(PerTokenLinear(4, n_in, n_out, bias=bias), random(dtype, rows, 4, n_in), tolerance)
    shared = TokenLinear(n_in, n_out, bias=bias)
    for shape in ((n_in,), (1, n_in), (4, n_in)):
        forms_agree(shared, random(dtype, rows, *shape), tolerance)


@precisions
def test_norms(dtype: torch.dtype, tolerance: float) -> None:
    for norm in (RMSNorm(7), RMSNorm(5, 7), LayerNorm(7)):
        forms_agree(norm, random(dtype, 16, 5, 7), tolerance)
    forms_agree(RMSNorm(7), random(dtype, 16, 7), tolerance)


@precisions
def test_transposition(dtype: torch.dtype, tolerance: float) -> None:
    x = random(dtype, 16, 4, 12)
    agree(transpose_heads, transpose_heads, [x], tolerance, nn.Identity())


@precisions
@pytest.mark.parametrize("kind", ["mlp", "linear", "mean", "pool"])
def test_heads(kind: str, dtype: torch.dtype, tolerance: float) -> None:
    forms_agree(Head(kind, (4, 6)), random(dtype, 16, 4, 6), tolerance)


@precisions
def test_mean_square_of_a_product_from_its_input(dtype: torch.dtype, tolerance: float) -> None:
    linear = nn.Linear(5, 60).to(dtype)
    x = random(dtype, 2, 5, 16)
    with torch.no_grad():  # nearly dependent columns, whose difference x looks along
        linear.weight[:, 0] = linear.weight[:, 1] + 1e-2 * linear.weight[:, 0]
    x[:, 0] = -x[:, 1]

    def plain(x: Tensor) -> Tensor:
        y = F.linear(x.mT.double(), linear.weight.double(), linear.bias.double()).mT
        return y.square().mean(dim=1, keepdim=True)

    agree(
        lambda x: kernels._mean_square(x, linear.weight, linear.bias), plain, [x], tolerance, linear
    )


@precisions
@pytest.mark.parametrize("norm", [True, False])
@pytest.mark.parametrize("kind", ["matrix", "vector", "slice"])
def test_tokenizer(kind: str, norm: bool, dtype: torch.dtype, tolerance: float) -> None:
    torch.manual_seed(1)
    tokenizer = Tokenizer(kind, 24, (6, 5), hidden=40, norm=norm)
    forms_agree(tokenizer, random(dtype, 16, 6, 4), tolerance)


def test_the_tokenizer_drops_hidden_values_as_its_plain_form_does(monkeypatch) -> None:
    torch.manual_seed(1)
    tokenizer = Tokenizer("matrix", 24, (6, 5), hidden=40, norm=True, dropout=0.3).double()
    embedding = random(torch.float64, 16, 6, 4)
    mask = tokenizer.activation.dropout.mask(torch.empty(6, 40, 16).double())
    monkeypatch.setattr(Dropout, "mask", lambda self, x: mask.clone())
    fast = tokenizer(embedding)
    scale = tokenizer.activation.dropout.scale
    monkeypatch.setattr(F, "dropout", lambda x, p, training: x * mask.movedim(-1, 0) * scale)
    with plain_form():
        torch.testing.assert_close(fast, tokenizer(embedding), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_dropout_drops_at_its_rate_and_independently(p: float) -> None:
    torch.manual_seed(3)
    dropout, n = Dropout(p), 400_000
    kept = torch.stack([dropout(torch.ones(n)) for _ in range(2)])
    assert set(kept.unique().tolist()) == {0.0, torch.tensor(dropout.scale).item()}
    dropped = (kept == 0).double()
    sd = (p * (1 - p) / n) ** 0.5
    assert dropped.mean(dim=1).sub(p).abs().max() < 4 * sd
    assert kept.double().mean(dim=1).sub(1).abs().max() < 4 * sd / (1 - p)
    centred = dropped - dropped.mean(dim=1, keepdim=True)
    variance = centred.square().mean()
    pairs = [centred[0, lag:] * centred[0, :-lag] for lag in (1, 2, 3, 4, 5, 8, 1024)] + [
        centred[0] * centred[1]
    ]
    for pair in pairs:  # neighbours share a draw; the second row is another call
        assert abs(pair.mean() / variance) < 4 / n**0.5
    quarters = dropped[0].view(-1, 4).mean(dim=0)  # the four values that one draw decides about
    assert quarters.sub(p).abs().max() < 4 * sd * 2


def test_dropout_follows_the_seed_and_is_the_identity_in_eval_mode() -> None:
    dropout, x = DroppedReLU(0.3), torch.randn(1001)

    def drop_with(seed: int) -> Tensor:
        torch.manual_seed(seed)
        return dropout.train()(x.clone())

    assert torch.equal(drop_with(5), drop_with(5))
    assert not torch.equal(drop_with(5), drop_with(6))
    assert torch.equal(dropout.eval()(x.clone()), F.relu(x))
    assert torch.equal(Dropout(0.0)(x), x) and torch.equal(Dropout(0.3).eval()(x), x)
    with pytest.raises(ValueError, match="dropout = 1"):
        Dropout(1.0)


def test_the_mlp_drops_and_scales_as_relu_and_dropout_do() -> None:
    torch.manual_seed(0)
    mlp = MLP(6, (2000,), dropout=0.25).double()
    x = random(torch.float64, 50, 6)
    kept = mlp(x) > 0
    plain = F.relu(mlp[0](x))
    torch.testing.assert_close(
        mlp(x).sum() / plain.sum(), torch.tensor(1.0).double(), rtol=0.02, atol=0
    )
    assert (plain[kept] > 0).all() and kept.sum() / (plain > 0).sum() == pytest.approx(
        0.75, abs=0.01
    )


@precisions
def test_gradients_pass_where_the_dropped_relu_kept_a_value(
    dtype: torch.dtype, tolerance: float
) -> None:
    layer = DroppedReLU(0.25)
    mask = layer.dropout.mask(random(dtype, 50, 6))

    def fixed(x: Tensor) -> Tensor:
        return kernels._masked_relu(x, mask.clone(), layer.dropout.scale)

    def plain(x: Tensor) -> Tensor:
        return F.relu(x) * mask * layer.dropout.scale

    agree(fixed, plain, [random(dtype, 50, 6)], tolerance, layer)


def test_the_tables_gradient_is_sparse_and_sums_repeated_ids() -> None:
    model = DCNv2(Schema((), ("a",), (5,)), embedding_dim=2)
    model(torch.empty(3, 0), torch.tensor([[4], [4], [1]])).sum().backward()
    gradient = model.embedding.table.grad
    assert gradient.is_sparse
    assert gradient.coalesce().indices().tolist() == [[1, 4]]
