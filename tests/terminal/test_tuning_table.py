"""The table that `tune` prints at its end."""

from benchmark.terminal.tuning import tuning_table
from tests.records.test_tuning import STUDY, study, trial


def test_the_best_trial_is_first_and_the_ends_are_counted_below():
    table = tuning_table(STUDY)
    assert [row[:3] for row in table.rows] == [
        ("1", "complete", "0.80000"),
        ("0", "complete", "0.70000"),
        ("2", "pruned", "0.90000"),
    ]
    assert table.head == ("trial", "", "validation auc", "learning_rate")
    assert table.remarks == (
        "3 finished trials (2 complete, 1 failed, 1 pruned), 0 training rows passed, 1.00 h in all",
        "importances (fANOVA): too few complete trials, or all alike",
    )


def test_a_low_logloss_is_first_and_importances_are_shares():
    shares = {"train.learning_rate": 0.7, "model.hidden_units": 0.3}
    found = study(trial(0, 0.5), trial(1, 0.4), objective="logloss", importances=shares)
    table = tuning_table(found)
    assert [row[0] for row in table.rows] == ["1", "0"]
    assert table.remarks[1].endswith("train.learning_rate 70%, model.hidden_units 30%")
