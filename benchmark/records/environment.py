"""The environment of a run: commit, source digest, versions, hardware."""

import functools
import hashlib
import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path

from benchmark import __version__, registry
from benchmark.utils.paths import ROOT
from benchmark.utils.types import Frozen

PACKAGES = ("numpy", "polars", "torch")


class Environment(Frozen):
    benchmark: str
    source: str
    """SHA-256 over the names and contents of every Python file of benchmark and baselines, and of
    plug-ins."""
    commit: str | None
    """With the suffix `+changes` where tracked files differ from it."""
    python: str
    versions: dict[str, str]
    machine: str
    """Operating system, architecture and processor, as the platform names them."""


@functools.cache
def current() -> Environment:
    commit, changes = _git("rev-parse", "HEAD"), _git("status", "--porcelain", "-uno")
    return Environment(
        benchmark=__version__,
        source=source_digest(),
        commit=commit and commit + ("+changes" if changes else ""),
        python=platform.python_version(),
        versions={package: metadata.version(package) for package in PACKAGES},
        machine=f"{platform.system()} {platform.machine()} {_processor()}",
    )


def source_digest() -> str:
    digest = hashlib.sha256()
    own = sorted((*ROOT.glob("benchmark/**/*.py"), *ROOT.glob("baselines/**/*.py")))
    named = [(path.relative_to(ROOT).as_posix(), path) for path in own]
    named += [(f"plugins/{path.name}", path) for path in registry.plug_ins()]
    for name, path in named:
        digest.update(f"{name}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _git(*arguments: str) -> str | None:
    command = ["git", "-C", str(ROOT), *arguments]
    try:
        process = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return process.stdout.strip()


def _processor() -> str:
    try:
        cpu = Path("/proc/cpuinfo").read_text()
    except OSError:
        cpu = ""
    name = re.search(r"^model name\s*: *(\S.*)", cpu, re.MULTILINE)
    return name[1].strip() if name else platform.processor()
