import pytest

from benchmark.measure.null import null_erank
from benchmark.measure.trajectory import Band
from benchmark.records import ranks
from benchmark.records.measured import RankPoint
from tests.factories import make_ranked_record, make_record, make_spectra, make_spectrum

NOISE = null_erank(6, 8).mean


def run(*eranks: float | None, seed: int = 0, **changes):
    """Stages a, b, ... of 6 x 8 whose trained spectra have these effective ranks."""
    best = [
        (stage, None if erank is None else make_spectrum(erank))
        for stage, erank in zip("abc", eranks, strict=False)
    ]
    return make_record(spectra=make_spectra(best), seed=seed, **changes)


def test_bands_are_over_the_seeds_stage_by_stage() -> None:
    runs = [run(3.0, None), run(4.5, None, seed=1)]
    spread = 1.5 / NOISE / 2**0.5
    expected = {"a": Band(pytest.approx(3.75 / NOISE), pytest.approx(spread), 2), "b": None}
    assert ranks.bands(runs, "token", "best") == expected
    assert ranks.bands(runs, "token", "initial") == {"a": None, "b": None}
    assert ranks.means(runs[1], "srank", "token", "best") == {"a": pytest.approx(2.25), "b": None}


def test_the_headline_is_the_last_stage_trained() -> None:
    record = make_ranked_record()
    last = record.spectra("best")["batch"]["block1.ffn"]
    assert last is not None
    expected = last.erank.mean / null_erank(100, 8).mean
    assert ranks.last_ratio(record) == pytest.approx(expected)


def test_the_rank_curve_is_over_the_seeds_that_came_so_far() -> None:
    def curve(*values: float | None) -> tuple[RankPoint, ...]:
        return tuple(
            RankPoint(10 * n, token={"a": value}, batch={"a": value})
            for n, value in enumerate(values, start=1)
        )

    runs = [
        run(3.0, rank_curve=curve(2.0, None)),
        run(3.0, seed=1, rank_curve=curve(4.0, None, 3.0)),
    ]
    [(stage, course)] = ranks.rank_curve(runs, "token").items()
    assert (stage, list(course)) == ("a", [10, 30])
    assert course[10].mean == pytest.approx(3.0 / NOISE)
    assert course[30] == Band(pytest.approx(3.0 / NOISE), None, 1)
    [course] = ranks.rank_curve(runs, "batch").values()
    assert course[30].mean == pytest.approx(3.0 / null_erank(50, 8).mean)
