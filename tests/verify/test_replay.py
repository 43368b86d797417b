"""Records run again: bit for bit here, within 4 sd of the board's seeds where another machine made
them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmark.errors import BenchmarkError, UsageError
from benchmark.records import record
from benchmark.records.archive import Archive
from benchmark.records.environment import Environment
from benchmark.records.record import Record
from benchmark.verify.data import Data
from benchmark.verify.replay import (
    Replayed,
    compare,
    compare_means,
    fresh,
    fresh_seeds,
    other_rows,
    pooled_sd,
    possible,
    replay,
    sample,
)
from tests.factories import TEST, make_record
from tests.opening import open_data

ELSEWHERE = make_record().environment.model_copy(update={"machine": "another"})


def again(path: Path, **changes: Any) -> Replayed:
    """A replay of the record at `path`, altered before."""
    stated = record.load(path).model_copy(update=changes)
    return replay(stated, path, open_data(stated.dataset), lambda _: None)


def with_auc(auc: float, seed: int = 0, environment: Environment = ELSEWHERE) -> Record:
    quality = make_record().metrics.model_copy(update={"test": replace(TEST, auc=auc)})
    return make_record(seed=seed, metrics=quality, environment=environment)


@pytest.fixture
def path(made) -> Path:
    return Archive(made.results).path("synthetic_tiny", "deep", 1)


def test_a_record_is_made_again_bit_for_bit(path) -> None:
    threads = torch.get_num_threads()
    assert again(path) == Replayed("bit for bit", (), ())
    assert torch.get_num_threads() == threads


def test_the_first_field_that_differs_is_named(path) -> None:
    found = again(path, seed=0)
    assert found.how == "bit for bit" and len(found.faults) > 20
    assert found.faults[0].startswith("metrics.valid.auc is ")
    assert (
        found.verdict.startswith("not bit for bit: metrics.valid.auc is ")
        and " more" in found.verdict
    )


def test_another_source_of_the_same_numerics_is_said_and_held_to_the_same_bits(path) -> None:
    other = record.load(path).environment.model_copy(update={"source": "0" * 64, "commit": None})
    found = again(path, environment=other)
    assert found.how == "bit for bit" and not found.faults
    assert found.notes == ("the source differs from the record's, its numerics version does not",)


BOARD = [[with_auc(auc + move) for move in (-0.001, 0.0, 0.001)] for auc in (0.60, 0.61, 0.62)]
"""Three rows of sd .001."""
HERE = make_record().environment


def test_elsewhere_it_is_judged_by_the_sd_of_the_boards_seeds() -> None:
    stated = with_auc(0.750)
    near = compare(stated, with_auc(0.7539, environment=HERE), BOARD)
    assert (near.how, near.faults) == ("within 4 sd", ())
    assert near.notes == ("not the record's machine",)
    [fault] = compare(stated, with_auc(0.7541, environment=HERE), BOARD).faults
    assert fault.startswith("test AUC is 0.75, the replay gives 0.7541: more than 4 sd")


def test_other_instructions_are_another_machine_where_the_record_names_them() -> None:
    def here(machine: str) -> Environment:
        return HERE.model_copy(update={"machine": machine})

    again = with_auc(0.7501, environment=here("Xeon; AVX2"))
    for machine, how in (
        ("Xeon; AVX2", "bit for bit"),
        ("Xeon; AVX512", "within 4 sd"),
        ("Xeon; AVX2; MKL_CBWR=COMPATIBLE", "within 4 sd"),
        ("Xeon", "bit for bit"),  # older records name the processor alone
        ("Epyc", "within 4 sd"),
    ):
        assert compare(with_auc(0.75, environment=here(machine)), again, BOARD).how == how


def test_warnings_of_a_replay_are_held_only_against_those_that_a_record_states() -> None:
    older, stated = make_record(), make_record(warnings=("too short",))
    assert compare(older, stated, []).faults == ()
    assert compare(stated, older, []).faults
    assert compare(stated, make_record(warnings=("too long",)), []).faults


def test_what_cannot_be_judged_fails() -> None:
    for board in ([], BOARD[:2], [[with_auc(0.75)]] * 9):
        found = compare(with_auc(0.75), with_auc(0.75, environment=HERE), board)
        assert found.verdict.startswith("not judged: the sd of the other") and found.faults


def test_the_pooled_sd_is_that_within_rows() -> None:
    assert pooled_sd([[1.0, 3.0], [10.0, 10.0, 10.0], [5.0]]) == pytest.approx((2 / 3) ** 0.5)


def test_the_rows_of_other_recipes_set_the_tolerance_not_the_records_own(path) -> None:
    stated = record.load(path)
    [other] = other_rows(stated, path)
    assert [run.name for run in other] == ["linear", "linear"]
    assert other_rows(stated.model_copy(update={"numerics": 1}), path) == []
    assert other_rows(stated, Path("seed-1.json")) == []


def test_fresh_seeds_are_drawn_from_the_scores_and_the_reviewers_number(path) -> None:
    stated = record.load(path)
    drawn = fresh_seeds(stated, {0, 1}, 3, 0)
    assert len(set(drawn)) == 3 and drawn == fresh_seeds(stated, {0, 1}, 3, 0)
    assert max(drawn) < 1000
    assert drawn[1:] == fresh_seeds(stated, {0, 1, drawn[0]}, 2, 0)
    assert drawn != fresh_seeds(stated, {0, 1}, 3, 1)
    digests = stated.digests.model_copy(update={"scores": "0" * 64})
    assert drawn != fresh_seeds(stated.model_copy(update={"digests": digests}), {0, 1}, 3, 0)


def test_means_of_fresh_seeds_are_held_against_the_rows() -> None:
    row = [with_auc(0.750, 0), with_auc(0.751, 1)]
    near = [with_auc(0.753, 7), with_auc(0.754, 8)]  # pooled sd .00096: 4 of a mean .0038
    assert not compare_means(row, near, BOARD).faults
    far = [with_auc(0.755, 7), with_auc(0.756, 8)]
    [fault] = compare_means(row, far, BOARD).faults
    assert fault.startswith("test AUC is 0.7505, the replay gives 0.7555")
    assert compare_means(row, 3 * far, []).faults and not compare_means(row, 3 * row, []).faults
    assert compare_means(row, near, []).verdict.startswith("not judged: ")


def test_a_row_moved_and_spread_by_its_submitter_does_not_loosen_its_replay() -> None:
    """Forgery (e): the row's own sd, .05, would let the honest .683 pass."""
    row = [with_auc(0.729 + move) for move in (-0.08, -0.04, 0.0, 0.04, 0.08)]
    honest = [with_auc(0.683 + move, environment=HERE) for move in (-0.001, 0.001)]
    assert compare(row[2], honest[0], BOARD).verdict.startswith("not within 4 sd: test AUC is 0.7")
    assert compare_means(row, honest, BOARD).verdict.startswith("not within 4 sd: test AUC is 0.7")


def test_an_honest_row_agrees_with_fresh_seeds(path) -> None:
    stated = record.load(path)
    found = fresh(stated, path, open_data(stated.dataset), lambda _: None, count=5, draw=3)
    assert found.how == "within 4 sd" and not found.faults
    assert found.notes[0].endswith("against the row's 2")


def test_lists_of_other_lengths_differ(path) -> None:
    stated = record.load(path)
    shorter = stated.model_copy(update={"measured": replace(stated.measured, tables=())})
    assert compare(stated, shorter, []).faults
    assert compare(shorter, stated, []).faults


@pytest.mark.parametrize(
    ("data", "changes", "why"),
    [
        (Data(None, None, "its files are not here"), {}, "its files are not here"),
        (None, {"numerics": 1}, "it is of numerics 1, today's is"),
        (None, {"data": make_record().data}, "its data are not today's"),
        (None, {"device": "cuda"}, "no GPU was found"),
    ],
)
def test_what_cannot_be_run_here_is_one_message(path, data, changes, why: str) -> None:
    stated = record.load(path).model_copy(update=changes)
    with pytest.raises(BenchmarkError, match=f"cannot be replayed here: .*{why}"):
        replay(stated, path, data or open_data("synthetic_tiny"), lambda _: None)


def test_a_sample_is_the_same_anywhere_and_holds_what_can_be_run(made, tmp_path) -> None:
    paths = Archive(made.results).paths()
    assert possible([*paths, tmp_path / "none.json"], open_data) == paths
    assert possible(paths, lambda _: Data(None, None, "not here")) == []
    drawn = sample(paths, 2, 0)
    assert len(set(drawn)) == 2 and drawn == sample(paths[::-1], 2, 0)
    elsewhere = [tmp_path / path.relative_to(made.results) for path in paths]
    assert [each.relative_to(tmp_path) for each in sample(elsewhere, 2, 0)] == [
        each.relative_to(made.results) for each in drawn
    ]
    assert {path for seed in range(20) for path in sample(paths, 1, seed)} == set(paths)
    with pytest.raises(UsageError, match="no record that can be replayed"):
        sample([], 1, 0)
