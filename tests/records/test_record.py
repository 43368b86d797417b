"""A record on disk: lean, whole, and the same when it is read again."""

import numpy as np
import pytest

from benchmark.errors import BenchmarkError
from benchmark.measure.metrics import Metrics
from benchmark.records import arrays, measured, record
from tests.factories import TEST, keep, make_curve, make_ranked_record, make_record, make_spectra


def test_a_record_comes_back_as_it_was(tmp_path) -> None:
    made = make_ranked_record(blocks=3)
    path = tmp_path / "seed-0.json"
    keep(made, path)
    assert record.load(path) == made


def test_zero_stages_and_group_metrics_come_back(tmp_path) -> None:
    valid = Metrics(**{**vars(TEST), "gauc": 0.6})
    [point] = make_curve(0.7)
    made = make_record(
        spectra=make_spectra([("embedding", None), ("tokens", None)]),
        curve=(type(point)(**{**vars(point), "valid": valid}),),
    )
    path = tmp_path / "seed-0.json"
    keep(made, path)
    again = record.load(path)
    assert again == made
    assert again.curve[0].valid.gauc == 0.6
    assert again.spectra("best")["batch"] == {"embedding": None, "tokens": None}


def test_a_model_that_observes_nothing_comes_back(tmp_path) -> None:
    made = make_record(spectra=make_spectra([]))
    path = tmp_path / "seed-0.json"
    keep(made, path)
    assert record.load(path) == made


def test_the_json_is_lean(tmp_path) -> None:
    path = tmp_path / "seed-0.json"
    keep(make_ranked_record(blocks=6), path)
    text = path.read_text()
    assert len(text) < 10_000 and len(text.splitlines()) <= 150


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("spectra.metrics", np.zeros(3)),
        ("spectra.sigma", np.zeros(1, np.float32)),
        ("curve.values", np.zeros((3, 2))),
        ("rank_curve.erank", np.zeros((3, 2, 1))),
        ("tables.ranks", np.zeros(0)),
        ("stages", np.array(["a"])),
    ],
)
def test_arrays_that_no_run_measures_are_refused(tmp_path, name, value) -> None:
    path = tmp_path / "seed-0.json"
    keep(make_ranked_record(), path)
    file = record.arrays_path(path)
    arrays.save({**arrays.load(file), name: value}, file)
    with pytest.raises(BenchmarkError, match="does not hold the spectra and curves of a record"):
        record.load(path)


def test_the_digest_of_what_was_measured_sees_every_number() -> None:
    made = make_ranked_record().measured
    packed = {**measured.pack(made)}
    assert arrays.digest(
        {k: v for k, v in packed.items() if k != measured.SECONDS}
    ) == measured.digest(made)
    for name, array in packed.items():
        if array.size and array.dtype.kind in "fi":
            changed = array.copy()
            changed[np.isfinite(changed)] += 1
            assert arrays.digest({**packed, name: changed}) != arrays.digest(packed), name


def test_blanks_inside_names_survive_the_lines_of_the_file(tmp_path) -> None:
    made = make_record(notes=("two  blanks",), caveat="[not,  a list] {nor  an object}")
    path = tmp_path / "seed-0.json"
    keep(made, path)
    assert record.load(path) == made
    assert '"notes": [ "two  blanks" ]' in path.read_text()
