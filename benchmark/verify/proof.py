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

LIMIT = "only a replay proves that the scores are of this recipe and seed: docs/forgeries.md"

PATHS: dict[Proof, str] = {
    "derived": """
        format numerics dataset name train_rows recipe recipe_digest notes seed data parameters
        flops_per_sample metrics digests probe_rows curve_probe_rows best best_logloss stopped_by
        caveat warnings measured measured.best.token.rows measured.best.token.columns
        measured.best.token.matrices measured.best.batch.rows measured.best.batch.columns
        measured.best.batch.matrices measured.curve[].valid.ne""",
    "replayed": """
        threads device measured.best measured.tables[].plain measured.tables[].weighted
        measured.curve[].train_loss measured.curve[].valid measured.curve[].valid.gauc
        measured.rank_curve[].token measured.rank_curve[].batch""",
    "reported": "processes measured.curve[].seconds cost environment created",
}
"""In the order of a record, with `[]` for each element; a field that is not named has the proof of
the one around it."""
FIELDS = {path: proof for proof, paths in PATHS.items() for path in paths.split()}


def of(path: str) -> Proof:
    """The proof of a path such as `curve[].valid.auc`. Raises KeyError for one without a proof."""
    while path and path not in FIELDS:
        path = path[:-2] if path.endswith("[]") else path.rpartition(".")[0]
    return FIELDS[path]


def leaves(value: Any, path: str = "", place: str = "") -> Iterator[tuple[str, str, Any]]:
    """(path, place, value) of each leaf of a record's JSON: `curve[].step`, `curve[2].step`, 30."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            dot = "." if path else ""
            yield from leaves(inner, f"{path}{dot}{key}", f"{place}{dot}{key}")
    elif isinstance(value, list | tuple) and value:
        for index, inner in enumerate(value):
            yield from leaves(inner, f"{path}[]", f"{place}[{index}]")
    else:
        yield path, place, value
