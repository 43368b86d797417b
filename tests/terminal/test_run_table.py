"""Warnings above the table of a run."""

from benchmark.terminal.run import result_table
from tests.factories import make_record


def title(*warnings: tuple[str, ...]) -> str:
    runs = [make_record(seed=seed, warnings=each) for seed, each in enumerate(warnings)]
    return str(result_table(runs, 160).title)


def test_the_table_tells_the_warnings_of_every_seed() -> None:
    assert "warning" not in title((), ())
    assert title(("too short",)).endswith("\nwarning: too short")
    assert title((), ("too short", "too bad")).endswith(
        "\nwarning: seed 1: too short\nwarning: seed 1: too bad"
    )
