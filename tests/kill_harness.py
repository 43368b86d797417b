"""Runs that are killed again and again must end with the record of a run that was left alone, bit
for bit.

`python -m tests.kill_harness --kills 30` starts small runs in processes of their own, kills them by
SIGKILL at random moments (while a checkpoint is written, after a random step, a random time after
the start), starts them again until they end, and compares. It prints what it sees and ends with
code 1 where something is not as it must be.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.utils.paths import ROOT

CHILD = """
import json, os, sys
from benchmark import run
from benchmark.runs.run import Resumed
from benchmark.training.checkpoint import Cadence
from benchmark.training.fit import Stepped

words = json.loads(sys.argv[1])
log = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

def watch(event):
    if isinstance(event, (Resumed, Stepped)):
        os.write(log, f"{type(event).__name__} {event.step}\\n".encode())

cadence = Cadence(steps=int(sys.argv[3]))
run(**words, rows=8000, threads=1, track=False, quiet=True, cadence=cadence, watch=watch)
"""
INTERVAL = 7
TIMES = ("seconds", "created", "cost")
PATIENT = {
    "train.batch_size": 250,
    "train.epochs": 6,
    "train.patience": 100,
    "train.evaluate_every": 20,
}


@dataclass(frozen=True)
class Case:
    model: str
    settings: dict[str, Any]

    def words(self, results: Path) -> dict[str, Any]:
        return {
            "model": self.model,
            "dataset": "synthetic_tiny",
            "set": PATIENT | self.settings,
            "results": str(results),
        }


CASES = {
    "dropout": Case("dnn", {"model.hidden_units": [32, 16], "model.dropout": 0.3}),
    "batch norm": Case(
        "dnn", {"model.hidden_units": [32, 16], "model.batch_norm": True, "model.dropout": 0.1}
    ),
    "lazy tables": Case("dcnv2", {"train.optimizer": "sparse_adam", "train.embedding_l2": 1e-4}),
    "row-wise Adagrad": Case(
        "rankmixer", {"train.optimizer": "rowwise_adagrad", "model.num_blocks": 1}
    ),
    "plateau and penalty": Case(
        "rankmixer_moe",
        {"train.learning_rate": 3e-2, "train.patience": 4, "train.plateau_factor": 0.5},
    ),
}


class Session:
    """One start of a run in a process of its own; its log has a line a step, of all sessions."""

    def __init__(self, case: Case, folder: Path) -> None:
        self.log = folder / "steps.log"
        self.log.touch()
        self.first_line = len(self.lines())
        environment = os.environ | {"OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
        words = json.dumps(case.words(folder / "results"))
        self.process = subprocess.Popen(
            [sys.executable, "-c", CHILD, words, str(self.log), str(INTERVAL)],
            cwd=ROOT,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )

    def lines(self) -> list[str]:
        return self.log.read_text().splitlines()

    def steps(self) -> list[int]:
        """Those of this session."""
        return [
            int(line.split()[1])
            for line in self.lines()[self.first_line :]
            if line.startswith("Stepped")
        ]

    def resumed(self) -> int | None:
        found = [
            int(line.split()[1])
            for line in self.lines()[self.first_line :]
            if line.startswith("Resumed")
        ]
        return found[0] if found else None

    def alive(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()

    def finish(self) -> str:
        _, err = self.process.communicate(timeout=600)
        if self.process.returncode:
            raise SystemExit(f"a run failed:\n{err}")
        return err


def wait_for_a_moment(session: Session, how: str, checkpoints: Path, dice: random.Random) -> None:
    """Returns when the process is to be killed, or has ended by itself."""
    if how == "time":
        session_seconds, began = dice.uniform(0.2, 4.0), time.monotonic()
        while session.alive() and time.monotonic() - began < session_seconds:
            time.sleep(0.005)
    elif how == "step":
        after = dice.randint(1, 6 * INTERVAL)
        while session.alive() and len(session.steps()) < after:
            time.sleep(0.001)
    else:
        skipped = dice.randint(1, 5)
        while session.alive() and len(session.steps()) < skipped * INTERVAL - 1:
            time.sleep(0.001)
        while session.alive() and not list(checkpoints.glob("*/.*.partial")):
            pass
        time.sleep(dice.uniform(0, 0.004))


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_times(inner) for key, inner in value.items() if key not in TIMES}
    return [without_times(inner) for inner in value] if isinstance(value, list) else value


def outcome(folder: Path) -> tuple[Any, bytes]:
    """The record without times, and the bytes of the scores file."""
    [path] = (folder / "results").rglob("seed-0.json")
    return without_times(json.loads(path.read_text())), path.with_suffix(".npz").read_bytes()


@dataclass(frozen=True)
class Seen:
    """What one killed run did: kills, kills that left a half-written checkpoint, and all that is
    wrong."""

    kills: int
    during_writes: int
    faults: list[str]


def check(name: str, kills: int, dice: random.Random, folder: Path, say: Any = print) -> Seen:
    """Runs a case undisturbed and killed `kills` times. BENCHMARK_CACHE must be a cache for this
    alone."""
    case, checkpoints = CASES[name], Path(os.environ["BENCHMARK_CACHE"]) / ".checkpoints"
    alone = Session(case, folder / "alone")
    alone.finish()
    length = len(alone.steps())
    say(
        f"{name} ({case.model}): {length} steps undisturbed; a checkpoint every {INTERVAL} steps"
        " and every evaluation"
    )
    killed, written, faults = 0, 0, []
    while True:
        saved = bool(list(checkpoints.glob("*/[0-9]*")))
        session = Session(case, folder / "killed")
        how = dice.choice(("write", "write", "step", "step", "step", "time"))
        if killed < kills:
            wait_for_a_moment(session, how, checkpoints, dice)
        ended = killed >= kills or not session.alive()
        if ended:
            session.finish()
        else:
            session.kill()
            killed += 1
        resumed, steps = session.resumed(), session.steps()
        partial = bool(list(checkpoints.glob("*/.*.partial")))
        written += partial
        start = (
            f"resumed at step {resumed}"
            if resumed is not None
            else "started at step 0"
            if steps
            else "loading"
        )
        end = (
            "ended"
            if ended
            else f"kill {killed} ({how}{', a half-written checkpoint is left' if partial else ''})"
        )
        say(
            f"  {start}, {f'{len(steps)} steps to step {steps[-1]}' if steps else 'no step'}, {end}"
        )
        if saved and steps and not resumed:
            faults.append(f"{name}: started afresh although there was a checkpoint")
        if resumed is not None and resumed <= 0:
            faults.append(f"{name}: resumed at step {resumed}")
        if ended:
            break
    done = sum(line.startswith("Stepped") for line in session.lines())
    most = length + killed * INTERVAL
    say(f"  {done} steps in all; at most {length} + {killed} x {INTERVAL} = {most} are allowed")
    if done > most:
        faults.append(f"{name}: {done} steps are more than {most}")
    same = outcome(folder / "alone") == outcome(folder / "killed")
    say(f"  record and scores {'are the same, bit for bit' if same else 'DIFFER'}")
    if not same:
        faults.append(f"{name}: the record or the scores differ")
    if left := [str(path.relative_to(checkpoints)) for path in checkpoints.rglob("*")]:
        faults.append(f"{name}: left behind: {left}")
    return Seen(killed, written, faults)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--kills", type=int, default=30, help="at least so many, spread over the cases"
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    dice = random.Random(options.seed)
    kills = during_writes = 0
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BENCHMARK_CACHE"] = str(Path(folder) / "cache")
        turn = 0
        while turn < len(CASES) or kills < options.kills:
            name = list(CASES)[turn % len(CASES)]
            place = Path(folder) / str(turn)
            for part in ("alone", "killed"):
                (place / part).mkdir(parents=True)
            seen = check(name, -(-options.kills // len(CASES)), dice, place)
            kills, during_writes, turn = (
                kills + seen.kills,
                during_writes + seen.during_writes,
                turn + 1,
            )
            faults += seen.faults
    print(
        f"{kills} kills, {during_writes} of them left a half-written checkpoint; {len(faults)}"
        " faults"
    )
    for fault in faults:
        print(f"FAULT: {fault}")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
