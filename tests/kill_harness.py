"""Kill runs again and again: they must end with the record of an undisturbed run, bit for bit.

`python -m tests.kill_harness --kills 30` starts small runs in their own processes, kills them by
SIGKILL at random moments (while a checkpoint is written, after a random step, a random time after
the start), starts them again until they end, and compares. It exits with code 1 at a fault.
"""

import argparse
import json
import multiprocessing
import os
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import benchmark
from benchmark.records import arrays, measured
from benchmark.runs.run import Resumed
from benchmark.training.checkpoint import Cadence
from benchmark.training.fit import Stepped
from benchmark.utils.types import Notify

FORKS = multiprocessing.get_context("forkserver")
"""Each run is a process of its own, forked from one that has imported all of it."""
FORKS.set_forkserver_preload(["tests.kill_harness", "benchmark.runs.session", "torch._dynamo"])

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


def run(words: dict[str, Any], path: Path, environment: dict[str, str]) -> None:
    """Run a case in this process, and write its steps into a log."""
    os.environ.update(environment)
    log = os.open(path, os.O_WRONLY | os.O_APPEND)

    def watch(event: object) -> None:
        if isinstance(event, Resumed | Stepped):
            os.write(log, f"{type(event).__name__} {event.step}\n".encode())

    cadence = Cadence(steps=INTERVAL)
    keep = {"rows": 8000, "threads": 1, "track": False, "quiet": True}
    benchmark.run(**words, **keep, cadence=cadence, watch=watch)


class RunProcess:
    """One start of a run in its own process; the log holds the steps of all starts."""

    def __init__(self, case: Case, folder: Path) -> None:
        self.log = folder / "steps.log"
        self.log.touch()
        self.first_line = len(self.lines())
        words = case.words(folder / "results")
        self.process = FORKS.Process(target=run, args=(words, self.log, dict(os.environ)))
        self.process.start()

    def lines(self) -> list[str]:
        return self.log.read_text().splitlines()

    def steps(self) -> list[int]:
        """The steps of this process."""
        return self._logged("Stepped")

    def resumed(self) -> int | None:
        steps = self._logged("Resumed")
        return steps[0] if steps else None

    def _logged(self, event: str) -> list[int]:
        own = self.lines()[self.first_line :]
        return [int(line.split()[1]) for line in own if line.startswith(event)]

    def alive(self) -> bool:
        return self.process.is_alive()

    def kill(self) -> None:
        self.process.kill()
        self.process.join()

    def finish(self) -> None:
        self.process.join(timeout=600)
        if self.process.exitcode:
            raise SystemExit(f"a run failed with exit code {self.process.exitcode}")


def wait_for_a_moment(
    process: RunProcess, how: str, checkpoints: Path, dice: random.Random
) -> None:
    """Return when it is time to kill the process, or when it has ended."""
    if how == "time":
        seconds, began = dice.uniform(0.2, 4.0), time.monotonic()
        while process.alive() and time.monotonic() - began < seconds:
            time.sleep(0.005)
    elif how == "step":
        after = dice.randint(1, 6 * INTERVAL)
        while process.alive() and len(process.steps()) < after:
            time.sleep(0.001)
    else:
        skipped = dice.randint(1, 5)
        while process.alive() and len(process.steps()) < skipped * INTERVAL - 1:
            time.sleep(0.001)
        while process.alive() and not list(checkpoints.glob("*/.*.partial")):
            time.sleep(0.0002)
        time.sleep(dice.uniform(0, 0.004))


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_times(inner) for key, inner in value.items() if key not in TIMES}
    return [without_times(inner) for inner in value] if isinstance(value, list) else value


def outcome(folder: Path) -> tuple[Any, str]:
    """The record without times, and the digest of its arrays without times."""
    [path] = (folder / "results").rglob("seed-0.json")
    kept = dict(arrays.load(path.with_suffix(".npz")))
    del kept[measured.SECONDS]
    return without_times(json.loads(path.read_text())), arrays.digest(kept)


@dataclass(frozen=True)
class Check:
    """Kills of one run, those that left a partial checkpoint, and faults."""

    kills: int
    during_writes: int
    faults: list[str]


def check(
    name: str, kills: int, dice: random.Random, folder: Path, notify: Notify = print
) -> Check:
    """Run a case undisturbed, and killed `kills` times. BENCHMARK_CACHE must be used for nothing
    else."""
    case, checkpoints = CASES[name], Path(os.environ["BENCHMARK_CACHE"]) / ".checkpoints"
    alone = RunProcess(case, folder / "alone")
    alone.finish()
    length = len(alone.steps())
    notify(
        f"{name} ({case.model}): {length} steps undisturbed; a checkpoint every {INTERVAL} steps"
        " and every evaluation"
    )
    killed, written, faults = 0, 0, []
    while True:
        saved = bool(list(checkpoints.glob("*/[0-9]*")))
        process = RunProcess(case, folder / "killed")
        how = dice.choice(("write", "write", "step", "step", "step", "time"))
        if killed < kills:
            wait_for_a_moment(process, how, checkpoints, dice)
        ended = killed >= kills or not process.alive()
        if ended:
            process.finish()
        else:
            process.kill()
            killed += 1
        resumed, steps = process.resumed(), process.steps()
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
            else f"kill {killed} ({how}{', a partial checkpoint is left' if partial else ''})"
        )
        notify(
            f"  {start}, {f'{len(steps)} steps to step {steps[-1]}' if steps else 'no step'}, {end}"
        )
        if saved and steps and not resumed:
            faults.append(f"{name}: started afresh although there was a checkpoint")
        if resumed is not None and resumed <= 0:
            faults.append(f"{name}: resumed at step {resumed}")
        if ended:
            break
    done = sum(line.startswith("Stepped") for line in process.lines())
    most = length + killed * INTERVAL
    notify(f"  {done} steps in all; at most {length} + {killed} x {INTERVAL} = {most} are allowed")
    if done > most:
        faults.append(f"{name}: {done} steps are more than {most}")
    same = outcome(folder / "alone") == outcome(folder / "killed")
    notify(f"  record and scores {'are the same, bit for bit' if same else 'DIFFER'}")
    if not same:
        faults.append(f"{name}: the record or the scores differ")
    if left := [str(path.relative_to(checkpoints)) for path in checkpoints.rglob("*")]:
        faults.append(f"{name}: left behind: {left}")
    return Check(killed, written, faults)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30, help="least number, spread over the cases")
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
            result = check(name, -(-options.kills // len(CASES)), dice, place)
            kills += result.kills
            during_writes += result.during_writes
            faults += result.faults
            turn += 1
    print(f"{kills} kills, {during_writes} of them left a partial checkpoint; {len(faults)} faults")
    for fault in faults:
        print(f"FAULT: {fault}")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
