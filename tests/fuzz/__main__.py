"""`python -m tests.fuzz --minutes N`: alter files of every kind, or of one, and read them.

`--case` with `--target` and `--seed` repeats one case; `--keep FOLDER` writes the files of faults.
"""

import argparse
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.fuzz import MAKERS, made
from tests.fuzz.fuzz import faults


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    words.add_argument("--minutes", type=float, default=1, help="for all targets together")
    words.add_argument("--target", choices=list(MAKERS))
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--case", type=int)
    words.add_argument("--keep", type=Path, help="folder for the files of faults")
    asked = words.parse_args()
    names = [asked.target] if asked.target else list(MAKERS)
    seconds = 0 if asked.case is not None else asked.minutes * 60 / len(names)
    os.fsync = lambda _: None
    kinds = [_kinds(name, seconds, asked.seed, asked.case or 0, asked.keep) for name in names]
    return 1 if any(kinds) else 0


def _kinds(name: str, seconds: float, seed: int, case: int, keep: Path | None) -> int:
    """Print the first fault of each kind, and how many kinds there are."""
    tried, seen = 0, Counter[str]()
    with tempfile.TemporaryDirectory() as folder:
        for fault in faults(made(name, Path(folder, "s")), Path(folder, "c"), seconds, seed, case):
            tried += 1
            if fault is None:
                continue
            seen[fault.kind] += 1
            if seen[fault.kind] == 1:
                print(fault, flush=True)
                if keep is not None:
                    keep.mkdir(parents=True, exist_ok=True)
                    kept = f"{name}-{fault.case}-{Path(fault.file).name}"
                    (keep / kept).write_bytes(fault.content)
    print(f"{name}: {tried} files, {seen.total()} faults of {len(seen)} kinds", flush=True)
    return len(seen)


if __name__ == "__main__":
    sys.exit(main())
