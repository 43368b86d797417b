"""Claims judged on hand-made records, whose effects and intervals are known."""

import json
import shutil
from dataclasses import replace
from math import exp, log, sqrt, tanh
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.data.catalog import card_names
from benchmark.errors import UsageError
from benchmark.measure.significance import Effect
from benchmark.recipes.recipe import recipe_ids
from benchmark.records.archive import Archive
from benchmark.records.record import StageSpectra
from benchmark.studies.claims import claims
from benchmark.utils.paths import RESULTS
from tests import factories
from tests.factories import TEST, make_record, make_spectrum

DATASET = "synthetic_tiny"
T2, T8 = 4.302652729911275, 2.306004135204166
"""The 97.5 % quantiles of Student's t with 2 and 8 degrees of freedom."""
HEAD = """
[[claim]]
id = "it"
sentence = "It is so"
source = "a paper"
data = ["criteo_x1"]
claimed = "{claimed}"

[[claim.tests]]
datasets = ["synthetic_tiny"]
{test}
"""


def keep(
    results: Path, name: str, seed: int, auc: float = 0.75, logloss: float = 0.5, **changes
) -> None:
    """Of a recipe, or of STUDY/VARIANT."""
    study, _, variant = name.rpartition("/")
    quality = make_record().metrics.model_copy(
        update={"test": replace(TEST, auc=auc, logloss=logloss)}
    )
    run = make_record(name=None if study else name, seed=seed, metrics=quality, **changes)
    path = results / "studies" / study / DATASET / variant / f"seed-{seed}.json"
    factories.keep(run, path if study else Archive(results).path(DATASET, name, seed))


def stages(*eranks: float) -> tuple[StageSpectra, ...]:
    """Trained ranks of tokens, block1.mixing, block1.ffn, block2.mixing ... whose limit is 6;
    untrained ones are 3."""
    parts = [
        f"block{place // 2 + 1}.{('mixing', 'ffn')[place % 2]}" for place in range(len(eranks) - 1)
    ]
    return tuple(
        StageSpectra(stage=name, initial=make_spectrum(3.0), best=make_spectrum(erank))
        for name, erank in zip(("tokens", *parts), eranks, strict=True)
    )


def judged(results: Path, test: str, claimed: str = "above 0") -> claims.Verdict:
    (results / claims.FILE).write_text(HEAD.format(test=test, claimed=claimed))
    [verdict] = claims.verdicts(results)
    return verdict


def effect(verdict: claims.Verdict) -> Effect:
    assert isinstance(verdict.outcome, Effect), verdict.outcome
    return verdict.outcome


AUC = 'test = "auc_difference"\nhigher = "good"\nlower = "bad"'


def leaderboard(results: Path, seeds: int = 5, gain: float = 0.1, **of_bad) -> None:
    for seed in range(seeds):
        keep(results, "good", seed, 0.7 + gain + seed / 100)
        keep(results, "bad", seed, 0.7 + seed / 100, **of_bad)


def test_auc_difference_is_welchs_over_the_seeds_that_both_have(tmp_path) -> None:
    """Variances 2.5e-4 on both sides: standard error 0.01 with 8 degrees of freedom."""
    leaderboard(tmp_path)
    keep(tmp_path, "good", 7, 0.99)
    verdict = judged(tmp_path, AUC)
    found = effect(verdict)
    assert (found.value, found.low, found.high) == pytest.approx(
        (0.1, 0.1 - 0.01 * T8, 0.1 + 0.01 * T8)
    )
    assert found.n == 10
    assert verdict.row[-1] == "supported (tested on other data than the paper's)"


def test_a_claim_about_the_leaderboard_takes_its_seeds(tmp_path) -> None:
    verdict = judged(tmp_path, AUC)
    assert verdict.row[-1] == "not testable here: no record of good and bad"
    leaderboard(tmp_path, seeds=3)
    assert (
        judged(tmp_path, AUC).row[-1] == "not testable here: seeds 0-2 of good and bad, it takes 5"
    )


def test_a_tuned_rival_is_one_whose_records_say_so(tmp_path) -> None:
    leaderboard(tmp_path)
    tuned = AUC + "\nlower_tuned = true"
    assert (
        judged(tmp_path, tuned).row[-1]
        == "not testable here: the records of bad name no tuning study"
    )
    provenance = {"kind": "study", "tries": 3, "study": "studies/tuning/synthetic_tiny/bad.json"}
    leaderboard(tmp_path, recipe=make_record().recipe | {"provenance": provenance})
    assert judged(tmp_path, tuned).word == "supported"


def test_records_of_other_data_are_not_compared(tmp_path) -> None:
    leaderboard(tmp_path)
    for seed in range(5):
        keep(tmp_path, "bad", seed, numerics=99)
    assert (
        "not testable here: the records are of different data or numerics"
        in judged(tmp_path, AUC).row[-1]
    )
    Archive(tmp_path).path(DATASET, "bad", 0).write_text("{}")
    assert "bad/seed-0.json" in judged(tmp_path, AUC).row[-1]


FALL = 'test = "rank_change"\nrecords = "mixer"\npart = "fall"'


@pytest.fixture
def oscillating(tmp_path):
    """Rises of (3, 2, 1) / 6 and falls of -(3, 2, 1) / 6 in the first block by seed, 0 and 0 in the
    second."""
    for seed, height in enumerate((3.0, 2.0, 1.0)):
        keep(tmp_path, "mixer", seed, spectra=stages(2, 2 + height, 2, 2, 2))
    return tmp_path


def test_rank_change_is_a_mean_over_blocks_with_students_interval(oscillating) -> None:
    """Means over two blocks 3, 2, 1 twelfths below 0: sd 1/12."""
    found = effect(judged(oscillating, FALL))
    margin = T2 / 12 / sqrt(3)
    assert (found.value, found.low, found.high) == pytest.approx(
        (-1 / 6, -1 / 6 - margin, -1 / 6 + margin)
    )
    assert found.n == 3
    assert found.remark == "block by block -0.333 (-0.747 to +0.081), +0.000 (+0.000 to +0.000)"
    assert judged(oscillating, FALL).word == "not supported"
    assert effect(judged(oscillating, FALL.replace("fall", "rise"))).value == pytest.approx(1 / 6)


def test_untrained_ranks_are_another_test(oscillating) -> None:
    found = effect(judged(oscillating, FALL + '\nwhen = "initial"'))
    assert (found.value, found.low, found.high) == (0, 0, 0)


def test_a_model_without_blocks_has_no_rank_change(tmp_path) -> None:
    for seed in range(3):
        keep(tmp_path, "mixer", seed, spectra=stages(2))
    assert (
        judged(tmp_path, FALL).row[-1] == "not testable here: mixer has no stages of mixing and FFN"
    )


DAMPING = 'test = "damping"\nrecords = "damping/mixer-6"'


def stack(results: Path, rates: tuple[float, ...], blocks: int = 6) -> None:
    """The amplitude of block l is exp(-rate l) / 6."""
    for seed, rate in enumerate(rates):
        course = [2 + rise for block in range(blocks) for rise in (exp(-rate * block), 0)]
        keep(results, f"damping/mixer-{blocks}", seed, spectra=stages(2, *course))


def test_damping_is_the_mean_slope_over_seeds(tmp_path) -> None:
    stack(tmp_path, (0.3, 0.2, 0.1))
    found = effect(judged(tmp_path, DAMPING, "below 0"))
    margin = T2 * 0.1 / sqrt(3)
    assert (found.value, found.low, found.high) == pytest.approx(
        (-0.2, -0.2 - margin, -0.2 + margin)
    )
    assert judged(tmp_path, DAMPING, "below 0").word == "not supported"
    stack(tmp_path, (0.21, 0.2, 0.19))
    assert judged(tmp_path, DAMPING, "below 0").word == "supported"
    assert judged(tmp_path, DAMPING, "above 0").word == "contradicted"


def test_what_does_not_oscillate_does_not_damp(tmp_path) -> None:
    stack(tmp_path, (0.3, 0.2, 0.1))
    keep(tmp_path, "damping/mixer-6", 1, spectra=stages(2, 3, 2, 2, 2, 3, 2, 3, 2, 3, 2, 3, 2))
    said = judged(tmp_path, DAMPING).row[-1]
    assert said == "not testable here: seed 1 has no slope: its amplitude is not above 0 in block 2"


def test_a_slope_takes_six_blocks(tmp_path) -> None:
    stack(tmp_path, (0.3, 0.2, 0.1), blocks=5)
    said = judged(tmp_path, DAMPING.replace("6", "5")).row[-1]
    assert said == "not testable here: damping/mixer-5 has 5 blocks, a slope takes 6"


def test_collapse_difference_is_welchs(tmp_path) -> None:
    """Last over tokens: 1 +- 0.01 against 0.5 +- 0.01, standard error 0.01 sqrt(2 / 3)."""
    for seed, shift in enumerate((-0.01, 0, 0.01)):
        keep(tmp_path, "damping/a-2", seed, spectra=stages(2, 3, 2 + 2 * shift))
        keep(tmp_path, "b", seed, spectra=stages(4, 3, 2 + 4 * shift))
    found = effect(
        judged(tmp_path, 'test = "collapse_difference"\nhigher = "damping/a-2"\nlower = "b"')
    )
    assert found.value == pytest.approx(0.5)
    assert found.high - found.value == pytest.approx(2.7764451051977987 * 0.01 * sqrt(2 / 3))


GLU = 'test = "factorial_effect"\nfactor = "FFN"\nlevel = "glu"\nover = "gelu"\nmeasure = "auc"'
MEANS = {
    ("full", "glu"): 0.8,
    ("full", "gelu"): 0.7,
    ("transpose", "glu"): 0.75,
    ("transpose", "gelu"): 0.75,
}


def cell(results: Path, mixing: str, ffn: str, seed: int, auc: float) -> None:
    model = {"name": "rankelastor", "mixing": mixing, "ffn": ffn}
    settings = {"dataset": DATASET, "model": model, "train": {"epochs": 1}}
    keep(results, f"ablation/{mixing}-{ffn}", seed, auc, recipe=settings)


@pytest.fixture
def four_cells(tmp_path):
    for names, centre in MEANS.items():
        for seed in range(3):
            cell(tmp_path, *names, seed, centre + (seed - 1) / 100)
    return tmp_path


def test_factorial_effect_is_a_difference_of_main_effects(four_cells) -> None:
    """Variance 1e-4 in every cell, 8 degrees of freedom, 6 runs of each level."""
    found = effect(judged(four_cells, GLU))
    margin = T8 * 0.01 * sqrt(2 / 6)
    assert (found.value, found.low, found.high) == pytest.approx(
        (0.05, 0.05 - margin, 0.05 + margin)
    )
    assert (found.n, found.remark) == (12, "over mixing full, transpose")
    mixing = (
        GLU.replace("FFN", "mixing").replace('"glu"', '"full"').replace('"gelu"', '"transpose"')
    )
    assert effect(judged(four_cells, mixing)).value == pytest.approx(0, abs=1e-12)


def test_a_third_level_does_not_change_the_difference_of_two(four_cells) -> None:
    for seed in range(3):
        for mixing in ("full", "transpose"):
            cell(four_cells, mixing, "relu", seed, 0.6 + (seed - 1) / 100)
    found = effect(judged(four_cells, GLU))
    assert (found.value, found.n) == (pytest.approx(0.05), 12)


def test_a_lone_cell_that_varies_has_the_say(four_cells) -> None:
    """Of its three runs alone are the sd of 0.1, which is halved, and the two degrees of
    freedom."""
    for names in MEANS:
        for seed in range(3):
            cell(four_cells, *names, seed, 0.7 + (seed - 1) / 10 * (names == ("full", "glu")))
    found = effect(judged(four_cells, GLU))
    margin = T2 * 0.05 / sqrt(3)
    assert (found.value, found.low, found.high) == (
        pytest.approx(0, abs=1e-12),
        *map(pytest.approx, (-margin, margin)),
    )


def test_what_the_ablation_lacks_is_said(four_cells, tmp_path) -> None:
    def reason(test: str = GLU) -> str:
        return judged(four_cells, test).row[-1].removeprefix("not testable here: ")

    lacks = "{} share no two levels of the other factor with 3 seeds each that vary"
    assert reason(GLU.replace('"glu"', '"relu"')) == lacks.format("FFN relu and gelu")
    (four_cells / f"studies/ablation/{DATASET}/full-glu/seed-2.json").unlink()
    assert reason() == lacks.format("FFN glu and gelu")
    for names in MEANS:
        for seed in range(3):
            cell(four_cells, *names, seed, 0.7)
    assert reason() == lacks.format("FFN glu and gelu")
    shutil.rmtree(four_cells / "studies")
    assert reason() == "no record of the ablation"


RANK_LOSS = 'test = "rank_loss"\nquality = "logloss"'


def test_rank_loss_is_spearmans_over_recipes(tmp_path) -> None:
    """Ranks 1 to 5 against 5, 4, 3, 1, 2: 1 - 6 * 38 / 120; Fisher's z with error sqrt((1 + r^2 /
    2) / 2)."""
    for rank, place in enumerate((5, 4, 3, 1, 2), start=1):
        for seed in range(3):
            keep(
                tmp_path,
                f"recipe{rank}",
                seed,
                logloss=0.4 + place / 100,
                spectra=stages(1, 1 + rank / 2),
            )
    keep(tmp_path, "young", 0, spectra=stages(1, 4))
    found = effect(judged(tmp_path, RANK_LOSS, "below 0"))
    z, error = log(0.1 / 1.9) / 2, 1.959963984540054 * sqrt((1 + 0.405) / 2)
    assert (found.value, found.low, found.high) == pytest.approx(
        (-0.9, tanh(z - error), tanh(z + error))
    )
    assert (found.n, found.remark) == (5, "left out: young has fewer than 3 seeds")


def test_rank_loss_takes_four_recipes(tmp_path) -> None:
    said = judged(tmp_path, RANK_LOSS + '\nstudy = "ablation"').row[-1]
    assert said.startswith(
        "not testable here: 0 variants of the ablation have 3 seeds and a rank that can vary:"
        " too few"
    )


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(0, 1))
def test_the_rule_is_symmetric(value: float, below: float, above: float) -> None:
    found = Effect(value, value - below, value + above, 3, "")
    turned = Effect(-value, -found.high, -found.low, 3, "")
    assert claims.judge(found, "above 0") == claims.judge(turned, "below 0")
    words = {claims.judge(found, side) for side in ("above 0", "below 0")}
    held = found.low <= 0 <= found.high
    assert words == ({"not supported"} if held else {"supported", "contradicted"})


def test_the_papers_own_data_are_said_by_saying_nothing(tmp_path) -> None:
    leaderboard(tmp_path)
    judged(tmp_path, AUC)
    path = tmp_path / claims.FILE
    path.write_text(path.read_text().replace('["criteo_x1"]', f'["{DATASET}"]'))
    assert claims.verdicts(tmp_path)[0].row[-1] == "supported"


def test_the_files_are_the_same_bytes_wherever_the_records_lie(tmp_path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    leaderboard(first)
    judged(first, AUC)
    shutil.copytree(first, second)
    documents = [claims.documents(folder) for folder in (first, second, first)]
    assert [each.path.name for each in documents[0]] == ["claims.md", "claims.json"]
    texts = [[each.text for each in made] for made in documents]
    assert texts[0] == texts[1] == texts[2]
    markdown, numbers = texts[0]
    assert (
        f"| {DATASET} | test AUC, good − bad | +0.1 (+0.0769 to +0.123) | 10 | supported (tested"
        in markdown
    )
    assert "1 verdict: 1 supported." in markdown
    [verdict] = json.loads(numbers)["verdicts"]
    assert (verdict["verdict"], verdict["other_data"], verdict["missing"]) == (
        "supported",
        True,
        None,
    )
    assert verdict["effect"]["value"] == 0.1


def test_what_is_missing_ends_in_commands_that_make_it(tmp_path) -> None:
    tests = [
        DAMPING.replace("mixer-6", "rankmixer-6"),
        GLU,
        AUC.replace("good", "dnn").replace("bad", "lr"),
        'test = "collapse_difference"\nhigher = "no_recipe"\nlower = "fm"',
    ]
    judged(tmp_path, tests[0])
    with (tmp_path / claims.FILE).open("a") as file:
        for test in tests[1:]:
            file.write(f'\n[[claim.tests]]\ndatasets = ["{DATASET}", "criteo_x4_001"]\n{test}\n')
    assert claims.report(tmp_path).tables[-1].remarks == (
        f"`python -m benchmark suite --datasets {DATASET} --recipes dnn,fm,lr --seeds 0-4`",
        f"`python -m benchmark study ablation --dataset {DATASET} --seeds 0-2`",
        (
            f"`python -m benchmark study damping --dataset {DATASET} --blocks 6 --recipes rankmixer"
            " --seeds 0-2`"
        ),
    )


def test_without_a_file_of_claims_there_is_nothing_to_make(tmp_path) -> None:
    assert claims.documents(tmp_path) == []
    with pytest.raises(UsageError, match=r"claims\.toml: there is no such file"):
        claims.report(tmp_path)


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ('test = "auc"', "does not match any of the expected tags"),
        (
            AUC + '\nloser = "x"',
            "unknown key 'claim.0.tests.0.auc_difference.loser'; did you mean 'lower'? allowed: d",
        ),
        (FALL + '\nquality = "auc"', "allowed: datasets, part, records, test, when"),
        (FALL.replace("fall", "drop"), "Input should be 'rise' or 'fall'"),
        (GLU.replace('"glu"', '"full"'), "FFN full: write glu, gelu, relu"),
        (AUC.replace("bad", "a/b/c"), "should match pattern"),
    ],
)
def test_a_wrong_claim_is_named(tmp_path, test: str, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        judged(tmp_path, test)
    assert message in str(raised.value)


def test_two_claims_of_one_id_are_refused(tmp_path) -> None:
    judged(tmp_path, AUC)
    path = tmp_path / claims.FILE
    path.write_text(path.read_text() * 2)
    with pytest.raises(UsageError, match="the id it is given to two claims"):
        claims.load(tmp_path)


def test_the_committed_claims_name_what_there_is() -> None:
    known = {*recipe_ids(), "criteo_x1/dnn", "avazu_x4_001/dnn"}
    for claim in claims.load(RESULTS):
        assert set(claim.data) <= set(card_names())
        for test in claim.tests:
            assert set(test.datasets) <= set(card_names())
            for field in {"higher", "lower", "records"} & set(type(test).model_fields):
                study, _, name = getattr(test, field).rpartition("/")
                recipe = name.rpartition("-")[0] if study == "damping" else name
                assert {f"{dataset}/{recipe}" for dataset in test.datasets} <= known
