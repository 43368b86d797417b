"""Models that break their contract in each way, before training; and all others, which do not."""

import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.kernels import Dropout
from baselines.layers import FieldEmbedding
from benchmark.data.schema import Schema, Split
from benchmark.errors import BenchmarkError, UsageError
from benchmark.measure.cost import outline
from benchmark.recipes import recipe as recipes
from benchmark.registry import models
from benchmark.runs.rehearsal import rehearse

SCHEMA = Schema(("x",), ("a", "b"), (9, 5))
ROWS = 300


class Plain(nn.Module):
    """A linear model; the others change one part of it."""

    def __init__(self, schema: Schema, *, width: int = 3) -> None:
        super().__init__()
        self.embedding = FieldEmbedding(schema, width)
        self.head = nn.Linear(schema.num_fields * width, 1)
        self.register_buffer("mean", torch.zeros(schema.num_fields * width))
        self.register_buffer("var", torch.ones(schema.num_fields * width))

    def forward(self, dense: Tensor, sparse: Tensor, observe: Any = None) -> Any:
        x = self.embedding(dense, sparse)
        self.observe(x, observe or (lambda stage, x: None))
        return self.output(self.change(x.flatten(1)))

    def observe(self, x: Tensor, observe: Any) -> None:
        observe("embedding", x)

    def change(self, x: Tensor) -> Tensor:
        return x

    def output(self, x: Tensor) -> Any:
        return self.head(x).squeeze(1)


def changed(part: str, function: Any, **attributes: Any) -> type[Plain]:
    return type("Changed", (Plain,), {part: function} | attributes)


def functional_norm(self: Plain, x: Tensor) -> Tensor:
    return F.batch_norm(x, self.mean, self.var, training=self.training)


class Normed(Plain):
    """With batch norm as a module, which is noticed."""

    def __init__(self, schema: Schema) -> None:
        super().__init__(schema)
        self.norm = nn.BatchNorm1d(len(self.mean), affine=False)

    def change(self, x: Tensor) -> Tensor:
        return self.norm(x)


@pytest.fixture
def rehearsed(monkeypatch):
    """Rehearses a model class, with the settings of [train], on ROWS rows."""
    known = models.names()
    generator = np.random.default_rng(0)
    split = Split(
        generator.standard_normal((ROWS, 1)).astype(np.float32),
        generator.integers(0, SCHEMA.cardinalities, (ROWS, 2)).astype(np.int32),
        (np.arange(ROWS) % 3 == 0).astype(np.uint8),
    )

    def call(model: type[nn.Module] | str, rows: int = ROWS, **train: Any) -> tuple[str, ...]:
        name = model if isinstance(model, str) else "mine"
        if name not in known:
            monkeypatch.setitem(models._items, name, model)
        recipe = recipes.parse({"model": {"name": name}, "train": train}, "none", "recipe")
        job: Any = SimpleNamespace(recipe=recipe, seed=0, store=SimpleNamespace(schema=SCHEMA))
        first = Split(split.dense[:rows], split.sparse[:rows], split.label[:rows])
        return rehearse(job, first, torch.device("cpu"))

    return call


@pytest.mark.parametrize("name", models.names())
def test_every_registered_model_passes_without_a_warning(name: str, rehearsed) -> None:
    assert rehearsed(name) == ()


FAULTS: list[tuple[type[Plain], str]] = [
    (changed("output", lambda self, x: self.head(x)), r"logit a row, .* got \[300, 1\] for"),
    (changed("output", lambda self, x: self.head(x).squeeze()), r"got \[\] for one row"),
    (changed("output", lambda self, x: {"logit": x}), "got a dict"),
    (changed("output", lambda self, x: (self.head(x).squeeze(1), x)), "got a tuple"),
    (changed("output", lambda self, x: self.head(x).squeeze(1).double()), "got float64"),
    (changed("output", lambda self, x: self.head(x / 0).squeeze(1)), "a logit is not finite"),
    (changed("output", lambda self, x: self.head(x).squeeze(1).detach()), "on no parameter"),
    (changed("output", lambda self, x: self.missing), r"line \d+: AttributeError: .*'missing'"),
    (changed("observe", lambda self, x, see: see("flat", x.flatten(1))), r"got \[300, 9\] for"),
    (changed("observe", lambda self, x, see: [see("e", x), see("e", x)]), "observed twice"),
    (changed("observe", lambda self, x, see: see("e", x / 0)), "stage 'e' is not finite"),
    (changed("change", functional_norm), "in training the logit .* set whole_batch = True"),
    (changed("change", lambda self, x: x - x.mean(dim=0)), "in eval mode the logit of a row"),
    (changed("change", lambda self, x: F.dropout(x, 0.5)), "random in eval mode"),
    (changed("extra_loss", lambda self, logit, label: 0.0), "must return a 0-dim tensor"),
    (
        changed("extra_loss", lambda self, logit, label: self.head.weight),
        "must return a 0-dim tensor",
    ),
]


@pytest.mark.parametrize(("model", "fault"), FAULTS)
def test_a_broken_contract_is_one_line(model: type[Plain], fault: str, rehearsed) -> None:
    with pytest.raises(BenchmarkError, match=f"^model 'mine': .*{fault}") as raised:
        rehearsed(model)
    assert "\n" not in str(raised.value)


def test_an_error_in_backward_is_one_line(rehearsed) -> None:
    def overwrite(self: Plain, x: Tensor) -> Tensor:
        y = x.sigmoid()
        return y + y.mul_(2)

    with pytest.raises(BenchmarkError, match=r"^model 'mine': backward: RuntimeError: .*inplace"):
        rehearsed(changed("change", overwrite))


class Attending(Plain):
    """With dropout inside one of torch's own functions."""

    def __init__(self, schema: Schema) -> None:
        super().__init__(schema)
        self.attention = nn.MultiheadAttention(3, 1, dropout=0.5, batch_first=True)

    def change(self, x: Tensor) -> Tensor:
        fields = x.unflatten(1, (3, 3))
        return self.attention(fields, fields, fields)[0].flatten(1)


def test_attention_with_dropout_is_compared_too(rehearsed) -> None:
    assert rehearsed(Attending) == ()
    beside = type(
        "Beside", (Attending,), {"output": lambda self, x: x[:, 0] - x.mean() * self.training}
    )
    with pytest.raises(UsageError, match="set whole_batch = True"):
        rehearsed(beside)


def custom_dropout(self: Plain, x: Tensor) -> Tensor:
    return x * (torch.rand_like(x) < 0.6) if self.training else x


@pytest.mark.parametrize(
    "change",
    [
        lambda self, x: F.dropout(x, 0.5, self.training),
        lambda self, x: nn.Dropout(0.9).train(self.training)(x),
        lambda self, x: Dropout(0.5).train(self.training)(x),
        lambda self, x: x + torch.randn_like(x) * self.training,
        lambda self, x: x * torch.bernoulli(torch.full_like(x, 0.5)) if self.training else x,
        custom_dropout,
    ],
)
def test_dropout_is_no_dependence_and_hides_none(change: Any, rehearsed) -> None:
    assert rehearsed(changed("change", change)) == ()
    with pytest.raises(UsageError, match="set whole_batch = True"):
        rehearsed(changed("change", lambda self, x: functional_norm(self, change(self, x))))


def test_a_dependence_shows_behind_a_head_of_zeros(rehearsed) -> None:
    def build(self: Plain, schema: Schema) -> None:
        Plain.__init__(self, schema)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    with pytest.raises(UsageError, match="set whole_batch = True"):
        rehearsed(changed("change", functional_norm, __init__=build))


WHOLE = (Normed, changed("change", functional_norm, whole_batch=True))


@pytest.mark.parametrize("model", WHOLE)
def test_models_that_say_so_take_the_whole_batch(model: type[Plain], rehearsed) -> None:
    assert rehearsed(model) == ()


def test_what_cannot_be_compared_is_a_warning(rehearsed) -> None:
    def shuffled(self: Plain, x: Tensor) -> Tensor:
        return x * (1 + torch.randint(0, 5, x.shape)) if self.training else x

    [warning] = rehearsed(changed("change", shuffled))
    assert "two passes in training differ" in warning and "whole_batch = True" in warning


def test_probabilities_are_a_warning(rehearsed) -> None:
    [warning] = rehearsed(changed("output", lambda self, x: self.head(x).squeeze(1).sigmoid()))
    assert "'mine' lies between 0 and 1: forward must return logits" in warning


@pytest.mark.parametrize(
    ("rows", "size", "refused"), [(129, 64, True), (128, 64, False), (1, 64, True), (30, 1, True)]
)
def test_batch_norm_refuses_a_last_batch_of_one_row(rows, size, refused, rehearsed) -> None:
    for model in WHOLE:
        if not refused:
            assert rehearsed(model, rows, batch_size=size) == ()
            continue
        why = f"train.batch_size = {size} leaves a batch of one row of {rows}, which model 'mine'"
        with pytest.raises(UsageError, match=re.escape(why)):
            rehearsed(model, rows, batch_size=size)
    assert rehearsed(Plain, rows, batch_size=size) == ()


def test_nothing_is_left_to_chance(rehearsed) -> None:
    for _ in range(2):
        with pytest.raises(UsageError, match="in eval mode the logit"):
            rehearsed(changed("change", lambda self, x: x - x[:1]))


def test_a_model_that_the_meta_device_cannot_run_is_measured_on_the_cpu(rehearsed) -> None:
    def add_positions(self: Plain, x: Tensor) -> Tensor:
        return x + torch.arange(x.shape[1], device="cpu")

    class Reading(Plain):
        def __init__(self, schema: Schema) -> None:
            super().__init__(schema)
            self.scale = float(torch.ones(()).item())

    expected = None
    for model in (Plain, changed("change", add_positions), Reading):
        assert rehearsed(model) == ()
        recipe = recipes.parse({"model": {"name": "mine"}}, "none", "recipe")
        found = outline(recipe, SCHEMA)
        expected = expected or found
        assert found == expected
    assert expected.flops_per_sample == 2 * 9 and expected.stages == {"embedding": (3, 3)}
    assert expected.parameters.total == 3 * (1 + 9 + 5) + 9 + 1
