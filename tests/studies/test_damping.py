"""The damping study: its variants, and its report made of hand-made records alone."""

from pathlib import Path

import pytest

from benchmark.errors import UsageError
from benchmark.measure.null import null_erank
from benchmark.records.archive import Archive
from benchmark.studies.damping.report import report
from benchmark.studies.study import studies
from tests.factories import keep, make_record, make_spectra, make_spectrum

DAMPING = studies.get("damping")
NOISE = null_erank(6, 8).mean


def test_variants_are_recipes_with_more_blocks() -> None:
    [variant] = DAMPING.variants("synthetic_tiny", 8, "rankmixer")
    assert variant.name == "rankmixer-8" and variant.recipe.hyperparameters["num_blocks"] == 8
    with pytest.raises(UsageError, match="synthetic_tiny/lr: lr has no blocks"):
        DAMPING.variants("synthetic_tiny", 8, "rankmixer,lr")


def save_stack(results: Path, name: str, seed: int, *ratios: float) -> None:
    """Trained ratios of tokens, block1.mixing, block1.ffn ...; untrained ones are 1."""
    parts = ("mixing", "ffn")
    stages = [f"block{place // 2 + 1}.{parts[place % 2]}" for place in range(len(ratios) - 1)]
    spectra = make_spectra(
        [
            (stage, make_spectrum(ratio * NOISE))
            for stage, ratio in zip(("tokens", *stages), ratios, strict=True)
        ],
        make_spectrum(NOISE),
    )
    folder = results / "studies" / "damping" / "synthetic_tiny" / name
    keep(make_record(name=None, seed=seed, spectra=spectra), folder / f"seed-{seed}.json")


def rows(results: Path) -> dict[str, list[tuple[str, ...]]]:
    made = report(Archive(results), "synthetic_tiny")
    assert made is not None
    return {table.title: list(table.rows) for table in made.tables}


def test_report(tmp_path) -> None:
    """Rises of 0.2 and 0.1, falls of -0.1: amplitudes 0.15 and 0.1, retention 0.6 over 0.7."""
    for seed in (0, 1):
        save_stack(tmp_path, "rankmixer-2", seed, 0.5, 0.7, 0.6, 0.7, 0.6)
    tables = rows(tmp_path)
    point = "{0} ({0} to {0})"
    for form in ("batch", "token"):
        rise, fall = tables[f"Rank ratio block by block, {form} form"]
        assert rise[:3] == ("rankmixer-2", "the mixing raises it", "holds here")
        assert rise[3:] == (point.format("+0.200"), point.format("+0.100"))
        assert fall[1:3] == ("the FFN lowers it", "holds here")
        assert fall[3:] == (point.format("-0.100"),) * 2
    trained, untrained, *_ = tables["Damping"]
    assert trained[:4] == (
        "rankmixer-2",
        "0, 1",
        "0.75000 ± 0.00000",
        "batch, trained",
    )
    assert trained[4:6] == (point.format("+0.150"), point.format("+0.050"))
    assert trained[6:] == ("", "0.857 ± 0.000", "holds here", "holds here")
    assert untrained[3:6] == ("batch, untrained", *[point.format("+0.000")] * 2)
    assert untrained[-2:] == ("", "")  # never judged
    made = report(Archive(tmp_path), "synthetic_tiny")
    paths = made.numbers["variants"]["rankmixer-2"][0]["rank_ratio"]
    assert paths["token, trained"]["amplitude"] == pytest.approx((0.15, 0.1))


def judged(results: Path, *stacks: tuple[float, ...]) -> tuple[str, ...]:
    """Whether the mixing raises, the FFN lowers, the rank oscillates and that damps."""
    for seed, ratios in enumerate(stacks):
        save_stack(results, "a-2", seed, *ratios)
    tables = rows(results)
    rise, fall = tables["Rank ratio block by block, batch form"]
    return rise[2], fall[2], *tables["Damping"][0][-2:]


def test_a_mean_over_blocks_shows_nothing_that_no_block_shows(tmp_path) -> None:
    """Rises +0.1 and 0, falls 0 and -0.1: on average both, and neither in every block."""
    stack = (0.5, 0.6, 0.6, 0.6, 0.5)
    small = "smaller than claimed"
    assert judged(tmp_path, stack, stack)[:2] == (small, small)


def test_a_reverse_oscillation_does_not_hold(tmp_path) -> None:
    stack = (0.7, 0.5, 0.7, 0.6, 0.7)
    assert set(judged(tmp_path, stack, stack)) == {"does not hold here"}


def test_scattered_seeds_leave_it_undecided(tmp_path) -> None:
    stacks = (0.5, 0.6, 0.5, 0.6, 0.5), (0.5, 0.7, 0.5, 0.55, 0.5)
    assert set(judged(tmp_path, *stacks)) == {"undecided"}


def test_one_seed_is_shown_and_not_judged(tmp_path) -> None:
    save_stack(tmp_path, "a-2", 0, 0.5, 0.6, 0.5, 0.6, 0.5)
    tables = rows(tmp_path)
    rise, fall = tables["Rank ratio block by block, batch form"]
    assert rise == ("a-2", "the mixing raises it", "one seed", "+0.100", "+0.100")
    assert fall[2:] == ("one seed", "-0.100", "-0.100")
    assert tables["Damping"][0][4:] == ("", "", "", "0.833", "", "")


def test_figures_of_the_stages_and_of_the_amplitudes(tmp_path) -> None:
    save_stack(tmp_path, "a-2", 0, 0.5, 0.6, 0.5, 0.6, 0.5)
    folder = tmp_path / "figures" / "damping" / "synthetic_tiny"
    names = [f"{name}.{form}" for name in ("trajectory", "amplitude") for form in ("svg", "png")]
    assert DAMPING.figures(Archive(tmp_path), "synthetic_tiny") == [folder / name for name in names]


def test_without_records_there_is_no_report(tmp_path) -> None:
    assert report(Archive(tmp_path), "synthetic_tiny") is None


def test_a_record_of_another_depth_is_a_fault() -> None:
    run = make_record(recipe={"model": {"name": "rankmixer", "num_blocks": 8}, "train": {}})
    assert list(DAMPING.faults(run, "rankmixer-8", Path())) == []
    [fault] = DAMPING.faults(run, "rankmixer-6", Path())
    assert fault == "the recipe is not that of damping/rankmixer-6, where the record lies"


def test_missing_stacks_are_run_by_a_command_each() -> None:
    names = ["rankmixer-6", "rankelastor-8", "unknown-8"]
    start = "python -m benchmark study damping --dataset synthetic"
    assert DAMPING.commands("synthetic", names, "0-2") == [
        f"{start} --blocks 6 --recipes rankmixer --seeds 0-2",
        f"{start} --blocks 8 --recipes rankelastor --seeds 0-2",
    ]
    assert DAMPING.commands("synthetic", ["unknown-8"], "0-2") == []
    assert DAMPING.commands("synthetic", [], "0-2") == [f"{start} --seeds 0-2"]
