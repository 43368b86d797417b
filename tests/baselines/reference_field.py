"""The vector models of the field once more, one row at a time in float64 NumPy, written from the
equations of their docstrings alone; as in reference_models.py, whose helpers they share."""

import numpy as np
from reference_models import (
    Array,
    Choices,
    Row,
    Weights,
    batch_norm,
    embed,
    layer_norm,
    linear,
    mlp,
    relu,
    under,
)


def first_order(w: Weights, row: Row) -> float:
    return float(sum(embed(under(w, "linear.embedding"), row)[:, 0]))


def to_logit(x: Array, w: Weights) -> float:
    return float(linear(x, w)[0])


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def pairs(fields: int) -> list[tuple[int, int]]:
    return [(f, g) for f in range(fields) for g in range(f + 1, fields)]


def deepfm(w: Weights, row: Row, choices: Choices) -> float:
    e = embed(under(w, "embedding"), row)
    dots = sum(float(e[f] @ e[g]) for f, g in pairs(len(e)))
    deep = to_logit(mlp(e.ravel(), under(w, "mlp")), under(w, "head"))
    return first_order(w, row) + dots + deep


def ipnn(w: Weights, row: Row, choices: Choices) -> float:
    e = embed(under(w, "embedding"), row)
    dots = [float(e[f] @ e[g]) for f, g in pairs(len(e))]
    return to_logit(mlp(np.concatenate((e.ravel(), dots)), under(w, "mlp")), under(w, "head"))


def fibinet(w: Weights, row: Row, choices: Choices) -> float:
    e = embed(under(w, "embedding"), row)
    means = np.array([sum(vector) / len(vector) for vector in e])
    excitation = under(w, "excitation")
    factors = relu(linear(relu(linear(means, under(excitation, "down"))), under(excitation, "up")))
    second = "bilinear1" if choices["tie_bilinear"] else "bilinear2"
    products = []
    for x, name in ((e, "bilinear1"), (e * factors[:, None], second)):
        weight = w[f"{name}.weight"]
        for number, (f, g) in enumerate(pairs(len(e))):
            own = weight if choices["bilinear"] == "shared" else weight[number]
            products.append((own @ x[f]) * x[g])
    deep = to_logit(mlp(np.concatenate(products), under(w, "mlp")), under(w, "head"))
    return first_order(w, row) + deep


def xdeepfm(w: Weights, row: Row, choices: Choices) -> float:
    e = x = embed(under(w, "embedding"), row)
    sums = []
    for layer in range(len(choices["cin_units"])):
        own = under(w, f"cin.layers.{layer}")
        width, rows = len(x), []
        for weight, bias in zip(own["weight"], own["bias"], strict=True):
            total = np.full(e.shape[1], bias)
            for i in range(len(e)):
                for j in range(width):
                    total += weight[i * width + j] * e[i] * x[j]
            rows.append(total)
        x = np.array(rows)
        sums.append(x.sum(axis=1))
    deep = to_logit(mlp(e.ravel(), under(w, "mlp")), under(w, "head"))
    return first_order(w, row) + to_logit(np.concatenate(sums), under(w, "cin.head")) + deep


def attend(q: Array, k: Array, v: Array, heads: int, scale: float) -> Array:
    """`softmax(scale Q_h K_h^T) V_h`, heads side by side in the widths of Q, K and V."""
    out = np.zeros((len(q), v.shape[1]))
    narrow, wide = q.shape[1] // heads, v.shape[1] // heads
    for h in range(heads):
        keys, values = slice(h * narrow, (h + 1) * narrow), slice(h * wide, (h + 1) * wide)
        for t in range(len(q)):
            scores = np.exp([scale * float(q[t, keys] @ k[s, keys]) for s in range(len(k))])
            for s, score in enumerate(scores):
                out[t, values] += score / sum(scores) * v[s, values]
    return out


def autoint(w: Weights, row: Row, choices: Choices) -> float:
    e = x = embed(under(w, "embedding"), row)
    heads = choices["num_heads"]
    scale = (choices["attention_dim"] / heads) ** -0.5 if choices["scale"] else 1.0
    for layer in range(choices["num_layers"]):
        own = under(w, f"layers.{layer}")
        q, k, v = (
            np.array([linear(field, under(own, part)) for field in x])
            for part in ("query", "key", "value")
        )
        y = attend(q, k, v, heads, scale)
        if choices["residual"]:
            weight = under(own, "residual")
            y = y + np.array([linear(field, weight) if weight else field for field in x])
        x = np.array([relu(layer_norm(field, under(own, "norm"))) for field in y])
    logit = to_logit(x.ravel(), under(w, "head"))
    if choices["hidden_units"]:
        logit += to_logit(mlp(e.ravel(), under(w, "mlp")), under(w, "mlp_head"))
    return logit + (first_order(w, row) if choices["linear_term"] else 0.0)


def masknet(w: Weights, row: Row, choices: Choices) -> float:
    x = h = embed(under(w, "embedding"), row).ravel()
    serial = choices["structure"] == "serial"
    results = []
    for number in range(len(choices["hidden_units"]) if serial else choices["num_blocks"]):
        own = under(w, f"blocks.{number}")
        mask = linear(relu(linear(x, under(own, "mask.hidden"))), under(own, "mask.out"))
        masked = mask * (h if serial else x)
        h = relu(layer_norm(linear(masked, under(own, "linear")), under(own, "norm")))
        results.append(h)
    return to_logit(
        h if serial else mlp(np.concatenate(results), under(w, "top")), under(w, "head")
    )


def gate(w: Weights, row: Row, fields: tuple[str, ...], choices: Choices) -> Array:
    """FinalMLP's `2 sigmoid(MLP(c))`; dense fields of the context come first."""
    schema = choices["schema"]
    if fields:
        dense = [j for j, name in enumerate(schema.dense) if name in fields]
        sparse = [j for j, name in enumerate(schema.sparse) if name in fields]
        sizes = tuple(row.cardinalities[j] for j in sparse)
        own = Row(row.dense[dense], [row.ids[j] for j in sparse], sizes)
        context = embed(under(w, "embedding"), own).ravel()
    else:
        context = w["constant"][0]
    return 2 * sigmoid(linear(mlp(context, under(w, "mlp")), under(w, "out")))


def finalmlp(w: Weights, row: Row, choices: Choices) -> float:
    x = embed(under(w, "embedding"), row).ravel()
    outputs = []
    for number in (1, 2):
        gated = x
        if choices["gate_units"]:
            own, fields = under(w, f"gates.{number - 1}"), choices[f"gate{number}_fields"]
            gated = x * gate(own, row, fields, choices)
        outputs.append(mlp(gated, under(w, f"mlp{number}")))
    a, b = outputs
    fusion, heads = under(w, "fusion"), choices["num_heads"]
    p, q = len(a) // heads, len(b) // heads
    logit = to_logit(a, under(fusion, "first")) + to_logit(b, under(fusion, "second"))
    for h in range(heads):
        for i in range(p):
            for j in range(q):
                logit += a[h * p + i] * fusion["weight"][h, i, j] * b[h * q + j]
    return float(logit)


def factorized(x: Array, w: Weights, layers: int) -> float:
    for layer in range(layers):
        own = under(w, f"layers.{layer}")
        y = linear(x, under(own, "linear"))
        second, first = y[: len(y) // 2], y[len(y) // 2 :]
        y = np.concatenate((second, first * second))
        x = relu(batch_norm(y, under(own, "batch_norm")))
    return to_logit(x, under(w, "head"))


def finalnet(w: Weights, row: Row, choices: Choices) -> float:
    e = embed(under(w, "embedding"), row)
    first = e.ravel()
    if choices["gate"]:
        gates = np.array([linear(column, under(w, "gate")) for column in e.T]).T
        first = np.concatenate((e.ravel(), (e * gates).ravel()))
    z1 = factorized(first, under(w, "blocks.0"), len(choices["block1_units"]))
    if not choices["block2_units"]:
        return z1
    return (z1 + factorized(e.ravel(), under(w, "blocks.1"), len(choices["block2_units"]))) / 2


def regulate(x: Array, w: Weights, dim: int, temperature: float) -> Array:
    scores = np.exp(w["gate"] / temperature)
    factors = np.array([scores[k // dim] / sum(scores) for k in range(len(x))])
    return batch_norm(factors * x, under(w, "batch_norm"))


def edcn(w: Weights, row: Row, choices: Choices) -> float:
    e = embed(under(w, "embedding"), row)
    bridge, c0 = e.ravel(), np.zeros(0)
    for layer in range(choices["num_layers"]):
        c, h = (
            regulate(
                bridge,
                under(w, f"regulations.{layer}.{part}"),
                e.shape[1],
                choices["temperature"],
            )
            for part in ("cross", "deep")
        )
        c0 = c0 if layer else c
        own = under(w, f"crosses.{layer}")
        c = to_logit(c, under(own, "linear")) * c0 + own["bias"]
        h = relu(linear(h, under(w, f"deeps.{layer}")))
        bridge = c * h
    return to_logit(np.concatenate((c, h, bridge)), under(w, "head"))


def gdcn(w: Weights, row: Row, choices: Choices) -> float:
    x0 = x = embed(under(w, "embedding"), row).ravel()
    for layer in range(choices["num_cross_layers"]):
        own = under(w, f"cross.layers.{layer}")
        x = x0 * linear(x, under(own, "linear")) * sigmoid(linear(x, under(own, "gate"))) + x
    if choices["structure"] == "stacked":
        return to_logit(mlp(x, under(w, "mlp")), under(w, "head"))
    return to_logit(np.concatenate((x, mlp(x0, under(w, "mlp")))), under(w, "head"))


def qnn_alpha(w: Weights, row: Row, choices: Choices) -> float:
    x = embed(under(w, "embedding"), row).ravel()
    for layer in range(choices["num_layers"]):
        own = under(w, f"layers.{layer}")
        h = relu(batch_norm(linear(x, under(own, "linear")), under(own, "batch_norm")))
        x = x + x * sum(h[r * len(x) : (r + 1) * len(x)] for r in range(choices["num_rows"]))
    return to_logit(x, under(w, "head"))


def fcn(w: Weights, row: Row, choices: Choices) -> float:
    e = embed(under(w, "embedding"), row)
    heads = choices["num_heads"]
    dim = e.shape[1] // heads
    logits = []
    for name in ("deep", "shallow"):
        own = under(w, f"stacks.{name}")
        starts = [h * dim for h in range(heads)]
        middles = [start + dim // 2 for start in starts]
        inputs = [
            np.concatenate((e[:, a:b].ravel(), e[:, b : a + dim].ravel()))
            for a, b in zip(starts, middles, strict=True)
        ]
        if choices[f"num_{name}_layers"]:
            states = crossed(inputs, own, choices[f"num_{name}_layers"], name == "deep")
            logits.append(sum(to_logit(x, under(own, "head")) for x in states) / heads)
    return sum(logits) / len(logits)


def crossed(first: list[Array], w: Weights, layers: int, deep: bool) -> list[Array]:
    """FCN's states x_L of all heads; batch norm has a mean and a variance a head."""
    states = first
    for layer in range(layers):
        own, after = under(w, f"layers.{layer}"), []
        for h, (x0, x) in enumerate(zip(first, states, strict=True)):
            norm = {key: value[h] for key, value in under(own, "batch_norm").items() if value.ndim}
            c = batch_norm(linear(x, under(own, "linear")), norm)
            m = np.concatenate((c, c * relu(layer_norm(c, under(own, "norm")))))
            after.append((x if deep else x0) * (m + own["bias"]) + x)
        states = after
    return states


def multi_embedding(w: Weights, row: Row, choices: Choices) -> float:
    e, count, total = embed(under(w, "embedding"), row), choices["num_embeddings"], 0.0
    dim = e.shape[1] // count
    for number in range(count):
        x0 = x = e[:, number * dim : (number + 1) * dim].ravel()
        for layer in range(choices["num_cross_layers"]):
            x = x0 * linear(x, under(w, f"crosses.{number}.layers.{layer}.linear")) + x
        total = total + relu(x) / count
    return to_logit(mlp(np.asarray(total), under(w, "mlp")), under(w, "head"))


MODELS = {
    model.__name__: model
    for model in (
        deepfm,
        ipnn,
        fibinet,
        xdeepfm,
        autoint,
        masknet,
        finalmlp,
        finalnet,
        edcn,
        gdcn,
        qnn_alpha,
        fcn,
        multi_embedding,
    )
}
