"""Every fast form against its plain form: values and gradients, 1e-10 in float64 and 1e-5 in
float32."""

from collections.abc import Callable, Sequence

import pytest
import torch
from baselines.columns import LayerNorm, RMSNorm, column_product, shared_product
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.dcn import DCNv2
from baselines.layers import MLP, Dropout, DroppedReLU
from baselines.tokens import Tokenizer, mean_square
from benchmark.data.schema import Schema

TOLERANCES = [(torch.float64, 1e-10), (torch.float32, 1e-5)]


def agree(
    fast: Callable[..., Tensor],
    plain: Callable[..., Tensor],
    arguments: Sequence[Tensor],
    parameters: Sequence[Tensor],
    tolerance: float,
) -> None:
    """Values and gradients, by a random weighting of the result, of all arguments and
    parameters."""
    leaves = [argument.requires_grad_() for argument in arguments] + list(parameters)
    results = [form(*arguments) for form in (fast, plain)]
    weighting = torch.randn_like(results[0])
    torch.testing.assert_close(results[0], results[1], rtol=tolerance, atol=tolerance)
    gradients = [torch.autograd.grad((result * weighting).sum(), leaves) for result in results]
    for ours, expected in zip(*gradients, strict=True):
        size = float(expected.detach().abs().max())
        torch.testing.assert_close(ours, expected, rtol=tolerance, atol=tolerance * max(1.0, size))


def drawn(dtype: torch.dtype, *shapes: tuple[int, ...]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator, dtype=dtype) for shape in shapes]


@pytest.mark.parametrize(("dtype", "tolerance"), TOLERANCES)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("n_in", "n_out"), [(3, 8), (8, 3)])
@pytest.mark.parametrize("tokens", [None, 4])
def test_column_product(
    tokens: int | None, n_in: int, n_out: int, bias: bool, dtype: torch.dtype, tolerance: float
):
    first = () if tokens is None else (tokens,)
    shapes = [(*first, n_in, 16), (*first, n_out, n_in), (*first, n_out)]
    x, weight, *rest = drawn(dtype, *shapes[: 2 + bias])

    def plain(x: Tensor, weight: Tensor, *rest: Tensor) -> Tensor:
        y = torch.einsum("...ib,...oi->...ob", x, weight)
        return y + rest[0].unsqueeze(-1) if rest else y

    agree(
        lambda x, w, *b: column_product(x, w, b[0] if b else None),
        plain,
        [x, weight, *rest],
        [],
        tolerance,
    )


@pytest.mark.parametrize(("dtype", "tolerance"), TOLERANCES)
@pytest.mark.parametrize("tokens", [1, 4])
def test_shared_product(tokens: int, dtype: torch.dtype, tolerance: float) -> None:
    x, weight, bias = drawn(dtype, (tokens, 3, 16), (8, 3), (8,))
    agree(shared_product, lambda x, w, b: w @ x + b.unsqueeze(1), [x, weight, bias], [], tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), TOLERANCES)
def test_norms(dtype: torch.dtype, tolerance: float) -> None:
    (x,) = drawn(dtype, (5, 7, 16))
    for norm in (RMSNorm(7), RMSNorm(5, 7), LayerNorm(7)):
        norm = norm.to(dtype)
        for parameter in norm.parameters():
            nn.init.normal_(parameter)

        def plain(x: Tensor, norm: nn.Module = norm) -> Tensor:
            if isinstance(norm, LayerNorm):
                return F.layer_norm(
                    x.transpose(1, 2), (7,), norm.weight, norm.bias, 1e-5
                ).transpose(1, 2)
            root = (x.square().mean(dim=1, keepdim=True) + 1e-12).sqrt()
            return x / root * norm.gamma.unsqueeze(-1)

        agree(norm, plain, [x.clone()], list(norm.parameters()), tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), TOLERANCES)
def test_mean_square_of_a_product_from_its_input(dtype: torch.dtype, tolerance: float) -> None:
    x, weight, bias = drawn(dtype, (2, 5, 16), (60, 5), (60,))
    weight[:, 0] = (
        weight[:, 1] + 1e-2 * weight[:, 0]
    )  # nearly dependent columns, whose difference x looks along
    x[:, 0] = -x[:, 1]

    def plain(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return (
            (weight.double() @ x.double() + bias.double().unsqueeze(1))
            .square()
            .mean(dim=1, keepdim=True)
        )

    agree(mean_square, plain, [x, weight, bias], [], tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), TOLERANCES)
@pytest.mark.parametrize("norm", [True, False])
def test_tokenizer(norm: bool, dtype: torch.dtype, tolerance: float) -> None:
    torch.manual_seed(1)
    tokenizer = Tokenizer("matrix", 24, 6, 5, hidden=40, norm=norm, dropout=0.0).to(dtype)
    for parameter in tokenizer.parameters():
        nn.init.normal_(parameter)
    (embedding,) = drawn(dtype, (16, 6, 4))
    agree(
        tokenizer,
        lambda x: plain_tokens(tokenizer, x),
        [embedding],
        list(tokenizer.parameters()),
        tolerance,
    )


def plain_tokens(tokenizer: Tokenizer, embedding: Tensor) -> Tensor:
    """[B, F, d] -> [T, D, B], with the norm where it stands in the equations."""
    x = tokenizer.norm(embedding.flatten(1).t()).view(tokenizer.rows, -1, len(embedding))
    hidden = tokenizer.hidden(x)
    hidden = hidden if tokenizer.hidden_norm is None else tokenizer.hidden_norm(hidden)
    return tokenizer.out(tokenizer.activation(hidden))


def test_the_tokenizer_drops_as_its_plain_form_does() -> None:
    torch.manual_seed(1)
    tokenizer = Tokenizer("matrix", 24, 6, 5, hidden=40, norm=True, dropout=0.3).double()
    (embedding,) = drawn(torch.float64, (16, 6, 4))
    torch.manual_seed(2)
    fast = tokenizer(embedding)
    torch.manual_seed(2)
    torch.testing.assert_close(fast, plain_tokens(tokenizer, embedding), rtol=1e-10, atol=1e-10)


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

    def drawn_with(seed: int) -> Tensor:
        torch.manual_seed(seed)
        return dropout.train()(x)

    assert torch.equal(drawn_with(5), drawn_with(5))
    assert not torch.equal(drawn_with(5), drawn_with(6))
    assert torch.equal(dropout.eval()(x.clone()), F.relu(x))
    assert torch.equal(Dropout(0.0)(x), x) and torch.equal(Dropout(0.3).eval()(x), x)
    with pytest.raises(ValueError, match="dropout = 1"):
        Dropout(1.0)


def test_the_mlp_drops_and_scales_as_relu_and_dropout_do() -> None:
    torch.manual_seed(0)
    mlp = MLP(6, (2000,), dropout=0.25).double()
    (x,) = drawn(torch.float64, (50, 6))
    kept = mlp(x) > 0
    plain = F.relu(mlp[0](x))
    torch.testing.assert_close(
        mlp(x).sum() / plain.sum(), torch.tensor(1.0).double(), rtol=0.02, atol=0
    )
    assert (plain[kept] > 0).all() and kept.sum() / (plain > 0).sum() == pytest.approx(
        0.75, abs=0.01
    )


def test_the_tables_gradient_is_sparse_and_sums_repeated_ids() -> None:
    model = DCNv2(Schema((), ("a",), (5,)), embedding_dim=2)
    model(torch.empty(3, 0), torch.tensor([[4], [4], [1]])).sum().backward()
    gradient = model.embedding.table.grad
    assert gradient.is_sparse
    assert gradient.coalesce().indices().tolist() == [[1, 4]]
