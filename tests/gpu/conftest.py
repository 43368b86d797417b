"""The device of these tests: a GPU, or what DEVICE names; skipped where that is missing."""

import os

import pytest
import torch

from benchmark.recipes.precision import set_precision


@pytest.fixture
def device() -> torch.device:
    found = torch.device(os.environ.get("DEVICE", "cuda"))
    if found.type == "cuda" and not torch.cuda.is_available():
        pytest.skip("no GPU was found; DEVICE=cpu tries these tests on the CPU")
    set_precision("float32", found)
    return found
