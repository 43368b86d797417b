"""The linear layer of the models, and checks of their sizes."""

from torch import nn


class Linear(nn.Linear):
    """torch's Linear with Xavier-normal weights and zero biases."""

    def reset_parameters(self) -> None:
        nn.init.xavier_normal_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)


def require_positive(name: str, *sizes: int) -> None:
    """Raise ValueError naming the hyperparameter if one of its sizes is below 1."""
    if any(size < 1 for size in sizes):
        raise ValueError(f"{name} = {', '.join(map(str, sizes))}: every size must be at least 1")


def divisors(n: int) -> str:
    """The divisors of n in words, for the error of a size that does not divide it."""
    return ", ".join(str(k) for k in range(1, n + 1) if n % k == 0)
