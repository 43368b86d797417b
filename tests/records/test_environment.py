"""The machine as a record names it."""

import subprocess
import sys

import torch

from benchmark.records.environment import KERNELS, Environment, current
from benchmark.utils.paths import ROOT
from tests.factories import make_record

SCRIPT = "from benchmark.records.environment import current; print(current().machine)"


def machine(monkeypatch, **variables: str) -> str:
    for name in KERNELS:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    current.cache_clear()
    try:
        return current().machine
    finally:
        current.cache_clear()


def test_the_instructions_and_what_chooses_among_them_are_named(monkeypatch) -> None:
    plain = machine(monkeypatch)
    assert plain.split("; ")[1:] == [torch.backends.cpu.get_cpu_capability()]
    chosen = machine(monkeypatch, MKL_CBWR="COMPATIBLE", ATEN_CPU_CAPABILITY="default")
    assert chosen == f"{plain}; ATEN_CPU_CAPABILITY=default; MKL_CBWR=COMPATIBLE"
    assert machine(monkeypatch, MKL_CBWR="") == plain


def test_another_capability_is_another_machine(monkeypatch) -> None:
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("; DEFAULT; ATEN_CPU_CAPABILITY=default")


def test_a_machine_is_described_as_fully_as_the_other() -> None:
    here = described("Linux x86_64 Xeon; AVX2")
    assert here.like("Linux x86_64 Xeon") == "Linux x86_64 Xeon"
    assert here.like("Linux x86_64 Xeon; AVX512") == "Linux x86_64 Xeon; AVX2"


def described(machine: str) -> Environment:
    return make_record().environment.model_copy(update={"machine": machine})
