import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from benchmark.recipes.recipe import Train
from benchmark.training import optim
from benchmark.training.optim import Optimizer

Array = NDArray[np.float64]


TABLE = "embedding.weight"


class Toy(nn.Module):
    def __init__(self, sparse: bool) -> None:
        super().__init__()
        self.embedding = nn.Embedding(4, 2, sparse=sparse)
        self.head = nn.Linear(2, 1)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        logit: torch.Tensor = self.head(self.embedding(ids)).sum()
        return logit


def step(model: nn.Module, optimizer: Optimizer, ids: list[int]) -> None:
    model(torch.tensor(ids)).backward()
    optimizer.step()


def gradients(values: dict[str, Array], ids: list[int]) -> dict[str, Array]:
    """Of the sum of Toy's outputs, by name."""
    return {
        TABLE: np.array([[ids.count(row)] for row in range(4)]) * values["head.weight"],
        "head.weight": values[TABLE][ids].sum(0, keepdims=True),
        "head.bias": np.array([float(len(ids))]),
    }


def adam(first: Array, second: Array, t: int) -> Array:
    """The change at step t, for a learning rate of 0.1."""
    return 0.1 * first / (1 - 0.9**t) / (np.sqrt(second / (1 - 0.999**t)) + 1e-8)


@pytest.mark.parametrize("sparse", [True, False])
@pytest.mark.parametrize("clip_norm", [10.0, 0.05])
@pytest.mark.parametrize(("small", "chunk"), [(0, optim.CHUNK), (0, 3), (8, 3)])
def test_steps_are_adam_on_clipped_gradients_with_l2_over_whole_tables(
    clip_norm: float, sparse: bool, small: int, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optim, "SMALL_TABLE", small)
    monkeypatch.setattr(optim, "CHUNK", chunk)
    torch.manual_seed(3)
    model = Toy(sparse)
    train = Train(learning_rate=0.1, embedding_l2=0.3, dense_l2=0.2, clip_norm=clip_norm)
    values = {name: p.detach().numpy().astype(np.float64) for name, p in model.named_parameters()}
    first = {name: np.zeros_like(value) for name, value in values.items()}
    second = {name: np.zeros_like(value) for name, value in values.items()}
    optimizer = Optimizer(model, train)
    for t, ids in enumerate(([1, 1, 2], [0, 2], [2, 2]), start=1):
        step(model, optimizer, ids)
        gradient = gradients(values, ids)
        gradient = {
            name: g + (0.3 if name == TABLE else 0.2) * values[name] for name, g in gradient.items()
        }
        norm = np.sqrt(sum((g**2).sum() for g in gradient.values()))
        for name, g in gradient.items():
            g = g * min(1.0, clip_norm / norm)
            first[name] = 0.9 * first[name] + 0.1 * g
            second[name] = 0.999 * second[name] + 0.001 * g**2
            values[name] = values[name] - adam(first[name], second[name], t)
    for name, parameter in model.named_parameters():
        assert parameter.detach().numpy() == pytest.approx(values[name], abs=1e-5)


@pytest.mark.parametrize("clip_norm", [10.0, 0.05])
@pytest.mark.parametrize("kind", ["sparse_adam", "rowwise_adagrad"])
def test_lazy_steps_touch_the_rows_of_the_batch_alone(kind: str, clip_norm: float) -> None:
    torch.manual_seed(3)
    model = Toy(sparse=True)
    train = Train(optimizer=kind, learning_rate=0.1, embedding_l2=0.3, clip_norm=clip_norm)
    values = {name: p.detach().numpy().astype(np.float64) for name, p in model.named_parameters()}
    first = {name: np.zeros_like(value) for name, value in values.items()}
    second = {name: np.zeros_like(value) for name, value in values.items()}
    accumulator = np.zeros(4)
    optimizer = Optimizer(model, train)
    for t, ids in enumerate(([1, 1, 2], [0, 2], [2, 2]), start=1):
        step(model, optimizer, ids)
        gradient = gradients(values, ids)
        rows = sorted(set(ids))
        gradient[TABLE][rows] += 0.3 * values[TABLE][rows]
        norm = np.sqrt(sum((g**2).sum() for g in gradient.values()))
        for name, g in gradient.items():
            g = g * min(1.0, clip_norm / norm)
            moved = rows if name == TABLE else slice(None)
            first[name][moved] = 0.9 * first[name][moved] + 0.1 * g[moved]
            second[name][moved] = 0.999 * second[name][moved] + 0.001 * g[moved] ** 2
            change = adam(first[name], second[name], t)
            if name == TABLE and kind == "rowwise_adagrad":
                accumulator += (g**2).mean(axis=1)
                change = 0.1 * g / (np.sqrt(accumulator) + 1e-8)[:, None]
            values[name][moved] -= change[moved]
    for name, parameter in model.named_parameters():
        assert parameter.detach().numpy() == pytest.approx(values[name], abs=1e-5)


@pytest.mark.parametrize("kind", ["adam", "sparse_adam", "rowwise_adagrad"])
def test_a_state_continues_bit_for_bit(kind: str) -> None:
    train = Train(optimizer=kind, learning_rate=0.1, embedding_l2=0.3, clip_norm=0.5)
    torch.manual_seed(3)
    model = Toy(sparse=True)
    optimizer = Optimizer(model, train)
    for ids in ([1, 1, 2], [0, 2]):
        step(model, optimizer, ids)
    optimizer.learning_rate = 0.1 / 3
    state = {name: tensor.clone() for name, tensor in optimizer.state_dict().items()}
    copy = Toy(sparse=True)
    copy.load_state_dict(model.state_dict())
    continued = Optimizer(copy, train)
    continued.load_state_dict(state)
    assert continued.learning_rate == 0.1 / 3
    for ids in ([3, 2], [1]):
        step(model, optimizer, ids)
        step(copy, continued, ids)
    for name, tensor in optimizer.state_dict().items():
        assert torch.equal(tensor, continued.state_dict()[name]), name
    assert all(
        torch.equal(a, b) for a, b in zip(model.parameters(), copy.parameters(), strict=True)
    )


def test_a_parameter_without_a_gradient_keeps_its_momentum_and_its_penalty() -> None:
    model = nn.Linear(1, 1, bias=False)
    nn.init.ones_(model.weight)
    optimizer = Optimizer(model, Train(learning_rate=0.1, dense_l2=1.0))
    optimizer.step()
    assert model.weight.item() == pytest.approx(0.9)
    assert model.weight.grad is None
