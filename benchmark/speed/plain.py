"""The plain form of what `speed` measures: the equations of DCNv2, RankElastor and RankMixer in
torch's ordinary operations, on whole batches, with weights by their names. What is fast is held
against it, in tests and in time.

A part that a model does not have (a norm, a bias) has no weights.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.data.batches import Batch
from benchmark.data.schema import Schema
from benchmark.errors import UsageError
from benchmark.measure.cost import part_of
from benchmark.recipes.recipe import Recipe

MODELS = ("dcnv2", "rankelastor", "rankmixer")
RMS_EPS = 1e-12

Weights = Mapping[str, Tensor]


class PlainModel:
    """A model's logits and exact updates: dense Adam with coupled L2 over whole tables, and the
    clip that sees it."""

    def __init__(self, model: nn.Module, recipe: Recipe, schema: Schema) -> None:
        require_form(recipe)
        self._choices, self._train = recipe.hyperparameters, recipe.train
        self._stacked = recipe.model != "dcnv2"
        self._offsets = torch.tensor(
            [sum(schema.cardinalities[:j]) for j in range(len(schema.sparse))]
        )
        self.weights = {
            name: nn.Parameter(value.detach().clone()) for name, value in model.named_parameters()
        }
        self._adam = torch.optim.Adam(self.weights.values(), lr=recipe.train.learning_rate)

    def logit(self, batch: Batch, *, training: bool) -> Tensor:
        """[B]."""
        embedding = _embedded(self.weights, batch, self._offsets)
        form = _token_stack if self._stacked else _dcnv2
        return form(embedding, self.weights, self._choices, training)

    def step(self, batch: Batch) -> float:
        """One update; the batch's mean cross-entropy."""
        self._adam.zero_grad(set_to_none=False)
        loss = F.binary_cross_entropy_with_logits(self.logit(batch, training=True), batch.label)
        torch.autograd.backward(loss)
        penalties = {
            "embedding": self._train.embedding_l2,
            "dense": self._train.dense_l2,
            "head": self._train.dense_l2,
        }
        with torch.no_grad():
            for name, weight in self.weights.items():
                if weight.grad is not None and (penalty := penalties[part_of(name)]):
                    weight.grad.add_(weight, alpha=penalty)
            nn.utils.clip_grad_norm_(self.weights.values(), self._train.clip_norm)
        self._adam.step()
        return loss.item()


def require_form(recipe: Recipe) -> None:
    """Raises UsageError for a recipe whose model has no plain form."""
    if recipe.model not in MODELS or recipe.hyperparameters.get("cross", "full") != "full":
        raise UsageError(
            f"{recipe.id}: there is a plain form of {', '.join(MODELS)} with full cross layers"
            " alone"
        )


def _under(w: Weights, name: str) -> Weights:
    return {
        key.removeprefix(f"{name}."): value
        for key, value in w.items()
        if key.startswith(f"{name}.")
    }


def _linear(x: Tensor, w: Weights) -> Tensor:
    return F.linear(x, w["weight"], w.get("bias"))


def _per_token(x: Tensor, w: Weights) -> Tensor:
    """[T, B, in] -> [T, B, out]."""
    product = torch.bmm(x, w["weight"].transpose(1, 2))
    return product + w["bias"].unsqueeze(1) if "bias" in w else product


def _rms_norm(x: Tensor, gamma: Tensor | None) -> Tensor:
    if gamma is None:
        return x
    return x * torch.rsqrt(x.square().mean(dim=-1, keepdim=True) + RMS_EPS) * gamma


def _layer_norm(x: Tensor, w: Weights) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], w["weight"], w["bias"]) if w else x


def _embedded(w: Weights, batch: Batch, offsets: Tensor) -> Tensor:
    parts = []
    if "embedding.vectors" in w:
        parts.append(batch.dense.unsqueeze(-1) * w["embedding.vectors"])
    if "embedding.table" in w:
        parts.append(F.embedding(batch.sparse + offsets, w["embedding.table"]))
    return torch.cat(parts, dim=1)


def _mlp(x: Tensor, w: Weights, dropout: float, training: bool) -> Tensor:
    for number in sorted({int(key.partition(".")[0]) for key in w}):
        x = F.dropout(F.relu(_linear(x, _under(w, str(number)))), dropout, training)
    return x


def _dcnv2(embedding: Tensor, w: Weights, choices: Mapping[str, Any], training: bool) -> Tensor:
    x0 = x = embedding.flatten(1)
    for layer in range(choices["num_cross_layers"]):
        x = x0 * _linear(x, _under(w, f"cross.layers.{layer}.linear")) + x
    if stacked := _under(w, "stacked"):
        x = _mlp(x, stacked, choices["dropout"], training)
    if parallel := _under(w, "parallel"):
        x = torch.cat((x, _mlp(x0, parallel, choices["dropout"], training)), dim=1)
    return _linear(x, _under(w, "head")).squeeze(1)


def _token_stack(
    embedding: Tensor, w: Weights, choices: Mapping[str, Any], training: bool
) -> Tensor:
    x = _tokens(embedding, _under(w, "tokenizer"), choices, training)
    for block in range(choices["num_blocks"]):
        own = _under(w, f"blocks.{block}")
        x = _layer_norm(x + _mixed(x, _under(own, "mixing"), choices), _under(own, "mixing.norm"))
        x = _rms_norm(x, own.get("norm.gamma"))
        x = _layer_norm(_ffn(x, _under(own, "ffn"), choices, training), _under(own, "ffn_norm"))
    return _head(x, _under(w, "head"), choices["head"])


def _tokens(embedding: Tensor, w: Weights, choices: Mapping[str, Any], training: bool) -> Tensor:
    flat, tokens, kind = (
        embedding.flatten(1),
        choices["num_tokens"],
        choices.get("tokenizer", "slice"),
    )
    if kind == "slice":
        cut = F.pad(flat, (0, -flat.shape[1] % tokens)).view(len(flat), tokens, -1)
        return _per_token(cut.transpose(0, 1), _under(w, "projection")).transpose(0, 1)
    x = _rms_norm(flat, w["norm.gamma"])
    if kind != "none":
        x = x.view(len(x), tokens if kind == "matrix" else 1, -1)
        x = _rms_norm(_linear(x, _under(w, "hidden")), w.get("hidden_norm.gamma"))
        x = _linear(F.dropout(F.relu(x), choices["tokenizer_dropout"], training), _under(w, "out"))
    return x.reshape(len(flat), tokens, choices["token_dim"])


def _mixed(x: Tensor, w: Weights, choices: Mapping[str, Any]) -> Tensor:
    """What the mixing adds to x [B, T, D]."""
    kind, (batch, tokens, width) = choices.get("mixing", "transpose"), x.shape
    x = _rms_norm(x.flatten(1), w.get("pre_norm.gamma"))
    if kind == "none":
        return torch.zeros(batch, tokens, width)
    if kind == "transpose":
        return (
            x.view(batch, tokens, tokens, width // tokens)
            .transpose(1, 2)
            .reshape(batch, tokens, width)
        )
    groups = choices["mixing_groups"] if kind == "kronecker" else 1
    return _linear(x.view(batch, groups, -1), _under(w, "linear")).view(batch, tokens, width)


def _ffn(x: Tensor, w: Weights, choices: Mapping[str, Any], training: bool) -> Tensor:
    kind, dropout = choices["ffn"], choices["ffn_dropout"]
    y = x.transpose(0, 1)
    if kind == "glu_paper":
        gate, value, out, skip = (_under(w, name) for name in ("w1", "w2", "w3", "wr"))
        gated = _per_token(F.gelu(_per_token(y, gate)) * _per_token(y, value), out)
        return (F.dropout(gated, dropout, training) + _per_token(y, skip)).transpose(0, 1)
    for number in sorted({int(key.split(".")[1]) for key in w if key.startswith("units.")}):
        own = _under(w, f"units.{number}")
        norm = own.get("norm.gamma")
        y = _rms_norm(y, None if norm is None else norm.unsqueeze(1))
        y = _gated(y, own) if kind == "glu" else _activated(y, own, kind)
        y = F.dropout(y, dropout, training)
    return x + _per_token(y, _under(w, "out")).transpose(0, 1)


def _gated(x: Tensor, w: Weights) -> Tensor:
    skip = _per_token(x, _under(w, "skip1"))
    inner = _per_token(x, _under(w, "skip2")) if "skip2.weight" in w else skip
    gated = (inner + F.gelu(_per_token(x, _under(w, "lift1")))) * _per_token(x, _under(w, "lift2"))
    y = skip + (_per_token(gated, _under(w, "reduce")) if "reduce.weight" in w else gated)
    return _per_token(y, _under(w, "resize")) if "resize.weight" in w else y


def _activated(x: Tensor, w: Weights, kind: str) -> Tensor:
    y = _per_token(x, _under(w, "linear"))
    return F.gelu(y) if kind == "gelu" else F.relu(y)


def _head(x: Tensor, w: Weights, kind: str) -> Tensor:
    if kind == "mean":
        return x.mean(dim=(1, 2))
    if kind == "mlp":
        return _linear(
            F.relu(_linear(x.flatten(1), _under(w, "hidden"))), _under(w, "out")
        ).squeeze(1)
    return _linear(x.mean(dim=1) if kind == "pool" else x.flatten(1), _under(w, "out")).squeeze(1)
