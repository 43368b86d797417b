"""The models once more, one row at a time in float64 NumPy, written from the equations of their
docstrings alone.

A model here is a function of its weights by name, the choices it was built with, and one row; it
returns the logit.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Weights = dict[str, Array]
Choices = dict[str, Any]


@dataclass(frozen=True)
class Row:
    dense: Array
    ids: list[int]
    cardinalities: tuple[int, ...]


def under(w: Weights, name: str) -> Weights:
    """The weights of the part called `name`."""
    return {
        key.removeprefix(f"{name}."): value
        for key, value in w.items()
        if key.startswith(f"{name}.")
    }


def of(w: Weights, t: int) -> Weights:
    """The weights of token (or expert) t, out of those of all tokens."""
    return {key: value[t] for key, value in w.items()}


def gelu(x: Array) -> Array:
    return np.array([v * (1 + math.erf(v / math.sqrt(2))) / 2 for v in x])


def relu(x: Array) -> Array:
    return np.array([v if v > 0 else 0.0 for v in x])


def linear(x: Array, w: Weights) -> Array:
    y = np.array([sum(a * b for a, b in zip(row, x, strict=True)) for row in w["weight"]])
    return y + w["bias"] if "bias" in w else y


def rms_norm(x: Array, w: Weights) -> Array:
    """Nothing is done where the model has no norm at this place."""
    return w["gamma"] * x / math.sqrt(sum(v * v for v in x) / len(x) + 1e-12) if w else x


def layer_norm(x: Array, w: Weights) -> Array:
    if not w:
        return x
    mean = sum(x) / len(x)
    return (
        w["weight"] * (x - mean) / math.sqrt(sum((v - mean) ** 2 for v in x) / len(x) + 1e-5)
        + w["bias"]
    )


def batch_norm(x: Array, w: Weights) -> Array:
    """With the running statistics, as in eval mode."""
    if not w:
        return x
    return w["weight"] * (x - w["running_mean"]) / np.sqrt(w["running_var"] + 1e-5) + w["bias"]


def mlp(x: Array, w: Weights) -> Array:
    numbers = sorted(
        int(key.removesuffix(".weight")) for key, value in w.items() if value.ndim == 2
    )
    for number in numbers:
        x = linear(x, under(w, str(number)))
        norm = under(w, str(number + 1))
        x = relu(batch_norm(x, norm if "running_mean" in norm else {}))
    return x


def embed(w: Weights, row: Row) -> Array:
    fields = [
        value * vector for value, vector in zip(row.dense, w.get("vectors", ()), strict=False)
    ]
    for j, value in enumerate(row.ids):
        fields.append(w["table"][sum(row.cardinalities[:j]) + value])
    return np.array(fields)


def lr(w: Weights, row: Row, choices: Choices) -> float:
    return float(sum(embed(under(w, "linear.embedding"), row)[:, 0]) + w["linear.bias"][0])


def fm(w: Weights, row: Row, choices: Choices) -> float:
    v = embed(under(w, "embedding"), row)
    return lr(w, row, choices) + sum(float(v[f] @ v[g]) for g in range(len(v)) for f in range(g))


def dnn(w: Weights, row: Row, choices: Choices) -> float:
    return float(
        linear(mlp(embed(under(w, "embedding"), row).ravel(), under(w, "mlp")), under(w, "head"))[0]
    )


def dcn(w: Weights, row: Row, choices: Choices) -> float:
    x0 = x = embed(under(w, "embedding"), row).ravel()
    for layer in range(choices["num_cross_layers"]):
        own = under(w, f"cross.layers.{layer}")
        x = x0 * sum(own["linear.weight"][0] * x) + own["bias"] + x
    return float(linear(np.concatenate((x, mlp(x0, under(w, "mlp")))), under(w, "head"))[0])


def mixture_cross(x0: Array, x: Array, w: Weights) -> Array:
    scores = np.exp(linear(x, under(w, "gate")))
    total = np.zeros_like(x)
    for i in range(len(scores)):
        v, c, u = (w[f"{part}.weight"][i] for part in "vcu")
        total += scores[i] / sum(scores) * (x0 * (u @ np.tanh(c @ np.tanh(v @ x)) + w["bias"]))
    return total + x


def dcnv2(w: Weights, row: Row, choices: Choices) -> float:
    x0 = x = embed(under(w, "embedding"), row).ravel()
    for layer in range(choices["num_cross_layers"]):
        own = under(w, f"cross.layers.{layer}")
        x = (
            mixture_cross(x0, x, own)
            if choices["cross"] == "mixture"
            else x0 * linear(x, under(own, "linear")) + x
        )
    outputs = [mlp(x, under(w, "stacked")) if "stacked" in choices["structure"] else x]
    if "parallel" in choices["structure"]:
        outputs.append(mlp(x0, under(w, "parallel")))
    return float(linear(np.concatenate(outputs), under(w, "head"))[0])


def dlrm(w: Weights, row: Row, choices: Choices) -> float:
    z = list(embed(under(w, "embedding"), Row(row.dense[:0], row.ids, row.cardinalities)))
    first = []
    if len(row.dense):
        first = [relu(linear(mlp(row.dense, under(w, "bottom.0")), under(w, "bottom.1")))]
    z = first + z
    if choices["interaction"] == "dot":
        z = [*first, np.array([sum(z[i] * z[j]) for i in range(len(z)) for j in range(i)])]
    return float(linear(mlp(np.concatenate(z), under(w, "top")), under(w, "head"))[0])


def tokenize(e: Array, w: Weights, choices: Choices) -> Array:
    flat, tokens, width = e.ravel(), choices["num_tokens"], choices["token_dim"]
    kind = choices.get("tokenizer", "slice")
    if kind == "slice":
        size = math.ceil(len(flat) / tokens)
        flat = np.concatenate((flat, np.zeros(size * tokens - len(flat))))
        return np.array(
            [linear(flat[t * size :][:size], of(under(w, "projection"), t)) for t in range(tokens)]
        )
    flat = rms_norm(flat, under(w, "norm"))
    if kind == "none":
        return flat.reshape(tokens, width)
    parts = flat.reshape(tokens if kind == "matrix" else 1, -1)
    hidden = [
        relu(rms_norm(linear(part, under(w, "hidden")), under(w, "hidden_norm"))) for part in parts
    ]
    return np.concatenate([linear(h, under(w, "out")) for h in hidden]).reshape(tokens, width)


def transpose_heads(x: Array) -> Array:
    tokens, head = len(x), x.shape[1] // len(x)
    return np.array(
        [
            np.concatenate([x[t, h * head : (h + 1) * head] for t in range(tokens)])
            for h in range(tokens)
        ]
    )


def mix(x: Array, w: Weights, choices: Choices) -> Array:
    kind = choices.get("mixing", "transpose")
    if kind == "none":
        y = x
    else:
        inner = rms_norm(x.ravel(), under(w, "pre_norm")).reshape(x.shape)
        if kind == "transpose":
            y = x + transpose_heads(inner)
        else:
            groups = inner.reshape(choices["mixing_groups"] if kind == "kronecker" else 1, -1)
            y = x + np.concatenate([linear(group, under(w, "linear")) for group in groups]).reshape(
                x.shape
            )
    return np.array([layer_norm(token, under(w, "norm")) for token in y])


def gated_unit(x: Array, w: Weights) -> Array:
    x = rms_norm(x, under(w, "norm"))
    skip1, lift1, lift2 = (linear(x, under(w, part)) for part in ("skip1", "lift1", "lift2"))
    if "reduce.weight" in w:
        y = linear((linear(x, under(w, "skip2")) + gelu(lift1)) * lift2, under(w, "reduce")) + skip1
    else:
        y = (skip1 + gelu(lift1)) * lift2 + skip1
    return linear(y, under(w, "resize")) if "resize.weight" in w else y


def token_ffn(x: Array, w: Weights, choices: Choices) -> Array:
    """The FFN of one token, with the weights of that token."""
    if choices["ffn"] == "glu_paper":
        gated = gelu(linear(x, under(w, "w1"))) * linear(x, under(w, "w2"))
        return linear(gated, under(w, "w3")) + linear(x, under(w, "wr"))
    y = x
    for number in range(len(choices["ffn_hidden"])):
        unit = under(w, f"units.{number}")
        if choices["ffn"] == "glu":
            y = gated_unit(y, unit)
        else:
            activation = gelu if choices["ffn"] == "gelu" else relu
            y = activation(linear(rms_norm(y, under(unit, "norm")), under(unit, "linear")))
    return x + linear(y, under(w, "out"))


def token_experts(x: Array, w: Weights, t: int, router: str) -> Array:
    gates = relu(linear(x, of(under(w, router), t)))
    y = x
    for j, gate in enumerate(gates):
        lift, lower = (of(under(w, part), t * len(gates) + j) for part in ("lift", "lower"))
        y = y + gate * linear(gelu(linear(x, lift)), lower)
    return y


def token_model(w: Weights, row: Row, choices: Choices, router: str = "router") -> float:
    x = tokenize(embed(under(w, "embedding"), row), under(w, "tokenizer"), choices)
    for number in range(choices["num_blocks"]):
        own = under(w, f"blocks.{number}")
        x = mix(x, under(own, "mixing"), choices)
        x = np.array([rms_norm(token, under(own, "norm")) for token in x])
        ffn = under(own, "ffn")
        if "num_experts" in choices:
            x = np.array([token_experts(token, ffn, t, router) for t, token in enumerate(x)])
        else:
            x = np.array([token_ffn(token, of(ffn, t), choices) for t, token in enumerate(x)])
        x = np.array([layer_norm(token, under(own, "ffn_norm")) for token in x])
    return head(x, under(w, "head"), choices.get("head", "pool"))


def head(x: Array, w: Weights, kind: str) -> float:
    if kind == "mean":
        return float(sum(x.ravel()) / x.size)
    if kind == "mlp":
        return float(linear(relu(linear(x.ravel(), under(w, "hidden"))), under(w, "out"))[0])
    return float(linear(sum(x) / len(x) if kind == "pool" else x.ravel(), under(w, "out"))[0])


MODELS = {
    "lr": lr,
    "fm": fm,
    "dnn": dnn,
    "dcn": dcn,
    "dcnv2": dcnv2,
    "dlrm": dlrm,
    "rankelastor": token_model,
    "rankmixer": token_model,
    "rankmixer_moe": token_model,
}
