"""The environment of a run: commit, source digest, versions, hardware."""

import functools
import hashlib
import os
import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path

import torch

from benchmark import __version__, registry
from benchmark.utils.paths import CHECKOUT, ROOT
from benchmark.utils.types import Frozen

PACKAGES = ("numpy", "polars", "torch")
KERNELS = (
    "ATEN_CPU_CAPABILITY",
    "DNNL_MAX_CPU_ISA",
    "MKL_CBWR",
    "MKL_ENABLE_INSTRUCTIONS",
    "NPY_DISABLE_CPU_FEATURES",
    "ONEDNN_MAX_CPU_ISA",
    "OPENBLAS_CORETYPE",
)
"""Variables that choose among the kernels of a library, and so change last bits."""


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
    """Operating system, architecture and processor, as the platform names them; then the
    instructions that torch uses and the KERNELS that are set, which older records leave out."""

    def like(self, machine: str) -> str:
        """This machine, described as fully as `machine` is."""
        return self.machine if ";" in machine else self.machine.partition(";")[0]


def on(device: torch.device) -> Environment:
    """The current environment, with the name of the GPU that is used."""
    if device.type != "cuda":
        return current()
    machine = f"{current().machine}; {torch.cuda.get_device_name(device)}"
    return current().model_copy(update={"machine": machine})


@functools.cache
def current() -> Environment:
    commit, changes = _git("rev-parse", "HEAD"), _git("status", "--porcelain", "-uno")
    return Environment(
        benchmark=__version__,
        source=source_digest(),
        commit=commit and commit + ("+changes" if changes else ""),
        python=platform.python_version(),
        versions={package: metadata.version(package) for package in PACKAGES},
        machine="; ".join((_processor(), *_instructions())),
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
    if CHECKOUT is None:
        return None
    command = ["git", "-C", str(CHECKOUT), *arguments]
    try:
        process = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return process.stdout.strip()


def _instructions() -> list[str]:
    chosen = [f"{name}={os.environ[name]}" for name in KERNELS if os.environ.get(name)]
    return [torch.backends.cpu.get_cpu_capability(), *chosen]


def _processor() -> str:
    try:
        cpu = Path("/proc/cpuinfo").read_text()
    except OSError:
        cpu = ""
    found = re.search(r"^model name\s*: *(\S.*)", cpu, re.MULTILINE)
    name = found[1].strip() if found else platform.processor()
    return f"{platform.system()} {platform.machine()} {name}".replace(";", ",")
