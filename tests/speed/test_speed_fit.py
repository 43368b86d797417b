import json
import sys
from contextlib import nullcontext

import pytest
import torch

from benchmark.data import catalog
from benchmark.errors import BenchmarkError
from benchmark.records.archive import Archive
from benchmark.speed import fit, measurements
from benchmark.terminal.console import out as out_console
from benchmark.utils.threads import MOST_SPINS, SPINS
from tests.data.tables import ignore

LR = ("speed", "fit", "--recipe", "synthetic_tiny/lr", "--threads", "1")


@pytest.fixture
def seconds(monkeypatch):
    """Processes that take 3, 2, 8, 2, 6, 2, ... seconds; what was started is kept."""
    started, times = [], iter([3.0, 2.0, 8.0, 2.0, 6.0, 2.0])

    def pretend(words, folder):
        started.append(words)
        if time := next(times, None):
            return time
        raise BenchmarkError("no time is left")

    monkeypatch.setattr(fit, "_seconds", pretend)
    return started


def test_two_commands_are_timed_in_turn(command, seconds, tmp_path):
    catalog.open_data("synthetic_tiny", data_root=None, notify=ignore)
    out, err = command(
        *LR, "--repeats", "3", "--against", "train '{recipe}' --on={data} {x}", "--set",
        "train.epochs=1", "--json", "--keep", "--results", str(tmp_path),
    )  # fmt: skip
    values = json.loads(out)
    assert values == {
        "seconds": 2.0,
        "against_seconds": 6.0,
        "against_over_ours": 3.0,
        "least_ratio": 1.5,
        "largest_ratio": 4.0,
    }
    assert "2 of 3: the other 8.00 s\n2 of 3: ours 2.00 s, ratio 4\n" in err
    assert list(seconds[0]) == ["train", "synthetic_tiny/lr", "--on=synthetic_tiny", "{x}"]
    assert len({seconds[each] for each in (1, 3, 5)}) == 3  # each has a results folder of its own
    [kept] = measurements.load_topic("fit", Archive(tmp_path))
    assert (kept.values, kept.threads) == (values, 1)
    subject = "synthetic_tiny/lr train.epochs=1 against train '{recipe}' --on={data} {x}"
    assert kept.subject == subject
    assert (
        f"| {subject} | 2 | 6 | 3 | 1.5 | 4 | 1 | 3 |"
        in (tmp_path / "speed" / "fit.md").read_text()
    )


def test_our_command_is_one_of_this_program(command, seconds, monkeypatch, tmp_path):
    monkeypatch.setattr(out_console, "width", 80)
    out, _ = command(*LR, "--repeats", "1", "--set", "train.epochs=1")
    assert max(map(len, out.splitlines())) <= 80
    [words] = seconds
    assert words[:3] == (sys.executable, "-m", "benchmark")
    command(*words[3:-1], str(tmp_path))
    assert len(list(tmp_path.rglob("seed-*.json"))) == 1


@pytest.mark.parametrize(
    ("against", "code", "message"),
    [
        ("", 2, "error: --against: write the other command"),
        ("train 'it", 2, "error: --against train 'it: No closing quotation"),
    ],
)
def test_misuse_is_one_line(command, against, code, message):
    _, err = command(*LR, "--against", against, code=code)
    assert err.splitlines()[-1] == message


def test_a_recipe_is_needed(command):
    _, err = command("speed", "fit", code=2)
    assert err == "error: --recipe DATASET/NAME: name a recipe whose runs are timed\n"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("topic", ["train", "fit"])
def test_a_missing_gpu_is_one_line(command, topic):
    words = ("--recipe", "synthetic_tiny/lr", "--device", "cuda")
    _, err = command("speed", topic, *words, code=1)
    assert err == "error: --device cuda: no GPU was found; use --device cpu\n"


def test_a_process_is_timed_in_its_folder(tmp_path):
    code = "import pathlib; pathlib.Path('here').touch()"
    assert fit._seconds((sys.executable, "-c", code), tmp_path) > 0
    assert (tmp_path / "here").exists()


@pytest.mark.parametrize(("value", "is_given"), [(MOST_SPINS, False), ("7", True)])
def test_another_command_has_the_settings_of_a_person_alone(monkeypatch, tmp_path, value, is_given):
    monkeypatch.setenv(SPINS, value)
    code = f"import os; exit({SPINS!r} in os.environ)"
    with pytest.raises(BenchmarkError) if is_given else nullcontext():
        fit._seconds((sys.executable, "-c", code), tmp_path)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("no-such-command",), "no-such-command: No such file or directory; it is started in an"),
        ((sys.executable, "-c", "exit(3)"), "ended with code 3$"),
        ((sys.executable, "-c", "import no_data"), "ended with code 1: .* named 'no_data'$"),
    ],
)
def test_a_command_that_fails_is_one_line(tmp_path, words, message):
    with pytest.raises(BenchmarkError, match=message) as caught:
        fit._seconds(words, tmp_path)
    assert "\n" not in str(caught.value)


def test_what_was_measured_before_a_failure_is_printed_and_kept(command, seconds, tmp_path):
    words = (*LR, "--recipe", "synthetic_tiny/fm", "--repeats", "4", "--results", str(tmp_path))
    out, err = command(*words, "--keep", code=1)
    assert "synthetic_tiny/lr" in out
    assert err.endswith("error: no time is left\n")
    assert len(measurements.load_topic("fit", Archive(tmp_path))) == 1
