"""Kill processes of torchrun's runs again and again: each run must end as an undisturbed one.

`python -m tests.distributed.kills --kills 20` starts small runs by torchrun with one, two or three
processes in turn, kills one of them by SIGKILL at a random moment, and starts the run again with
another number, until it ends. A kill must end the run with exit code 1 and one message. It exits
with code 1 at a fault.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmark.records import record
from benchmark.records.record import Record
from benchmark.utils.paths import ROOT
from tests.distributed.runs import SETTINGS

WORDS = ("--model", "dcnv2", "--dataset", "synthetic_tiny", "--rows", "20000", "--no-track")
NEAR = 1e-4
"""Of metrics in float32, whose rounding Adam amplifies."""


@dataclass
class Log:
    """What happened; `faults` are what must not."""

    kills: int = 0
    in_training: int = 0
    faults: list[str] = field(default_factory=list)


def start(count: int, results: Path) -> "subprocess.Popen[str]":
    """A run by so many processes, whose output is one text."""
    chosen = (*SETTINGS, "train.evaluate_every=50")
    settings = [word for each in chosen for word in ("--set", each)]
    own = ("--results", str(results), "--checkpoint-minutes", "0.0005", *WORDS, *settings)
    launcher = (sys.executable, "-m", "torch.distributed.run", "--standalone")
    return subprocess.Popen(
        [*launcher, "--nproc-per-node", str(count), "-m", "benchmark", "run", *own],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def workers(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    """The processes that torchrun started."""
    try:
        return psutil.Process(process.pid).children()
    except psutil.NoSuchProcess:
        return []


def killed(count: int, seconds: float, dice: random.Random, results: Path, log: Log) -> bool:
    """Kill one of so many processes after some seconds; False if the run ended before."""
    process = start(count, results)
    try:
        output, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        victims = workers(process)
        if victims:
            dice.choice(victims).kill()
        began = time.monotonic()
        output, _ = process.communicate(timeout=120)
        log.kills += bool(victims)
        log.in_training += "training rows" in output
        told = [line for line in output.splitlines() if line.startswith("error: ")]
        print(f"  {count} processes, one killed after {seconds:.1f} s: exit {process.returncode}")
        print(f"    {time.monotonic() - began:.1f} s later; {told}", flush=True)
        if process.returncode != 1:
            log.faults.append(f"a kill ended with {process.returncode}: {output[-2000:]}")
        if len(told) > 1:
            log.faults.append(f"{len(told)} messages: {told}")
        return True
    if process.returncode != 0:
        log.faults.append(f"{count} processes ended with {process.returncode}: {output[-2000:]}")
    print(f"  {count} processes: ended, {output.count('going on')} resumed", flush=True)
    return False


def outcome(results: Path) -> dict[str, float]:
    """The metrics of the only record."""
    (path,) = (results / "studies").rglob("*.json")
    found = record.read(Record, path).metrics
    return {"auc": found.test.auc, "logloss": found.test.logloss, "valid": found.valid.auc}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="least number")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    dice, log, turn = random.Random(options.seed), Log(), 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"BENCHMARK_CACHE": str(Path(folder) / "cache"), "OMP_NUM_THREADS": "1"}
        for place in ("encoding", "alone"):
            began = time.monotonic()
            undisturbed = start(1, Path(folder) / place)
            undisturbed.communicate()
            assert undisturbed.returncode == 0
            whole = time.monotonic() - began
        expected = outcome(Path(folder) / "alone")
        while log.kills < options.kills:
            results = Path(folder) / str(turn)
            for start_number in range(6):
                count = 1 + (turn + start_number + 1) % 3
                last = start_number == 5
                seconds = 600.0 if last else whole * dice.uniform(0.3, 1.1)
                if not killed(count, seconds, dice, results, log):
                    break
            found = outcome(results)
            apart = max(abs(found[name] - expected[name]) for name in expected)
            print(f"run {turn}: metrics {apart:.1e} apart from an undisturbed run's", flush=True)
            if apart > NEAR:
                log.faults.append(f"run {turn}: {found}, undisturbed {expected}")
            turn += 1
    print(f"{log.kills} kills, {log.in_training} in training; {len(log.faults)} faults")
    for fault in log.faults:
        print(f"FAULT: {fault}")
    sys.exit(bool(log.faults))


if __name__ == "__main__":
    main()
