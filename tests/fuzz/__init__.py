"""Fuzz targets: what reads a file, by name."""

from pathlib import Path

from tests.fuzz import results, tables
from tests.fuzz.fuzz import Target

MAKERS = {**tables.MAKERS, **results.MAKERS}


def made(name: str, folder: Path) -> Target:
    """A target, which may make its valid files in the new folder."""
    folder.mkdir()
    return MAKERS[name](folder)
