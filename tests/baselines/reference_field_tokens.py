"""The models of the field that work on rows of a matrix (tokens), one row of data at a time in
float64 NumPy, written from the equations of their docstrings alone."""

import numpy as np
from reference_field import attend, sigmoid, to_logit
from reference_models import (
    Array,
    Choices,
    Row,
    Weights,
    embed,
    head,
    layer_norm,
    linear,
    mlp,
    of,
    relu,
    rms_norm,
    tokenize,
    under,
)


def swiglu(x: Array, w: Weights) -> Array:
    """`W_down (swish(W_gate x) * (W_up x))` of one token, with the weights of that token."""
    gate = linear(x, under(w, "gate"))
    return linear(gate * sigmoid(gate) * linear(x, under(w, "up")), under(w, "down"))


def each(x: Array, w: Weights) -> Array:
    """SwiGLU of every token with weights of its own."""
    return np.array([swiglu(token, of(w, t)) for t, token in enumerate(x)])


def normed(x: Array, w: Weights) -> Array:
    return np.array([rms_norm(token, w) for token in x])


def mean_logit(x: Array, w: Weights) -> float:
    return head(x, w, "pool")


def wukong(w: Weights, row: Row, choices: Choices) -> float:
    x = embed(under(w, "embedding"), row)
    for layer in range(choices["num_layers"]):
        own = under(w, f"layers.{layer}")
        fm = under(own, "fm")
        products = x @ x.T @ fm["projection"]
        hidden = mlp(layer_norm(products.ravel(), under(fm, "norm")), under(fm, "mlp"))
        b = relu(linear(hidden, under(fm, "out"))).reshape(choices["fm_rows"], -1)
        y = np.concatenate((b, own["linear.weight"] @ x))
        y += own["residual.weight"] @ x if "residual.weight" in own else x
        x = np.array([layer_norm(vector, under(own, "norm")) for vector in y])
    return to_logit(mlp(x.ravel(), under(w, "top")), under(w, "head"))


def attention_model(w: Weights, row: Row, choices: Choices) -> float:
    """HiFormer where there is a rank of its projections, else heterogeneous attention."""
    x = tokenize(embed(under(w, "embedding"), row), under(w, "tokenizer"), choices)
    heads = choices["num_heads"]
    for layer in range(choices["num_layers"]):
        own = under(w, f"layers.{layer}")
        attention, projected = under(own, "attention"), []
        for part in ("query", "key", "value"):
            weights = under(attention, part)
            if "projection_rank" in choices:
                y = linear(linear(x.ravel(), under(weights, "down")), under(weights, "up"))
                projected.append(y.reshape(x.shape))
            else:
                rows = [linear(token, of(weights, t)) for t, token in enumerate(x)]
                projected.append(np.array(rows))
        q, k, v = projected
        o = attend(q, k, v, heads, (q.shape[1] / heads) ** -0.5)
        o = np.array([linear(y, of(under(attention, "out"), t)) for t, y in enumerate(o)])
        x = np.array([layer_norm(y, under(own, "attention_norm")) for y in x + o])
        y = x + each(x, under(own, "ffn"))
        x = np.array([layer_norm(token, under(own, "ffn_norm")) for token in y])
    return mean_logit(x, under(w, "head"))


def group_tokens(e: Array, w: Weights, tokens: int) -> Array:
    """TokenMixer-Large's: of all fields, then of contiguous groups of them, larger ones first."""
    smaller, larger = divmod(len(e), tokens - 1)
    hidden, first = [linear(e.ravel(), under(w, "everything"))], 0
    for number in range(tokens - 1):
        size = smaller + (number < larger)
        kind, place = ("0", number) if number < larger else (str(int(larger > 0)), number - larger)
        own = of(under(w, f"groups.{kind}"), place)
        hidden.append(linear(e[first : first + size].ravel(), own))
        first += size
    return np.array([linear(relu(h), of(under(w, "out"), t)) for t, h in enumerate(hidden)])


def tokenmixer_block(x: Array, w: Weights, heads: int) -> Array:
    tokens, width = x.shape
    head_width = width // heads
    m = np.zeros((heads, tokens * head_width))
    for h in range(heads):
        for t in range(tokens):
            own = x[t, h * head_width : (h + 1) * head_width]
            m[h, t * head_width : (t + 1) * head_width] = own
    m = m + each(normed(m, under(w, "mixing.norm")), under(w, "mixing.ffn"))
    back = np.zeros_like(x)
    for h in range(heads):
        for t in range(tokens):
            own = m[h, t * head_width : (t + 1) * head_width]
            back[t, h * head_width : (h + 1) * head_width] = own
    return x + each(normed(back, under(w, "norm")), under(w, "ffn"))


def tokenmixer_large(w: Weights, row: Row, choices: Choices) -> float:
    return tokenmixer_logits(w, row, choices)[0]


def tokenmixer_logits(w: Weights, row: Row, choices: Choices) -> list[float]:
    """The logit, then the auxiliary ones."""
    e = embed(under(w, "embedding"), row)
    x = group_tokens(e, under(w, "tokenizer"), min(choices["num_tokens"], len(e) + 1))
    states, auxiliary = [x], []
    blocks = choices["num_blocks"]
    for number in range(1, blocks + 1):
        x = tokenmixer_block(x, under(w, f"blocks.{number - 1}"), choices["num_heads"])
        if number in range(3, blocks, 2):
            x = x + states[number - 2]
            if "auxiliary.out.weight" in w:
                auxiliary.append(mean_logit(x, under(w, "auxiliary")))
        states.append(x)
    return [mean_logit(x, under(w, "head")), *auxiliary]


def sinkhorn(m: Array, temperature: float) -> Array:
    s = np.exp((m + m.T) / 2 / temperature)
    for _ in range(20):
        s = np.array([line / sum(line) for line in s])
        s = np.array([line / sum(line) for line in s.T]).T
    return s


def unimixing(m: Array, w: Weights, size: int, temperature: float) -> Array:
    rows, local = m.reshape(-1, size), []
    for i, x in enumerate(rows):
        total = sum(a * z for a, z in zip(w["coefficients"][i], w["bases"], strict=True))
        local.append(x @ sinkhorn(total, temperature))
    mixed: Array = sinkhorn(w["left"] @ w["right"].T, temperature) @ np.array(local)
    return mixed.reshape(m.shape)


def unimixer_lite(w: Weights, row: Row, choices: Choices) -> float:
    first, last = choices["temperature"], choices["final_temperature"]
    share = min(float(w["steps"]) / choices["annealing_steps"], 1.0)
    temperature = first + share * (last - first)
    x = y = tokenize(embed(under(w, "embedding"), row), under(w, "tokenizer"), choices)
    for number in range(choices["num_blocks"]):
        own = under(w, f"blocks.{number}")
        m = x + normed(y, under(own, "input_norm"))
        mixed = unimixing(m, under(own, "mixing"), choices["block_size"], temperature)
        o = each(normed(m + mixed, under(own, "mixing_norm")), under(own, "ffn"))
        x, y = normed(x + o, under(own, "output_norm")), y + o
    return mean_logit(x + normed(y, under(w, "output_norm")), under(w, "head"))


MODELS = {
    "wukong": wukong,
    "hiformer": attention_model,
    "hetero_attention": attention_model,
    "tokenmixer_large": tokenmixer_large,
    "unimixer_lite": unimixer_lite,
}
