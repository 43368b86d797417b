"""Scores of new raw rows by a saved model."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmark import model_file
from benchmark.data.raw_encoder import RawEncoder
from benchmark.data.schema import Arrays
from benchmark.errors import BenchmarkError
from benchmark.paths import shown
from benchmark.training.predict import predict


def score(folder: Path, rows: Path) -> Iterator[NDArray[np.float32]]:
    """Logits [n] of the rows of a file in the form of the training files, some rows at a time and in order; a label
    column is not needed. `folder` is what `run --save-model` left.

    Raises UsageError where there is no model, BenchmarkError for one that is damaged, a broken row, or rows to which
    the model gives no finite score."""
    saved = model_file.load(folder)
    encoder = RawEncoder(folder / model_file.ENCODING)
    for dense, sparse in encoder.read(rows):
        unlabelled = Arrays(dense, sparse, np.zeros(len(dense), np.uint8))
        try:
            yield predict(saved.model, unlabelled, torch.device("cpu"))
        except FloatingPointError as error:
            raise BenchmarkError(f"{shown(rows)}: {error}") from None
