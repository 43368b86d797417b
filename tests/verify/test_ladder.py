"""What the ladder says of one fault that several checks meet."""

from benchmark.records.archive import Archive
from tests.verify.forging import alter, findings


def test_a_model_that_is_not_known_is_one_fault(copy) -> None:
    [path, *_] = Archive(copy / "results").paths("synthetic_tiny")
    alter(path, ("recipe", "model", "name"), "gated")
    found = [each.message for each in findings(copy) if each.path == path]
    [fault] = [message for message in found if "unknown model 'gated'" in message]
    assert "set BENCHMARK_PLUGINS to its folder" in fault
