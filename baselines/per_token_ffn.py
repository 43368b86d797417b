"""Per-token feed-forward networks: every token has weights of its own, and all tokens run as one
batched product."""

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from baselines.columns import PerTokenLinear, RMSNorm
from baselines.layers import Dropout, require_positive

FFNKind = Literal["glu", "glu_paper", "gelu", "relu"]


class GatedUnit(nn.Module):
    """[RMSNorm] -> gate -> Linear(in -> h) if h != in -> Dropout: [T, in, B] -> [T, h, B].

    gate, r != 1: `reduce((skip2(x) + GELU(lift1(x))) * lift2(x)) + skip1(x)`, with lifts and skip2
    to int(r * in); gate, r = 1: `(s + GELU(lift1(x))) * lift2(x) + s`, s = skip1(x).
    """

    def __init__(
        self, tokens: int, width: int, hidden: int, expansion: float, norm: bool, dropout: float
    ) -> None:
        super().__init__()
        lifted = int(expansion * width)
        self.norm = RMSNorm(tokens, width) if norm else None
        self.lift1 = PerTokenLinear(tokens, width, lifted)
        self.lift2 = PerTokenLinear(tokens, width, lifted)
        self.skip1 = PerTokenLinear(tokens, width, width)
        self.skip2 = self.reduce = None
        if expansion != 1:
            self.skip2 = PerTokenLinear(tokens, width, lifted)
            self.reduce = PerTokenLinear(tokens, lifted, width)
        self.resize = PerTokenLinear(tokens, width, hidden) if hidden != width else None
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        if self.norm is not None:
            x = self.norm(x)
        skip = self.skip1(x)
        inner = skip if self.skip2 is None else self.skip2(x)
        gated = (inner + F.gelu(self.lift1(x))) * self.lift2(x)
        y: Tensor = skip + (gated if self.reduce is None else self.reduce(gated))
        y = self.dropout(y if self.resize is None else self.resize(y))
        return y


class ActivationUnit(nn.Module):
    """[RMSNorm] -> Linear(in -> h) -> GELU or ReLU -> Dropout: [T, in, B] -> [T, h, B]."""

    def __init__(
        self,
        tokens: int,
        width: int,
        hidden: int,
        activation: Literal["gelu", "relu"],
        norm: bool,
        dropout: float,
    ) -> None:
        super().__init__()
        self.norm = RMSNorm(tokens, width) if norm else None
        self.linear = PerTokenLinear(tokens, width, hidden)
        self.activation = nn.GELU() if activation == "gelu" else nn.ReLU()
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        if self.norm is not None:
            x = self.norm(x)
        y: Tensor = self.dropout(self.activation(self.linear(x)))
        return y


class ResidualFFN(nn.Module):
    """`x + Linear(units(x))`, [T, D, B] -> the same."""

    def __init__(self, tokens: int, width: int, units: list[nn.Module], last: int) -> None:
        super().__init__()
        self.units = nn.Sequential(*units)
        self.out = PerTokenLinear(tokens, last, width)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.out(self.units(x))
        return y


class PaperGLU(nn.Module):
    """`(GELU(x W1) * (x W2)) W3 + x Wr`, without biases or other residual; W1, W2: D -> int(r D).

    [T, D, B] -> the same.
    """

    def __init__(self, tokens: int, width: int, expansion: float, dropout: float) -> None:
        super().__init__()
        lifted = int(expansion * width)
        self.w1 = PerTokenLinear(tokens, width, lifted, bias=False)
        self.w2 = PerTokenLinear(tokens, width, lifted, bias=False)
        self.w3 = PerTokenLinear(tokens, lifted, width, bias=False)
        self.wr = PerTokenLinear(tokens, width, width, bias=False)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.dropout(self.w3(F.gelu(self.w1(x)) * self.w2(x))) + self.wr(x)
        return y


def build_ffn(
    kind: FFNKind,
    tokens: int,
    width: int,
    *,
    hidden: tuple[int, ...],
    expansion: float = 3.0,
    unit_norm: bool = False,
    dropout: float = 0.0,
) -> nn.Module:
    """The FFN `kind` for T tokens of `width`.

    glu: residual stack of GatedUnits, one per entry of `hidden`; gelu, relu: the same of
    ActivationUnits; glu_paper: one PaperGLU, which reads `expansion` and `dropout` alone. Raises
    ValueError if a size is below 1 or the
    expansion leaves no width.
    """
    require_positive("ffn_hidden", *hidden)
    narrowest = min((width, *hidden[:-1]))
    if kind in ("glu", "glu_paper") and int(expansion * narrowest) < 1:
        raise ValueError(
            f"expansion = {expansion} leaves nothing of the width {narrowest}; make it at least 1"
        )
    if kind == "glu_paper":
        return PaperGLU(tokens, width, expansion, dropout)
    units: list[nn.Module] = []
    widths = (width, *hidden)
    for size, h in zip(widths, hidden, strict=False):
        if kind == "glu":
            units.append(GatedUnit(tokens, size, h, expansion, unit_norm, dropout))
        else:
            units.append(ActivationUnit(tokens, size, h, kind, unit_norm, dropout))
    return ResidualFFN(tokens, width, units, widths[-1])
