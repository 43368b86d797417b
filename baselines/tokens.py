"""The ends of the token models: field embeddings [B, F, d] -> tokens [B, T, D] -> logit [B]."""

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from baselines.kernels import (
    DroppedReLU,
    PerTokenLinear,
    RMSNorm,
    TokenLinear,
    lay_out,
    mean,
    token_mlp,
)
from baselines.layers import divisors, require_positive

TokenizerKind = Literal["matrix", "vector", "none", "slice"]
HeadKind = Literal["mlp", "linear", "mean", "pool"]
Shape = tuple[int, int]
"""Tokens T and their width D."""


class Tokenizer(nn.Module):
    """Tokens [B, T, D] from flatten(E) in R^{F d}, which has `width` values.

    RankElastor's (2605.23191, as released) begin with an RMSNorm of all values, then
    matrix: cut into T rows of F*d/T, one MLP to D shared by the rows (T must divide F*d);
    vector: one MLP of the whole vector to T*D;
    none: only the cut (needs F*d = T*D).
    MLP: Linear -> [RMSNorm] -> ReLU -> Dropout -> Linear.
    slice, RankMixer's (2507.15551): padded with zeros to a multiple of T and cut into T slices,
    each with a projection of its own to D. Raises ValueError for sizes that do not fit.
    """

    def __init__(
        self,
        kind: TokenizerKind,
        width: int,
        shape: Shape,
        hidden: int = 64,
        norm: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        tokens, token_dim = self.shape = shape
        require_positive(num_tokens=tokens, token_dim=token_dim, tokenizer_hidden=hidden)
        if kind == "matrix" and width % tokens:
            raise ValueError(
                f"num_tokens = {tokens} does not divide the flattened embedding (F*d = {width}), as"
                f" tokenizer = 'matrix' needs; num_tokens can be {divisors(width)}"
            )
        if kind == "none" and width != tokens * token_dim:
            raise ValueError(
                f"tokenizer = 'none' only reshapes: num_tokens * token_dim = {tokens} * {token_dim}"
                f" = {tokens * token_dim} must equal F*d = {width}; or use tokenizer = 'vector'"
            )
        self.projection = self.hidden = self.hidden_norm = self.out = None
        if kind == "slice":
            self.padding = -width % tokens
            self.projection = PerTokenLinear(tokens, (width + self.padding) // tokens, token_dim)
            return
        self.rows = tokens if kind == "matrix" else 1
        self.norm = RMSNorm(width)
        if kind != "none":
            self.hidden = TokenLinear(width // self.rows, hidden)
            self.hidden_norm = RMSNorm(hidden) if norm else None
            self.activation = DroppedReLU(dropout)
            self.out = TokenLinear(hidden, tokens * token_dim // self.rows)

    def forward(self, embedding: Tensor) -> Tensor:
        x = embedding.flatten(1)
        if self.projection is not None:
            x = lay_out(F.pad(x, (0, self.padding)))
            tokens: Tensor = self.projection(x.view(len(x), self.shape[0], -1))
            return tokens
        x = self.norm(lay_out(x))
        if self.hidden is not None and self.out is not None:
            x = x.view(len(x), self.rows, -1)
            x = token_mlp(x, self.hidden, self.hidden_norm, self.activation, self.out)
        return x.view(len(x), *self.shape)


class Head(nn.Module):
    """Tokens [B, T, D] -> logit [B].

    mlp: flatten -> Linear(TD -> 2TD) -> ReLU -> Linear(2TD -> 1);
    linear: flatten -> Linear(TD -> 1);
    pool: mean over the tokens -> Linear(D -> 1);
    mean: mean over tokens and width, without weights.
    """

    def __init__(self, kind: HeadKind, shape: Shape) -> None:
        super().__init__()
        self.kind = kind
        self.hidden = self.out = None
        width = shape[1] if kind == "pool" else shape[0] * shape[1]
        if kind == "mlp":
            self.hidden = TokenLinear(width, 2 * width)
            width *= 2
        if kind != "mean":
            self.out = TokenLinear(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        if self.out is None:
            return mean(x, 1, 2)
        x = mean(x, 1) if self.kind == "pool" else x.flatten(1)
        if self.hidden is not None:
            x = F.relu(self.hidden(x))
        logit: Tensor = self.out(x)
        return logit.squeeze(1)
