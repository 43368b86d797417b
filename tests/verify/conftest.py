import shutil
from pathlib import Path

import pytest


@pytest.fixture
def copy(made, tmp_path) -> Path:
    """A folder with copies of results and recipes, to be altered."""
    shutil.copytree(made.results, tmp_path / "results")
    shutil.copytree(made.recipes, tmp_path / "recipes")
    return tmp_path
