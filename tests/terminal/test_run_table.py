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


def test_the_oracle_has_its_normalised_entropy() -> None:
    """LogLoss 0.5 at NE 0.9 is over a base rate's of 0.5556, of which 0.42 is 0.756."""
    metrics = make_record().metrics.model_copy(update={"oracle_logloss": 0.42})
    assert metrics.oracle_ne is not None and abs(metrics.oracle_ne - 0.756) < 1e-12
    labels = result_table([make_record(metrics=metrics)], 80).columns[0].cells
    assert "oracle NE" in list(labels)
    without = metrics.model_copy(update={"oracle_logloss": None})
    assert without.oracle_ne is None
