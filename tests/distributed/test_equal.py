"""Three processes train as one does; in float64, as Adam turns the rounding of a gradient
that is zero into a step."""

import pytest
import torch

from benchmark.data.schema import Schema
from benchmark.distributed.row_blocks import share_out
from benchmark.distributed.world import World
from benchmark.errors import UsageError
from benchmark.registry import models
from tests.distributed.training import SCHEMA, train_each
from tests.distributed.worlds import together

CASES: list[tuple[str, str]] = [
    ("dcnv2", "adam"),
    ("fm", "sparse_adam"),
    ("rankmixer", "rowwise_adagrad"),
    ("tokenmixer_large", "adam"),  # with a loss of its own
]
STEPS = 10


@pytest.fixture(scope="module")
def alone():
    return together(1, train_each, CASES, STEPS)[0]


def test_three_processes_train_as_one_alone(alone) -> None:
    every = together(3, train_each, CASES, STEPS)
    for case, one in enumerate(alone):
        losses, weights, logits = every[0][case]
        assert losses == pytest.approx(one[0], abs=1e-11), CASES[case]
        torch.testing.assert_close(weights, one[1], rtol=0, atol=1e-10)
        torch.testing.assert_close(logits, one[2], rtol=0, atol=1e-5)
        for other in every[1:]:  # they decide alike
            assert other[case][0] == losses
            assert torch.equal(other[case][2], logits)


def test_each_process_holds_its_rows_of_every_table() -> None:
    model = models.get("fm")(SCHEMA)
    whole = {name: table.detach().clone() for name, table in model.named_parameters()}
    tables = share_out(model, World(rank=1, size=3), "recipe x/fm")
    assert tables == {"linear.embedding.table": 132, "embedding.table": 132}
    for name in tables:
        assert torch.equal(dict(model.named_parameters())[name], whole[name][44:88])


def test_a_table_may_have_fewer_rows_than_there_are_processes() -> None:
    small = Schema(dense=(), sparse=("device",), cardinalities=(2,))
    blocks = []
    for rank in range(3):
        model = models.get("lr")(small)
        share_out(model, World(rank, 3), "recipe x/lr")
        blocks.append(len(model.linear.embedding.table))
    assert blocks == [0, 1, 1]


@pytest.mark.parametrize(
    ("name", "options", "why"),
    [
        ("dnn", {"batch_norm": True}, "batch norm"),
        ("rankmixer_moe", {}, "depend on each other"),
    ],
)
def test_models_whose_rows_depend_on_each_other_are_refused(name, options, why) -> None:
    model = models.get(name)(SCHEMA, **options)
    with pytest.raises(UsageError, match=f"recipe x/y cannot be trained by several.*{why}"):
        share_out(model, World(0, 2), "recipe x/y")


def test_other_tables_of_sparse_gradients_are_refused() -> None:
    model = models.get("lr")(SCHEMA)
    model.own = torch.nn.Embedding(3, 2, sparse=True)
    with pytest.raises(UsageError, match="FieldEmbedding"):
        share_out(model, World(0, 2), "recipe x/y")
