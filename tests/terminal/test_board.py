"""The lines of a campaign where standard error is not a terminal."""

from types import SimpleNamespace

from benchmark.studies.campaign.suite import CellOutcome, CellStarted
from benchmark.terminal import board
from benchmark.terminal.board import CellBoard

CELLS = {name: SimpleNamespace(key=name) for name in ("a", "b", "c")}


def events():
    yield CellStarted(CELLS["a"])
    yield CellOutcome(CELLS["a"], "done", 1.0, auc=0.75)
    yield CellStarted(CELLS["b"], again=True)
    yield CellOutcome(CELLS["b"], "failed", 200.0, error="no room")
    yield CellStarted(CELLS["c"])
    yield CellOutcome(CELLS["c"], "interrupted", 2.0)


def test_a_line_at_each_start_and_end_counts_and_estimates(capfd) -> None:
    with CellBoard({"a": 5.0, "b": 30.0, "c": None}, quiet=False) as shown:
        for event in events():
            shown(event)
    assert [outcome.state for outcome in shown.ended] == ["done", "failed", "interrupted"]
    assert capfd.readouterr().err.splitlines() == [
        "begun: a",
        "done: a, test AUC 0.75000, 1 s (1 done, 2 waiting; more than 6 s left)",
        "begun again, as its process had died: b",
        "failed: b after 3 min: no room (1 done, 1 failed, 1 waiting)",
        "begun: c",
        "interrupted: c after 2 s (1 done, 1 failed, 1 interrupted)",
    ]


def test_a_cell_that_takes_longer_than_expected_may_take_as_long_again(monkeypatch) -> None:
    now = [0.0]
    monkeypatch.setattr(board.time, "monotonic", lambda: now[0])
    cells = CellBoard({"a": 5.0}, quiet=True)
    cells(CellStarted(CELLS["a"]))
    for now[0], left in ((4.0, 1), (12.0, 12)):
        assert cells._summary() == f"0 done, 1 running; about {left} s left"


def test_a_quiet_board_counts_in_silence(capfd) -> None:
    with CellBoard({}, quiet=True) as shown:
        for event in events():
            shown(event)
    assert len(shown.ended) == 3
    assert capfd.readouterr() == ("", "")
