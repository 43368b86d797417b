"""The models of the field against slow float64 references, with all weights drawn at random."""

import json
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest
import reference_field
import reference_field_tokens
import torch
from reference_field_tokens import tokenmixer_logits
from test_references import SCHEMA, SPARSE_ONLY, batch, randomised, reference_inputs
from torch import Tensor, nn

from benchmark.data.schema import Schema

Choices = dict[str, Any]
REFERENCES = reference_field.MODELS | reference_field_tokens.MODELS
MLP: Choices = {"hidden_units": (5, 3), "batch_norm": True}
TOKENS: Choices = {"embedding_dim": 3, "num_tokens": 4, "token_dim": 6, "ffn_hidden": 5}
GATES: Choices = {"gate_units": (5,), "gate1_fields": ("x2", "c", "a"), "gate2_fields": ()}
FINALMLP: Choices = {"hidden_units1": (5, 6), "hidden_units2": (4,), "num_heads": 2}
PARALLEL: Choices = {"structure": "parallel", "num_blocks": 2, "block_dim": 6}


def options(**lists: tuple[Any, ...]) -> Iterator[Choices]:
    """Every combination of the values of the lists."""
    for values in product(*lists.values()):
        yield dict(zip(lists, values, strict=True))


def cases() -> Iterator[tuple[str, Choices]]:
    """Every option of every model at small sizes; each runs on both schemas."""
    for norm in (False, True):
        units = {"embedding_dim": 3, "hidden_units": (5, 3), "batch_norm": norm}
        yield "deepfm", units
        yield "ipnn", units
        yield "xdeepfm", units | {"cin_units": (2, 12, 2)}  # fewer and more than fields
        yield "multi_embedding", units | {"num_embeddings": 3}
        for structure in ("parallel", "stacked"):
            yield "gdcn", units | {"structure": structure}
        for kind, tied in product(("per_pair", "shared"), (False, True)):
            yield "fibinet", units | {"bilinear": kind, "tie_bilinear": tied}
        sizes = {"embedding_dim": 3, "num_layers": 2, "batch_norm": norm}
        yield "qnn_alpha", sizes | {"num_rows": 3}
        yield "edcn", sizes | {"temperature": 0.7}
        for depths in ((2, 3), (2, 0), (0, 1)):
            stacks = dict(zip(("num_deep_layers", "num_shallow_layers"), depths, strict=True))
            yield "fcn", {"embedding_dim": 4, "num_heads": 2, "batch_norm": norm} | stacks
        for gate, second in product((False, True), ((), (6,))):
            blocks = {"block1_units": (6, 4), "block2_units": second}
            yield "finalnet", {"embedding_dim": 3, "gate": gate, "batch_norm": norm} | blocks
        yield "wukong", sizes | {"fm_rows": 3, "linear_rows": 2, "fm_rank": 2, "fm_units": (4,)}
        yield "finalmlp", FINALMLP | {"batch_norm1": norm, "batch_norm2": not norm}
        yield "masknet", PARALLEL | {"hidden_units": (5, 3), "layer_norm": norm}
        yield "masknet", {"hidden_units": (5, 3), "layer_norm": norm}
    flags = (False, True)
    for chosen in options(residual=flags, layer_norm=flags, scale=flags, linear_term=flags):
        yield "autoint", chosen | {"embedding_dim": 6, "attention_dim": 6, "num_layers": 2}
    yield "autoint", MLP | {"embedding_dim": 3, "attention_dim": 4, "layer_norm": True}
    yield "hiformer", TOKENS | {"projection_rank": 3, "num_heads": 3}
    yield "hetero_attention", TOKENS | {"key_dim": 4, "num_heads": 3}
    yield "unimixer_lite", TOKENS | {"block_size": 8, "rank": 2, "temperature": 0.3}
    for blocks, weight, tokens in ((3, 0.1, 4), (5, 0.1, 3), (4, 0.0, 9)):
        sizes = {"num_blocks": blocks, "num_tokens": tokens, "auxiliary_weight": weight}
        yield "tokenmixer_large", sizes | {"token_dim": 6, "num_heads": 2, "ffn_multiple": 2}


CASES = [(name, choices, schema) for name, choices in cases() for schema in (SCHEMA, SPARSE_ONLY)]
CASES += [("finalmlp", FINALMLP | GATES, SCHEMA)]
CASES += [("finalmlp", FINALMLP | GATES | {"gate1_fields": ("b",)}, SPARSE_ONLY)]


def prepared(name: str, chosen: Choices, schema: Schema) -> tuple[nn.Module, Tensor, Tensor]:
    """The model with random weights, UniMixer half way down its temperatures, and a batch."""
    model = randomised(name, chosen, schema)
    if "steps" in model.state_dict():
        model.steps.fill_(400.0)
    return model, *batch(schema)


@pytest.mark.filterwarnings("ignore:. tokens in place of 9")
@pytest.mark.parametrize(
    ("name", "chosen", "schema"),
    CASES,
    ids=[f"{name}-{json.dumps(chosen)}-{len(schema.dense)}" for name, chosen, schema in CASES],
)
def test_model_equals_its_equations(name: str, chosen: Choices, schema: Schema) -> None:
    model, dense, sparse = prepared(name, chosen, schema)
    weights, choices, rows = reference_inputs(model, chosen, dense, sparse, schema)
    choices["schema"] = schema
    with torch.no_grad():
        logit = model(dense, sparse).numpy()
    expected = [REFERENCES[name](weights, row, choices) for row in rows]
    np.testing.assert_allclose(logit, expected, rtol=1e-9, atol=1e-9)
    assert np.std(expected) > 1e-3


def test_auxiliary_logits_of_tokenmixer_large_equal_their_equations() -> None:
    chosen = {"num_blocks": 6, "num_tokens": 3, "token_dim": 4, "num_heads": 2, "ffn_multiple": 1}
    model, dense, sparse = prepared("tokenmixer_large", chosen, SCHEMA)
    weights, choices, rows = reference_inputs(model, chosen, dense, sparse, SCHEMA)
    with torch.no_grad():
        logits = torch.stack([model.train()(dense, sparse), *model._auxiliary_logits], dim=1)
    expected = [tokenmixer_logits(weights, row, choices) for row in rows]
    assert logits.shape == (len(rows), 3)  # after blocks 3 and 5 of 6
    np.testing.assert_allclose(logits, expected, rtol=1e-9, atol=1e-9)
