"""Layers that several models share."""

import torch
from torch import Tensor, nn

RMS_EPS = 1e-12


def require_positive(name: str, *sizes: int) -> None:
    """Raises ValueError naming the hyperparameter if one of its sizes is below 1."""
    if any(size < 1 for size in sizes):
        raise ValueError(f"{name} = {', '.join(map(str, sizes))}: every size must be at least 1")


class Linear(nn.Linear):
    """torch's Linear with Xavier-normal weights and zero biases."""

    def reset_parameters(self) -> None:
        nn.init.xavier_normal_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)


class MLP(nn.Sequential):
    """Linear -> [BatchNorm] -> ReLU -> [Dropout] for each of `hidden_units`: [B, in] -> [B, out_features].

    No units: the identity.
    """

    def __init__(
        self, in_features: int, hidden_units: tuple[int, ...], *, dropout: float = 0.0, batch_norm: bool = False
    ) -> None:
        layers: list[nn.Module] = []
        widths = (in_features, *hidden_units)
        for width, units in zip(widths, hidden_units, strict=False):
            layers.append(Linear(width, units))
            if batch_norm:
                layers.append(nn.BatchNorm1d(units))
            layers.append(nn.ReLU())
            if dropout:
                layers.append(nn.Dropout(dropout))
        super().__init__(*layers)
        self.out_features = widths[-1]


def rms_normalised(x: Tensor) -> Tensor:
    """`x / sqrt(mean(x^2) + 1e-12)` over the last axis."""
    return x * torch.rsqrt(x.square().mean(dim=-1, keepdim=True) + RMS_EPS)


class RMSNorm(nn.Module):
    """`gamma * x / sqrt(mean(x^2) + 1e-12)` over the last axis, gamma [width] (Zhang & Sennrich, 1910.07467)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return rms_normalised(x) * self.gamma


class PerTokenRMSNorm(nn.Module):
    """RMSNorm with a gamma for every token, [T, width]: [T, B, width] -> the same, token first."""

    def __init__(self, tokens: int, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(tokens, width))

    def forward(self, x: Tensor) -> Tensor:
        return rms_normalised(x) * self.gamma.unsqueeze(1)


class PerTokenLinear(nn.Module):
    """Own weights for every token, as one batched product: [T, B, in] -> [T, B, out], token first.

    `weight` is [T, out, in], Xavier-normal per token; `bias` is [T, out], zero.
    """

    def __init__(self, tokens: int, in_features: int, out_features: int, *, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(tokens, out_features, in_features))
        self.bias = nn.Parameter(torch.zeros(tokens, out_features)) if bias else None
        nn.init.normal_(self.weight, std=(2 / (in_features + out_features)) ** 0.5)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight.transpose(1, 2)
        if self.bias is None:
            return torch.bmm(x, weight)
        return torch.baddbmm(self.bias.unsqueeze(1), x, weight)
