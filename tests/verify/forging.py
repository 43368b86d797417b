"""Records altered as a forger would: every digest is sealed again."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmark.records import measured, record, scores
from benchmark.records.record import Digests, Record, arrays_path
from benchmark.records.scores import KeptScores
from benchmark.verify.ladder import Finding, verify
from tests.opening import open_data

Keys = tuple[str | int, ...]


def findings(folder: Path) -> list[Finding]:
    return list(verify(folder / "results", open_data, folder / "recipes"))


def deep(folder: Path, seed: int = 0) -> Path:
    return folder / "results" / "records" / "synthetic_tiny" / "deep" / f"seed-{seed}.json"


def linear(folder: Path, seed: int = 0) -> Path:
    return folder / "results" / "records" / "synthetic_tiny" / "linear" / f"seed-{seed}.json"


def put(content: Any, keys: Keys, value: Any) -> None:
    """Put a value in the place of another; `value` may be a function of that."""
    for key in keys[:-1]:
        content = content[key]
    content[keys[-1]] = value(content[keys[-1]]) if callable(value) else value


def alter(path: Path, keys: Keys, value: Any) -> None:
    """Alter one value of the record at `path`, in its JSON or in its spectra and curves."""
    if keys[0] != "measured":
        content = json.loads(path.read_text())
        put(content, keys, value)
        path.write_text(json.dumps(content))
        return
    content = record.whole(record.load(path))
    put(content, keys, value)
    keep(Record.model_validate_json(json.dumps(content)), scores.load(arrays_path(path)), path)


def rescore(path: Path, change: Callable[[KeptScores], KeptScores]) -> None:
    """Change the scores of the record at `path`, and every metric that follows from them."""
    stated, kept = record.load(path), change(scores.load(arrays_path(path)))
    blocks = {"test": scores.evaluate(kept.best)}
    if kept.best_logloss is not None:
        blocks["test_logloss"] = scores.evaluate(kept.best_logloss)
    keep(
        stated.model_copy(update={"metrics": stated.metrics.model_copy(update=blocks)}), kept, path
    )


def keep(altered: Record, kept: KeptScores, path: Path) -> None:
    """Write a record with the digests of what is kept beside it."""
    calibrated = kept.best_logloss
    digests = Digests(
        scores=scores.digest(kept.best),
        scores_logloss=None if calibrated is None else scores.digest(calibrated),
        measured=measured.digest(altered.measured),
    )
    record.save(altered.model_copy(update={"digests": digests}), kept, path)
