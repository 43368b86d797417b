"""Paths of the project's own files; it is always installed as a checkout."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RECIPES = ROOT / "recipes"
RESULTS = ROOT / "results"


def shown(path: Path) -> str:
    """`path` for messages and records: relative to the project if it lies inside."""
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)
