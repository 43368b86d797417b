"""Arrays that ask for gigabytes, or for hours, are refused before they are made."""

import io
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from benchmark.errors import BenchmarkError
from benchmark.records import arrays, scores
from benchmark.records.scores import CountedScores, KeptScores


def npy(descr: str, shape: str, data: bytes = b"") -> bytes:
    """An array file that declares a shape, whatever it holds."""
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data


def packed(path: Path, method: int = zipfile.ZIP_DEFLATED, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return path


@pytest.mark.parametrize(
    ("members", "method", "why"),
    [
        ({"a": bytes(arrays.MOST_BYTES + 1)}, zipfile.ZIP_DEFLATED, "it unpacks to 67,108,865"),
        ({"a": npy("<f8", "(1000000000000,)")}, zipfile.ZIP_DEFLATED, "damaged"),
        ({"a": npy("<U0", "(1000000000000,)")}, zipfile.ZIP_DEFLATED, "more elements than bytes"),
        ({"a": npy("|O", "(1,)", b"cos\nsystem\n")}, zipfile.ZIP_DEFLATED, "pickle"),
        ({"a": npy("<f8", "(0,)")}, zipfile.ZIP_LZMA, "is not deflated"),
        ({f"a{n}": b"" for n in range(65)}, zipfile.ZIP_DEFLATED, "more than 64"),
    ],
    ids=["zeros", "shape", "empty texts", "pickle", "lzma", "members"],
)
def test_arrays_that_no_record_has(tmp_path, members, method, why) -> None:
    path, start = packed(tmp_path / "seed-0.npz", method, **members), time.monotonic()
    with pytest.raises(BenchmarkError, match=why) as caught:
        arrays.load(path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600 + len(str(path))
    assert time.monotonic() - start < 10


def test_counts_of_more_rows_than_any_split_has(tmp_path) -> None:
    rows = np.full(3, 2**31, np.uint32)
    counts = CountedScores(np.array([-1, 0, 1], np.float16), rows, rows + np.uint32(1))
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **scores.pack(KeptScores(counts)))
    path = tmp_path / "seed-0.npz"
    path.write_bytes(buffer.getvalue())
    with pytest.raises(BenchmarkError, match="does not hold the scores of a record"):
        scores.load(path)
