"""The models of the field agree with forward passes of reference implementations, stage by stage.

The files of tests/golden/field hold `model` and `config`, inputs, weights and outputs; other files
of that form are read from the folder FIELD_GOLDEN_DIR."""

import json
import os
import re
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from baselines.kernels import Dropout
from benchmark.data.schema import Schema
from benchmark.model import plain_form
from benchmark.registry import models

FOLDER = Path(os.environ.get("FIELD_GOLDEN_DIR", Path(__file__).parents[1] / "golden" / "field"))
FILES = sorted(FOLDER.glob("*.npz"))
OUTPUT = re.compile(r"logit|.*\.logit|auxiliary_logits|training\.penalty")
STATE = re.compile(r"tokens|.*\.(state|mixing|attention|ffn|sum|cross|deep|bridge)")
INPUTS = ("embedding", "linear_terms", "gate1_context", "gate2_context")
Config = Mapping[str, Any]


class Given(nn.Module):
    """Stands for embeddings or linear terms: gives the values of the file."""

    def __init__(self, values: Tensor) -> None:
        super().__init__()
        self.values = values

    def forward(self, *_: object) -> Tensor:
        return self.values


def hyperparameters(name: str, config: Config) -> dict[str, Any]:
    """The arguments of the model's class, by the keys of the file's configuration."""
    fixed = {"num_fields", "groups", "inter_residual_gap", "norm_eps", "sinkhorn_rounds"}
    fixed |= {"num_blocks"} if name == "finalnet" else set()
    own = {key: value for key, value in config.items() if key not in fixed}
    for key, value in own.items():
        if key in ("gate1_fields", "gate2_fields"):
            own[key] = tuple(f"f{j}" for j in range(value))
        elif isinstance(value, list):
            own[key] = tuple(value)
    return own


def read(path: Path) -> tuple[str, Config, dict[str, Tensor]]:
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    name, config = str(arrays.pop("model")), json.loads(str(arrays.pop("config")))
    return name, config, {key: torch.from_numpy(value) for key, value in arrays.items()}


def part(module: nn.Module, name: str) -> Any:
    """A part of a module by one component of a weight's name in the files: `layer2` may be the
    second of its `layers`, `hidden2` the second Linear of an MLP."""
    if hasattr(module, name):
        return getattr(module, name)
    if name in getattr(module, "stacks", {}):
        return module.stacks[name]
    match = re.fullmatch(r"([a-z_]+?)(\d+)", name)
    assert match, f"there is no part {name}"
    kind, index = match[1], int(match[2]) - 1
    if kind in ("hidden", "batch_norm"):
        wanted = nn.Linear if kind == "hidden" else nn.BatchNorm1d
        layers = module if isinstance(module, nn.Sequential) else module.mlp
        return [layer for layer in layers if isinstance(layer, wanted)][index]
    for plural in (f"{kind}s", f"{kind}es"):
        if hasattr(module, plural):
            return getattr(module, plural)[index]
    return getattr(module, kind).layers[index]


def parameter(model: nn.Module, name: str) -> Tensor:
    """The parameter or buffer that a weight of the files belongs in, or a view of it."""
    module: Any = model
    *path, leaf = name.split(".")
    if path[:2] == ["mlp", "head"]:
        path = ["mlp_head" if hasattr(model, "mlp_head") else "head"]
    if path[0] == "tokenizer" and path[1] != "projection":
        return of_group(model.tokenizer, path[1], path[2])
    for component in path:
        module = part(module, component)
    if getattr(module, leaf, None) is None:  # a wrapped Linear, or a Head
        module = module.linear if hasattr(module, "linear") else module.out
    weight: Tensor = getattr(module, leaf)
    return weight


def of_group(tokenizer: nn.Module, name: str, layer: str) -> Tensor:
    """The weight of TokenMixer-Large's token `global` or `group{i}`."""
    number = 0 if name == "global" else int(name.removeprefix("group"))
    if layer == "out":
        return tokenizer.out.weight[number]
    if not number:
        return tokenizer.everything.weight
    return [weight for group in tokenizer.groups for weight in group.weight][number - 1]


def with_weights(name: str, config: Config, arrays: dict[str, Tensor]) -> nn.Module:
    """The registry's model with the weights of a file, which are taken out of `arrays`."""
    fields = tuple(f"f{j}" for j in range(config["num_fields"]))
    schema = Schema((), fields, (5,) * len(fields))
    model: nn.Module = models.get(name)(schema, **hyperparameters(name, config))
    given = {key: arrays.pop(key) for key in INPUTS if key in arrays}
    held: set[str] = set()
    with torch.no_grad():
        for key in [
            key for key in arrays if not OUTPUT.fullmatch(key) and not STATE.fullmatch(key)
        ]:
            value = arrays.pop(key)
            if name == "wukong" and key.endswith("residual.bias"):
                continue  # changes nothing, so there is none
            target = parameter(model, key)
            target.copy_(value.view(target.shape))
            held.add(key)
    model.embedding = Given(given["embedding"])
    if "linear_terms" in given:
        model.linear = Given(given["linear_terms"])
    for number, gate in enumerate(getattr(model, "gates", []), start=1):
        context = given[f"gate{number}_context"]
        gate.embedding = Given(context.view(len(context), -1, config["embedding_dim"]))
    own = [path for path, _ in model.named_parameters() if "embedding" not in path.split(".")]
    assert len(held) >= len([path for path in own if not path.startswith("tokenizer.")])
    return model


def test_there_are_files() -> None:
    assert len(FILES) >= (34 if "FIELD_GOLDEN_DIR" not in os.environ else 1)


@pytest.mark.parametrize("form", [nullcontext, plain_form], ids=["fast", "plain"])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_forward_passes_agree(path: Path, form: Callable[[], Any]) -> None:
    name, config, arrays = read(path)
    model = with_weights(name, config, arrays).eval()
    rows = len(arrays["logit"])
    dense, sparse = torch.empty(rows, 0), torch.zeros(rows, config["num_fields"], dtype=torch.int32)
    stages: dict[str, Tensor] = {}
    with form(), torch.no_grad():
        logit = model(dense, sparse, observe=stages.__setitem__)
    outputs = {"logit": logit, **inner_logits(model)}
    for key in [key for key in arrays if STATE.fullmatch(key)]:
        outputs[key] = stages[key if key in stages else key.removesuffix(".state")]
    for module in model.train().modules():
        if isinstance(module, Dropout):
            module.dropped = 0
    with form(), torch.no_grad():
        outputs["training.logit"] = model(dense, sparse)
        if hasattr(model, "extra_loss"):
            label = torch.zeros(rows)
            outputs["training.penalty"] = model.extra_loss(outputs["training.logit"], label)
        if getattr(model, "_auxiliary_logits", []):
            outputs["auxiliary_logits"] = torch.stack(model._auxiliary_logits)
    for key, value in arrays.items():
        close(outputs[key], value, key)


def inner_logits(model: nn.Module) -> dict[str, Tensor]:
    """The logits of the parts of FinalNet and FCN in the last forward pass, by their names."""
    names = list(getattr(model, "stacks", ("block1", "block2")))
    logits = getattr(model, "_logits", ())
    return {f"{name}.logit": own for name, own in zip(names, logits, strict=False)}


def close(ours: Tensor, theirs: Tensor, name: str) -> None:
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5, msg=lambda m: f"{name}: {m}")
