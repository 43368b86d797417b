"""Records run again: bit for bit here, within 4 sd of the row's seeds where another machine made
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
from benchmark.verify.replay import Replayed, compare, possible, replay, sample
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


def test_elsewhere_it_is_judged_by_the_sd_of_the_rows_seeds() -> None:
    row = [with_auc(0.750, 0), with_auc(0.751, 1), with_auc(0.752, 2)]  # sd 0.001
    here = make_record().environment
    near = compare(row[0], with_auc(0.7539, environment=here), row)
    assert (near.how, near.faults) == ("within 4 sd", ())
    assert near.notes == ("not the record's machine",)
    [fault] = compare(row[0], with_auc(0.7541, environment=here), row).faults
    assert fault.startswith("test auc is 0.75, the replay gives 0.7541: more than 4 sd")


def test_too_few_seeds_judge_nothing() -> None:
    row = [with_auc(0.75, seed) for seed in (0, 1)]
    found = compare(row[0], with_auc(0.1, environment=make_record().environment), row)
    assert (
        found.how == "not judged" and found.notes[-1] == "the row has 2 seeds, and its sd takes 3"
    )


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
