"""Where the project's own files lie: a checkout is the only form of installation."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RECIPES = ROOT / "recipes"
RESULTS = ROOT / "results"


def shown(path: Path) -> str:
    """`path` relative to the project where it lies inside, for messages and records."""
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)
