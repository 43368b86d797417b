"""Into tokens and out of them: tokenizers [B, F, d] -> [T, D, B] and heads [T, D, B] -> logit
[B]."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.columns import RMS_EPS, ColumnLinear, PerTokenLinear, RMSNorm, shared_product
from baselines.layers import DroppedReLU, require_positive

TokenizerKind = Literal["matrix", "vector", "none", "slice"]
HeadKind = Literal["mlp", "linear", "mean", "pool"]

WIDE = 8
"""Where the hidden layer, and the batch, are so many times wider than the input, its norm is taken
from the input."""


def divisors(n: int) -> str:
    """The divisors of n in words, for the error of a size that does not divide it."""
    return ", ".join(str(k) for k in range(1, n + 1) if n % k == 0)


class Tokenizer(nn.Module):
    """RankElastor's tokenizers (2605.23191, released form): always RMSNorm over flatten(E) in R^{F
    d}, then

    matrix: cut into T rows of F*d/T, one MLP to D shared by the rows (T must divide F*d);
    vector: one MLP of the whole vector to T*D;
    none: only the cut (needs F*d = T*D).
    MLP: Linear -> [RMSNorm] -> ReLU -> Dropout -> Linear.
    """

    def __init__(
        self,
        kind: TokenizerKind,
        width: int,
        tokens: int,
        token_dim: int,
        hidden: int,
        norm: bool,
        dropout: float,
    ) -> None:
        super().__init__()
        if kind == "matrix" and width % tokens:
            raise ValueError(
                f"num_tokens = {tokens} does not divide the flattened embedding (F*d = {width}),"
                " which tokenizer = 'matrix' cuts into equal rows; num_tokens can be"
                f" {divisors(width)}"
            )
        if kind == "none" and width != tokens * token_dim:
            raise ValueError(
                f"tokenizer = 'none' only reshapes, so num_tokens * token_dim = {tokens} *"
                f" {token_dim} = {tokens * token_dim} must equal F*d = {width}; change num_tokens,"
                " token_dim or embedding_dim, or use tokenizer = 'vector'"
            )
        self.rows = tokens if kind == "matrix" else 1
        self.shape = (tokens, token_dim)
        self.norm = RMSNorm(width)
        self.hidden = self.hidden_norm = self.out = None
        if kind != "none":
            self.hidden = ColumnLinear(width // self.rows, hidden)
            self.hidden_norm = RMSNorm(hidden) if norm else None
            self.activation = DroppedReLU(dropout)
            self.out = ColumnLinear(hidden, tokens * token_dim // self.rows)

    def forward(self, embedding: Tensor) -> Tensor:
        x: Tensor = self.norm(embedding.flatten(1).t().contiguous())
        if self.hidden is not None and self.out is not None:
            x = self._mlp(self.hidden, self.out, x.view(self.rows, -1, len(embedding)))
        return x.view(*self.shape, len(embedding))

    def _mlp(self, hidden: ColumnLinear, out: ColumnLinear, x: Tensor) -> Tensor:
        rows, width, batch = x.shape
        norm = self.hidden_norm
        if norm is None or width * WIDE > min(len(norm.gamma), rows * batch):
            y: Tensor = hidden(x)
            y = out(self.activation(y if norm is None else norm(y)))
            return y
        # The norm's factor passes through ReLU to the narrow output; gamma belongs to the weights.
        gamma = norm.gamma
        y = shared_product(x, gamma.unsqueeze(1) * hidden.weight, gamma * hidden.bias)
        y = shared_product(self.activation(y, scaled=False), out.weight, None)
        scale = self.activation.scale if self.activation.active else 1.0
        factor = (mean_square(x, hidden.weight, hidden.bias) + RMS_EPS).rsqrt() * scale
        return torch.addcmul(out.bias.unsqueeze(1), y, factor.to(y.dtype))


def mean_square(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The mean over the width of `(W x + b)^2`, in float64: [T, in, B], [width, in], [width] -> [T,
    1, B].

    It is the quadratic form of x with W^T W, which squares the condition number: hence the double
    precision.
    """
    w = torch.cat((weight, bias.unsqueeze(1)), dim=1).double()
    x = F.pad(x, (0, 0, 0, 1), value=1.0).double()
    return (shared_product(x, w.T @ w, None) * x).sum(dim=1, keepdim=True) / len(w)


class SliceTokenizer(nn.Module):
    """RankMixer's tokenizer (2507.15551): flatten(E), padded with zeros to a multiple of T and cut
    into T slices.

    Every slice has a projection of its own to D.
    """

    def __init__(self, width: int, tokens: int, token_dim: int) -> None:
        super().__init__()
        self.tokens = tokens
        self.padding = -width % tokens
        self.projection = PerTokenLinear(tokens, (width + self.padding) // tokens, token_dim)

    def forward(self, embedding: Tensor) -> Tensor:
        flat = F.pad(embedding.flatten(1), (0, self.padding)).t().contiguous()
        tokens: Tensor = self.projection(flat.view(self.tokens, -1, len(embedding)))
        return tokens


def build_tokenizer(
    kind: TokenizerKind,
    width: int,
    tokens: int,
    token_dim: int,
    hidden: int = 64,
    norm: bool = True,
    dropout: float = 0.0,
) -> nn.Module:
    """The tokenizer `kind` for a flattened embedding of `width`. `slice` has no hidden layer, norm
    or dropout.

    Raises ValueError if a size is below 1 or the sizes do not fit each other.
    """
    require_positive("num_tokens", tokens)
    require_positive("token_dim", token_dim)
    require_positive("tokenizer_hidden", hidden)
    if kind == "slice":
        return SliceTokenizer(width, tokens, token_dim)
    return Tokenizer(kind, width, tokens, token_dim, hidden, norm, dropout)


class MLPHead(nn.Module):
    """flatten -> Linear(TD -> 2TD) -> ReLU -> Linear(2TD -> 1)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.hidden = ColumnLinear(width, 2 * width)
        self.out = ColumnLinear(2 * width, 1)

    def forward(self, x: Tensor) -> Tensor:
        logit: Tensor = self.out(F.relu(self.hidden(x.flatten(0, 1))))
        return logit.squeeze(0)


class LinearHead(nn.Module):
    """flatten -> Linear(TD -> 1)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.out = ColumnLinear(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        logit: Tensor = self.out(x.flatten(0, 1))
        return logit.squeeze(0)


class PoolHead(nn.Module):
    """Mean over the tokens -> Linear(D -> 1)."""

    def __init__(self, token_dim: int) -> None:
        super().__init__()
        self.out = ColumnLinear(token_dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        logit: Tensor = self.out(x.mean(dim=0))
        return logit.squeeze(0)


class MeanHead(nn.Module):
    """Mean over tokens and width; no weights."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=(0, 1))


def build_head(kind: HeadKind, tokens: int, token_dim: int) -> nn.Module:
    if kind == "mlp":
        return MLPHead(tokens * token_dim)
    if kind == "linear":
        return LinearHead(tokens * token_dim)
    return PoolHead(token_dim) if kind == "pool" else MeanHead()
