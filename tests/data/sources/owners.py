"""Small files in the form of the owners' of MovieLens-1M and KuaiRand."""

import gzip
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

Line = Sequence[object]


def frames_of(source, files: Mapping[str, Path]) -> dict[str, pl.DataFrame]:
    return {split: frame.collect() for split, frame in source(files).items()}


def write_lines(path: Path, lines: Sequence[str], encoding: str = "utf-8") -> Path:
    """Write one text a line, packed if the name ends in .gz."""
    content = "".join(f"{line}\n" for line in lines).encode(encoding)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def write_csv(path: Path, header: Sequence[str], rows: Sequence[Mapping[str, object]]) -> Path:
    """Write rows whose columns are 0 unless given; texts with a comma are quoted."""
    lines = [",".join(header)]
    for row in rows:
        values = (str(row.get(name, 0)) for name in header)
        lines.append(",".join(f'"{value}"' if "," in value else value for value in values))
    return write_lines(path, lines)
