import numpy as np
import pytest
import torch
from torch import nn

from benchmark.measure.parts import part_of
from benchmark.recipe import Train
from benchmark.training.optim import Optimizer, Plateau


class Toy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(4, 2)
        self.head = nn.Linear(2, 1)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        logit: torch.Tensor = self.head(self.embedding(ids)).sum()
        return logit


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("embedding.table", "embedding"),
        ("linear.embedding.vectors", "embedding"),
        ("head.out.weight", "head"),
        ("mlp.head.weight", "dense"),
        ("my_embedding.weight", "dense"),
        ("bias", "dense"),
    ],
)
def test_parts_by_name(name: str, part: str) -> None:
    assert part_of(name) == part


@pytest.mark.parametrize("clip_norm", [10.0, 0.05])
def test_steps_are_adam_on_clipped_gradients_with_l2_over_whole_tables(clip_norm: float) -> None:
    torch.manual_seed(3)
    model = Toy()
    train = Train(learning_rate=0.1, embedding_l2=0.3, dense_l2=0.2, clip_norm=clip_norm)
    values = {name: p.detach().numpy().astype(np.float64) for name, p in model.named_parameters()}
    first = {name: np.zeros_like(value) for name, value in values.items()}
    second = {name: np.zeros_like(value) for name, value in values.items()}
    optimizer = Optimizer(model, train)
    ids = [1, 1, 2]
    for t in (1, 2, 3):
        optimizer.step(model(torch.tensor(ids)))
        table, weight = values["embedding.weight"], values["head.weight"]
        gradient = {
            "embedding.weight": np.array([ids.count(row) for row in range(4)])[:, None] * weight + 0.3 * table,
            "head.weight": table[ids].sum(0, keepdims=True) + 0.2 * weight,
            "head.bias": np.array([3.0]) + 0.2 * values["head.bias"],
        }
        norm = np.sqrt(sum((g**2).sum() for g in gradient.values()))
        for name, g in gradient.items():
            g = g * min(1.0, clip_norm / norm)
            first[name] = 0.9 * first[name] + 0.1 * g
            second[name] = 0.999 * second[name] + 0.001 * g**2
            corrected = np.sqrt(second[name] / (1 - 0.999**t)) + 1e-8
            values[name] = values[name] - 0.1 * first[name] / (1 - 0.9**t) / corrected
    for name, parameter in model.named_parameters():
        assert parameter.detach().numpy() == pytest.approx(values[name], abs=1e-5)


def test_plateau_follows_the_published_protocol() -> None:
    plateau = Plateau(Train(monitor="logloss", patience=2, plateau_factor=0.1, min_learning_rate=5e-5))
    rates = [1e-3]
    seen = []
    for value in (0.5, 0.4, 0.4, 0.3, 0.31, 0.3 - 1e-7):
        seen.append((plateau.improved(value), plateau.exhausted))
        rates.append(plateau.next_rate(rates[-1]))
    assert seen == [(True, False), (True, False), (False, False), (True, False), (False, False), (False, True)]
    assert rates == pytest.approx([1e-3, 1e-3, 1e-3, 1e-4, 1e-4, 5e-5, 5e-5])
