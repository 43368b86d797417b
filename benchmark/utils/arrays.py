"""Types of numpy arrays; docstrings state the shapes, e.g. `[n, n_sparse]`."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
"""Of any precision."""
ClassScores = tuple[Floats, Floats]
"""Logits of the positive and of the negative rows."""
Vector = NDArray[np.float64]
"""Float64, of any shape."""
Integers = NDArray[np.int64]
"""Counts, and positions in other arrays."""
Mask = NDArray[np.bool_]

Dense = NDArray[np.float32]
"""Encoded numbers."""
Ids = NDArray[np.int32]
"""Tokens of sparse fields, or their ids."""
Labels = NDArray[np.uint8]
"""Clicks: 0 or 1."""
