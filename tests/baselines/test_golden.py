"""The classes that recipes build agree with forward passes of the reference implementation, stage
by stage."""

import inspect
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmark.data.schema import Schema
from benchmark.registry import models

GOLDEN_DIR = Path(os.environ.get("GOLDEN_DIR", Path(__file__).parents[1] / "golden"))
TOLERANCE = 1e-5
STAGE = re.compile(r"embedding|tokens|block\d+\.(mixing|ffn)")

Arrays = dict[str, Tensor]


def read(path: Path) -> tuple[Arrays, Tensor, Arrays]:
    """The stages, the logit, and the weights under this project's names (`block1.` ->
    `blocks.0.`)."""
    with np.load(path) as file:
        arrays = {name: torch.from_numpy(file[name]) for name in file.files}
    logit = arrays.pop("logit")
    stages = {name: arrays.pop(name) for name in list(arrays) if STAGE.fullmatch(name)}
    weights = {
        re.sub(r"\b(block|unit)(\d+)\.", lambda m: f"{m[1]}s.{int(m[2]) - 1}.", name): array
        for name, array in arrays.items()
    }
    return stages, logit, weights


def tokenizer_of(weights: Arrays, flat: int) -> dict[str, Any]:
    if "tokenizer.hidden.weight" not in weights:
        return {"tokenizer": "none"}
    hidden, width = weights["tokenizer.hidden.weight"].shape
    return {
        "tokenizer": "vector" if width == flat else "matrix",
        "tokenizer_hidden": hidden,
        "tokenizer_norm": "tokenizer.hidden_norm.gamma" in weights,
    }


def mixing_of(weights: Arrays, flat: int) -> dict[str, Any]:
    part = "blocks.0.mixing."
    norms = {"pre": f"{part}pre_norm.gamma", "post": f"{part}norm.weight"}
    norm = {
        "mixing_norm": next((place for place, name in norms.items() if name in weights), "none")
    }
    if f"{part}linear.weight" not in weights:
        return norm | {"mixing": "transpose"}
    groups = flat // len(weights[f"{part}linear.weight"])
    kind = {"mixing": "full"} if groups == 1 else {"mixing": "kronecker", "mixing_groups": groups}
    return norm | kind | {"mixing_bias": f"{part}linear.bias" in weights}


def ffn_of(weights: Arrays) -> dict[str, Any]:
    part = "blocks.0.ffn."
    numbers = {
        int(m[1]) for name in weights if (m := re.match(rf"{re.escape(part)}units\.(\d+)\.", name))
    }
    units = [f"{part}units.{number}." for number in sorted(numbers)]
    common = {
        "ffn_norm": "pre" if "blocks.0.norm.gamma" in weights else "none",
        "unit_norm": any(f"{unit}norm.gamma" in weights for unit in units),
    }
    if any(f"{unit}linear.weight" in weights for unit in units):
        hidden = tuple(weights[f"{unit}linear.weight"].shape[1] for unit in units)
        return common | {"ffn": "gelu", "ffn_hidden": hidden}
    lifts = [weights[f"{unit}lift1.weight"].shape for unit in units]
    resized = [weights.get(f"{unit}resize.weight") for unit in units]
    hidden = tuple(
        lift[2] if resize is None else resize.shape[1]
        for lift, resize in zip(lifts, resized, strict=True)
    )
    reduced = any(f"{unit}reduce.weight" in weights for unit in units)
    expansion = common_expansion([(out, width) for _, out, width in lifts]) if reduced else 1.0
    return common | {"ffn": "glu", "ffn_hidden": hidden, "expansion": expansion}


def common_expansion(lifts: list[tuple[int, int]]) -> float:
    """An r, other than 1, with int(r * in) = out for every (out, in): the middle of the r that fit
    all of them."""
    low, high = (
        max(out / width for out, width in lifts),
        min((out + 1) / width for out, width in lifts),
    )
    return (low + high) / 2


def head_of(weights: Arrays, flat: int) -> dict[str, Any]:
    if "head.hidden.weight" in weights:
        return {"head": "mlp"}
    if "head.out.weight" not in weights:
        return {"head": "mean"}
    return {"head": "linear" if weights["head.out.weight"].shape[1] == flat else "pool"}


def choices_of(stages: Arrays, weights: Arrays) -> dict[str, Any]:
    """The hyperparameters of RankElastor, which has every choice of parts, that make the model in
    the file."""
    _, fields, dim = stages["embedding"].shape
    _, tokens, width = stages["tokens"].shape
    return {
        "embedding_dim": dim,
        "num_tokens": tokens,
        "token_dim": width,
        "num_blocks": sum(stage.endswith(".ffn") for stage in stages),
        **tokenizer_of(weights, fields * dim),
        **mixing_of(weights, tokens * width),
        **ffn_of(weights),
        **head_of(weights, tokens * width),
    }


def candidates(choices: dict[str, Any]) -> list[str]:
    """The registered models that offer these choices: RankMixer fixes some of RankElastor's."""
    fixed = {
        "mixing": "transpose",
        "mixing_norm": "post",
        "ffn": "gelu",
        "ffn_norm": "pre",
        "unit_norm": False,
    }
    return ["rankelastor", "rankmixer"] if fixed.items() <= choices.items() else ["rankelastor"]


def build(
    name: str, choices: dict[str, Any], embedding: Tensor, weights: Arrays
) -> torch.nn.Module:
    """The registered model with the weights in place; row i of the batch is id i of every field."""
    rows, fields, dim = embedding.shape
    schema = Schema((), tuple(f"field{f}" for f in range(fields)), (max(rows, 2),) * fields)
    known = inspect.signature(models.get(name)).parameters
    model = models.get(name)(
        schema, **{key: choice for key, choice in choices.items() if key in known}
    )
    assert {path for path, _ in model.named_parameters()} == {"embedding.table", *weights}
    table = torch.zeros_like(model.embedding.table).view(fields, -1, dim)
    table[:, :rows] = embedding.transpose(0, 1)
    model.load_state_dict({"embedding.table": table.view(-1, dim), **weights})
    return model.eval()


def compare(path: Path) -> None:
    stages, logit, weights = read(path)
    rows, fields, _ = stages["embedding"].shape
    ids = torch.arange(rows).unsqueeze(1).expand(rows, fields)
    choices = choices_of(stages, weights)
    for name in candidates(choices):
        seen: Arrays = {}
        model = build(name, choices, stages["embedding"], weights)
        with torch.no_grad():
            seen["logit"] = model(torch.empty(rows, 0), ids, seen.__setitem__)
        assert seen.keys() == {"logit", *stages}, (path.name, name)
        for stage, expected in (stages | {"logit": logit}).items():
            assert seen[stage].shape == expected.shape, (path.name, name, stage)
            assert (seen[stage] - expected).abs().max() <= TOLERANCE, (path.name, name, stage)


@pytest.mark.filterwarnings("ignore:mixing_groups")
def test_golden_files() -> None:
    checked = 0
    for path in sorted(GOLDEN_DIR.glob("*.npz")):
        compare(path)
        checked += 1
    assert checked == sum(path.name.endswith(".npz") for path in GOLDEN_DIR.iterdir()) > 0
