import json

import pytest

from benchmark.errors import BenchmarkError
from benchmark.studies.tuning import proposals
from benchmark.studies.tuning.trials import Trials
from tests.studies.tuning.small import RECIPE, small_plan, tune
from tests.studies.tuning.test_tune import scripted, timeless

SIX = RECIPE.replace("high = 8 }", "high = 4 }").replace("train.learning_rate = { low", "# {")
"""A recipe whose space has six combinations of values."""


def test_no_values_are_tried_twice_and_a_study_ends_when_none_are_left(
    tmp_path, store, monkeypatch
):
    fits = ((0.6,), RuntimeError("out of memory"), (0.7,), (0.65,))
    jobs, lines = scripted(monkeypatch, *fits), []
    plan = small_plan(tmp_path, SIX)
    trials = tune(plan, store, 30).study().trials
    assert len(jobs) == len(trials) == len({json.dumps(each.values) for each in trials}) == 6
    assert [each.state for each in trials].count("failed") == 1
    assert Trials(plan, store, lines.append).ask(30) is None
    again = "trial 6: the values of trial "
    assert lines[0].startswith(again) and lines[0].endswith(") were proposed again")
    assert lines[1:] == ["nothing new was proposed: the study ends before its budget"]
    scripted(monkeypatch, *fits)
    resumed = small_plan(tmp_path / "resumed", SIX)
    tune(resumed, store, 3)
    assert timeless(tune(resumed, store, 30).study().trials) == timeless(trials)


def test_trials_of_other_values_are_one_message(tmp_path, store):
    plan = small_plan(tmp_path)
    tune(plan, store, 1)
    text = plan.path.read_text()
    for value in ("99", "4.5", '"four"', "[4]", "null", 20 * "9", f'4, "{1000 * "a"}": 1'):
        plan.path.write_text(
            text.replace('"model.embedding_dim": 4', f'"model.embedding_dim": {value}')
        )
        with pytest.raises(
            BenchmarkError, match=r"small\.json: trial 0 is not of the study's space"
        ) as caught:
            proposals.propose(plan, Trials(plan, store).study().trials, 1, print)
        assert len(str(caught.value)) < 600 + len(str(plan.path))
