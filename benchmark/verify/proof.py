"""How each field of a record is proven: derived by `verify`, by a replay alone, or only reported.

What `verify` prints, what a replay compares and what the tests alter come from this table.
"""

from collections.abc import Iterator
from typing import Any, Literal

Proof = Literal["derived", "replayed", "reported"]

MEANING: dict[Proof, str] = {
    "derived": "derived again from something other than itself",
    "replayed": "proven by a replay alone, and held to what follows from it",
    "reported": "reported, not derived",
}

FIELDS: dict[str, Proof] = {
    "format": "derived",
    "numerics": "derived",
    "dataset": "derived",
    "name": "derived",
    "train_rows": "derived",
    "recipe": "derived",
    "recipe_digest": "derived",
    "notes": "derived",
    "seed": "derived",
    "threads": "replayed",
    "device": "replayed",
    "data": "derived",
    "parameters": "derived",
    "flops_per_sample": "derived",
    "metrics": "derived",
    "scores": "derived",
    "probe_rows": "derived",
    "spectra": "derived",
    "spectra[].best": "replayed",
    "spectra[].best.rows": "derived",
    "spectra[].best.columns": "derived",
    "spectra[].best.matrices": "derived",
    "spectra[].best_batch": "replayed",
    "spectra[].best_batch.rows": "derived",
    "spectra[].best_batch.columns": "derived",
    "spectra[].best_batch.matrices": "derived",
    "spectra[].best_density": "replayed",
    "spectra[].best_density.stage": "derived",
    "tables": "derived",
    "tables[].plain": "replayed",
    "tables[].weighted": "replayed",
    "curve": "derived",
    "curve[].train_loss": "replayed",
    "curve[].valid": "replayed",
    "curve[].valid.ne": "derived",
    "curve[].valid.gauc": "replayed",
    "curve[].seconds": "reported",
    "curve_probe_rows": "derived",
    "rank_curve": "derived",
    "rank_curve[].erank": "replayed",
    "best_step": "derived",
    "best_epoch": "derived",
    "stopped_by": "derived",
    "cost": "reported",
    "environment": "reported",
    "caveat": "derived",
    "tuned": "derived",
    "created": "reported",
}
"""By path, with `[]` for each element; a field without an entry has that of the one around it."""


def of(path: str) -> Proof:
    """The proof of a path such as `curve[].valid.auc`. Raises KeyError for one without an entry."""
    while path not in FIELDS:
        if not path:
            raise KeyError("the field is not in FIELDS")
        path = path[:-2] if path.endswith("[]") else path.rpartition(".")[0]
    return FIELDS[path]


def fields(proof: Proof) -> str:
    """The fields of one kind, in the order of a record."""
    return ", ".join(path for path, kind in FIELDS.items() if kind == proof)


def leaves(value: Any, path: str = "", place: str = "") -> Iterator[tuple[str, str, Any]]:
    """(path, place, value) of every leaf of a record's JSON; a place has the numbers of elements,
    e.g. `curve[].step` at `curve[2].step`."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            dot = "." if path else ""
            yield from leaves(inner, f"{path}{dot}{key}", f"{place}{dot}{key}")
    elif isinstance(value, list | tuple) and value:
        for index, inner in enumerate(value):
            yield from leaves(inner, f"{path}[]", f"{place}[{index}]")
    else:
        yield path, place, value
