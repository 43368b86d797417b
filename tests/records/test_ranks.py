import pytest

from benchmark.measure.trajectory import Band
from benchmark.records import ranks
from benchmark.records.record import RankPoint, StageSpectra
from tests.factories import make_ranked_record, make_record, make_spectrum


def run(*eranks: float | None, seed: int = 0, **changes):
    """Stages a, b, ... whose trained spectra have these effective ranks, of 6."""
    spectra = tuple(
        StageSpectra(
            stage=stage, initial=None, best=None if erank is None else make_spectrum(erank)
        )
        for stage, erank in zip("abc", eranks, strict=False)
    )
    return make_record(spectra=spectra, seed=seed, **changes)


def test_bands_are_over_the_seeds_stage_by_stage() -> None:
    runs = [run(3.0, None), run(4.5, None, seed=1)]
    found = ranks.bands(runs, "erank", "token", "best")
    assert found == {"a": Band(pytest.approx(0.625), pytest.approx(0.125 * 2**0.5), 2), "b": None}
    assert ranks.bands(runs, "erank", "batch", "best") == {"a": None, "b": None}
    assert ranks.ranks(runs[1], "srank", "token", "best") == {"a": pytest.approx(0.375), "b": None}


def test_the_forms_are_told_apart() -> None:
    record = make_ranked_record()
    assert ranks.spectra(record, "token", "initial")["tokens"] is record.spectra[1].initial
    assert ranks.spectra(record, "batch", "best")["tokens"] is record.spectra[1].best_batch


def test_the_rank_curve_is_over_the_seeds_that_came_so_far() -> None:
    def curve(*values: float | None) -> tuple[RankPoint, ...]:
        return tuple(
            RankPoint(step=10 * n, erank={"a": value}) for n, value in enumerate(values, start=1)
        )

    runs = [
        run(3.0, rank_curve=curve(0.5, None)),
        run(3.0, seed=1, rank_curve=curve(0.7, None, 0.4)),
    ]
    [(stage, course)] = ranks.rank_curve(runs).items()
    assert (stage, list(course)) == ("a", [10, 30])
    assert course[10].mean == pytest.approx(0.6)
    assert course[30] == Band(0.4, None, 1)
