"""A study's file that was cut or edited: one line that names the file, the key and what to do."""

import json

import pytest

from benchmark.errors import BenchmarkError
from benchmark.studies.tuning.trials import Trials
from tests.studies.tuning.small import small_plan, tune

REMEDY = "restore the file from a copy, or remove it to begin the study anew"


@pytest.fixture(scope="module")
def study(tmp_path_factory, store):
    """Its plan and the text of its file, of two trials."""
    plan = small_plan(tmp_path_factory.mktemp("damaged"))
    tune(plan, store, 2)
    return plan, plan.path.read_text()


def refusal(study, store, text: str) -> str:
    plan, _ = study
    plan.path.write_text(text)
    with pytest.raises(BenchmarkError) as caught:
        Trials(plan, store)
    message = str(caught.value)
    assert message.startswith(str(plan.path)) and message.endswith(f"; {REMEDY}")
    assert "\n" not in message and len(message) < 600
    return message.removeprefix(f"{plan.path}: ").removesuffix(f"; {REMEDY}")


@pytest.mark.parametrize("share", [0, 0.3, 0.7, 0.99])
def test_a_cut_file(study, store, share):
    assert "JSON" in refusal(study, store, study[1][: int(share * len(study[1]))])


@pytest.mark.parametrize(
    ("key", "value", "fault"),
    [
        ("state", "done", "trials.1.state: Input should be 'complete', 'pruned'"),
        ("number", 0, "trials: Value error, the trials are not in the order of their numbers"),
        ("metric", 0.993, "trials.1: Value error, the metric 0.993 is not in the curve"),
        ("metric", None, "trials.1: Value error, a trial that is complete has a metric"),
        ("curve", "x" * 9999, "trials.1.curve: Input should be a valid array"),
        ("other", 1, "trials.1.other: Extra inputs are not permitted"),
        ("o" * 9999, 1, "trials.1.ooo"),
    ],
    ids=lambda value: str(value)[:9],
)
def test_an_edited_trial(study, store, key, value, fault):
    content = json.loads(study[1])
    content["trials"][1][key] = value
    assert refusal(study, store, json.dumps(content)).startswith(fault)


@pytest.mark.parametrize("text", ["", "[]", "[" * 100_000, "1" * 9999, '{"\\ud800": 1}'])
def test_files_that_are_hostile(study, store, text):
    assert refusal(study, store, text)
