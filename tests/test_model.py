"""What the benchmark reads off a model."""

import pytest
import torch
from torch import nn

from benchmark.data.schema import Schema
from benchmark.model import (
    block_part,
    block_stage,
    block_stages,
    count_blocks,
    embedding_table,
    in_plain_form,
    needs_whole_batch,
    part_of,
    plain_form,
)
from benchmark.registry import models

SCHEMA = Schema(("x",), ("a", "b"), (4, 3))
DENSE_ONLY = Schema(("x",), (), ())


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


def test_the_embedding_table_is_that_of_the_models_own_embedding() -> None:
    model = models.get("fm")(SCHEMA)
    assert embedding_table(model) is model.embedding.table
    assert embedding_table(models.get("fm")(DENSE_ONLY)) is None
    assert embedding_table(models.get("lr")(SCHEMA)) is None  # its table is a linear term's


def test_stages_of_blocks_are_read_as_they_are_named() -> None:
    stages = ["embedding", "tokens", *block_stages(11)]
    assert stages[2:5] == ["block1.mixing", "block1.ffn", "block2.mixing"]
    assert stages[-1] == block_stage(11, "ffn")
    assert count_blocks(stages) == 11 and count_blocks(stages[:2]) == 0
    assert [block_part(stage) for stage in stages[:4]] == [None, None, "mixing", "ffn"]
    assert block_part("my.mixing") is None and block_part("block1.mixing.norm") is None


def test_rows_depend_on_each_other_by_norm_extra_loss_or_declaration() -> None:
    class Declared(nn.Linear):
        whole_batch = True

    assert not needs_whole_batch(models.get("dnn")(SCHEMA))
    assert needs_whole_batch(models.get("dnn")(SCHEMA, batch_norm=True))
    assert needs_whole_batch(models.get("rankmixer_moe")(SCHEMA))
    assert needs_whole_batch(Declared(1, 1))
    assert not needs_whole_batch(models.get("qnn_alpha")(SCHEMA))
    assert needs_whole_batch(models.get("qnn_alpha")(SCHEMA, batch_norm=True))


def test_the_plain_form_ends_with_its_block() -> None:
    with pytest.raises(ZeroDivisionError), plain_form():
        assert in_plain_form()
        raise ZeroDivisionError
    assert not in_plain_form()


def test_tables_have_dense_gradients_in_plain_form() -> None:
    model = models.get("fm")(SCHEMA)
    batch = torch.zeros(2, 1), torch.zeros(2, 2, dtype=torch.int32)
    for sparse in (True, False):
        model.zero_grad()
        if sparse:
            model(*batch).sum().backward()
        else:
            with plain_form():
                model(*batch).sum().backward()
        assert embedding_table(model).grad.is_sparse is sparse
