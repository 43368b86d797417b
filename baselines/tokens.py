"""Into tokens and out of them: tokenizers [B, F, d] -> [B, T, D] and heads [B, T, D] -> logit [B]."""

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from baselines.layers import Linear, PerTokenLinear, RMSNorm, require_positive

TokenizerKind = Literal["matrix", "vector", "none", "slice"]
HeadKind = Literal["mlp", "linear", "mean", "pool"]


def divisors(n: int) -> str:
    """The divisors of n in words, for the error of a size that does not divide it."""
    return ", ".join(str(k) for k in range(1, n + 1) if n % k == 0)


class Tokenizer(nn.Module):
    """RankElastor's tokenizers (2605.23191, released form): always RMSNorm over flatten(E) in R^{F d}, then

    matrix: cut into T rows of F*d/T, one MLP to D shared by the rows (T must divide F*d);
    vector: one MLP of the whole vector to T*D;
    none: only the cut (needs F*d = T*D).
    MLP: Linear -> [RMSNorm] -> ReLU -> Dropout -> Linear.
    """

    def __init__(
        self, kind: TokenizerKind, width: int, tokens: int, token_dim: int, hidden: int, norm: bool, dropout: float
    ) -> None:
        super().__init__()
        if kind == "matrix" and width % tokens:
            raise ValueError(
                f"num_tokens = {tokens} does not divide the flattened embedding (F*d = {width}), which "
                f"tokenizer = 'matrix' cuts into equal rows; num_tokens can be {divisors(width)}"
            )
        if kind == "none" and width != tokens * token_dim:
            raise ValueError(
                f"tokenizer = 'none' only reshapes, so num_tokens * token_dim = {tokens} * {token_dim} = "
                f"{tokens * token_dim} must equal F*d = {width}; change num_tokens, token_dim or embedding_dim, "
                f"or use tokenizer = 'vector'"
            )
        self.rows = tokens if kind == "matrix" else 1
        self.shape = (tokens, token_dim)
        self.norm = RMSNorm(width)
        self.hidden = self.hidden_norm = self.out = None
        if kind != "none":
            self.hidden = Linear(width // self.rows, hidden)
            self.hidden_norm = RMSNorm(hidden) if norm else None
            self.dropout = nn.Dropout(dropout)
            self.out = Linear(hidden, tokens * token_dim // self.rows)

    def forward(self, embedding: Tensor) -> Tensor:
        x: Tensor = self.norm(embedding.flatten(1))
        if self.hidden is not None and self.out is not None:
            x = self.hidden(x.view(len(x), self.rows, -1))
            if self.hidden_norm is not None:
                x = self.hidden_norm(x)
            x = self.out(self.dropout(F.relu(x)))
        return x.reshape(len(x), *self.shape)


class SliceTokenizer(nn.Module):
    """RankMixer's tokenizer (2507.15551): flatten(E), padded with zeros to a multiple of T and cut into T slices.

    Every slice has a projection of its own to D.
    """

    def __init__(self, width: int, tokens: int, token_dim: int) -> None:
        super().__init__()
        self.tokens = tokens
        self.padding = -width % tokens
        self.projection = PerTokenLinear(tokens, (width + self.padding) // tokens, token_dim)

    def forward(self, embedding: Tensor) -> Tensor:
        flat = F.pad(embedding.flatten(1), (0, self.padding))
        tokens: Tensor = self.projection(flat.view(len(flat), self.tokens, -1).transpose(0, 1))
        return tokens.transpose(0, 1)


def build_tokenizer(
    kind: TokenizerKind,
    width: int,
    tokens: int,
    token_dim: int,
    hidden: int = 64,
    norm: bool = True,
    dropout: float = 0.0,
) -> nn.Module:
    """The tokenizer `kind` for a flattened embedding of `width`. `slice` has no hidden layer, norm or dropout.

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
        self.hidden = Linear(width, 2 * width)
        self.out = Linear(2 * width, 1)

    def forward(self, x: Tensor) -> Tensor:
        logit: Tensor = self.out(F.relu(self.hidden(x.flatten(1))))
        return logit.squeeze(1)


class LinearHead(nn.Module):
    """flatten -> Linear(TD -> 1)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.out = Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        logit: Tensor = self.out(x.flatten(1))
        return logit.squeeze(1)


class PoolHead(nn.Module):
    """Mean over the tokens -> Linear(D -> 1)."""

    def __init__(self, token_dim: int) -> None:
        super().__init__()
        self.out = Linear(token_dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        logit: Tensor = self.out(x.mean(dim=1))
        return logit.squeeze(1)


class MeanHead(nn.Module):
    """Mean over tokens and width; no weights."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=(1, 2))


def build_head(kind: HeadKind, tokens: int, token_dim: int) -> nn.Module:
    if kind == "mlp":
        return MLPHead(tokens * token_dim)
    if kind == "linear":
        return LinearHead(tokens * token_dim)
    return PoolHead(token_dim) if kind == "pool" else MeanHead()
