"""Per-token sparse mixture of experts with ReLU routing (RankMixer, 2507.15551)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.columns import PerTokenLinear, column_product

PENALTY_WEIGHT_RANGE = (1e-4, 1.0)
PENALTY_WEIGHT_RISE = 1.05
PENALTY_WEIGHT_FALL = 0.5


class SparseExperts(nn.Module):
    """`s + sum_j G_j(s) e_j(s)` for token s, [T, D, B] -> the same; E experts of its own for every
    token:

    `e_j(s) = W2_j GELU(W1_j s + b1_j) + b2_j`, `G(s) = ReLU(W_r s + b_r)` in R^E.
    Two routers: `router` serves in eval mode. In training it routes every second row of the batch
    and `train_router` the others, so that both are trained by the task and the experts see dense
    gates too. `gates` are the serving router's gates of the last training batch, [T, E, B], and
    None in eval mode.
    """

    def __init__(self, tokens: int, width: int, experts: int, hidden: int) -> None:
        super().__init__()
        self.router = PerTokenLinear(tokens, width, experts)
        self.train_router = PerTokenLinear(tokens, width, experts)
        self.lift = PerTokenLinear(tokens * experts, width, hidden)
        self.lower = PerTokenLinear(tokens * experts, hidden, width)
        self.gates: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        gates: Tensor = F.relu(self.router(x))
        self.gates = gates if self.training else None
        if self.training:
            served = torch.arange(x.shape[2], device=x.device) % 2 == 1
            gates = torch.where(served, gates, F.relu(self.train_router(x)))
        return x + self.mixture(x, gates)

    def mixture(self, s: Tensor, gates: Tensor) -> Tensor:
        """`sum_j gates_j e_j(s)`: s [T, D, B], gates [T, E, B] -> [T, D, B].

        The experts of a token stand side by side: one product lifts to all of them, one lowers
        their weighted sum.
        """
        tokens, experts, rows = gates.shape
        width = s.shape[1]
        w1 = self.lift.weight.view(tokens, -1, width)
        w2 = (
            self.lower.weight.view(tokens, experts, width, -1)
            .transpose(1, 2)
            .reshape(tokens, width, -1)
        )
        assert self.lift.bias is not None and self.lower.bias is not None
        lifted = F.gelu(column_product(s, w1, self.lift.bias.view(tokens, -1)))
        weighted = (lifted.view(tokens, experts, -1, rows) * gates.unsqueeze(2)).view(
            tokens, -1, rows
        )
        bias = torch.bmm(self.lower.bias.view(tokens, experts, width).transpose(1, 2), gates)
        return column_product(weighted, w2, None) + bias


def adapted(weight: Tensor, gates: Tensor, active_ratio: float) -> Tensor:
    """The penalty's weight for the next step: up where more than `active_ratio` of the gates are
    open, else down.

    It falls faster than it rises: a closed gate has no gradient to open it again.
    """
    too_many = (gates > 0).float().mean() > active_ratio
    factor = torch.where(too_many, PENALTY_WEIGHT_RISE, PENALTY_WEIGHT_FALL)
    return (weight * factor).clamp(*PENALTY_WEIGHT_RANGE)
