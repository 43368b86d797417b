"""Claims judged on hand-made records: the verdicts, the files, what is missing."""

import json
import shutil
from math import sqrt
from pathlib import Path

import pytest

from benchmark.data.catalog import card_names
from benchmark.errors import UsageError
from benchmark.measure.cost import Parameters
from benchmark.recipes.files import recipe_ids
from benchmark.records.archive import Archive
from benchmark.studies.claims import claims
from benchmark.studies.claims.tests import place
from benchmark.utils.paths import RESULTS
from tests.factories import make_record
from tests.studies.claims.made import AUC, DATASET, effects, judged, keep, two_recipes

T8 = 2.306004135204166
"""The 97.5 % quantile of Student's t with 8 degrees of freedom."""


def test_a_difference_is_welchs_over_the_seeds(tmp_path) -> None:
    """Variances 2.5e-4 on both sides: standard error 0.01 with 8 degrees of freedom."""
    two_recipes(tmp_path)
    verdict = judged(tmp_path, AUC)
    [effect] = effects(verdict)
    assert (effect.value, effect.n) == (pytest.approx(0.1), 10)
    assert effect.interval() == pytest.approx((0.1 - 0.01 * T8, 0.1 + 0.01 * T8))
    assert verdict.row == (
        f"{DATASET} (not the source's)",
        "test AUC, good − bad",
        "+0.02",
        "+0.1 (+0.0769 to +0.123)",
        "10",
        "holds here",
    )


@pytest.mark.parametrize(
    ("gain", "claimed", "said"),
    [
        (0.1, 0.02, "holds here"),
        (-0.1, 0.02, "does not hold here"),
        (0.0, 0.03, "smaller than claimed"),
        (0.0, 0.02, "undecided, power 42%"),
        (-0.1, -0.02, "holds here"),
        (0.1, -0.02, "does not hold here"),
        (0.01, -0.02, "smaller than claimed"),
        (-0.01, -0.02, "undecided, power 42%"),
    ],
)
def test_every_verdict_of_both_sides(tmp_path, gain: float, claimed: float, said: str) -> None:
    two_recipes(tmp_path, gain=gain)
    assert judged(tmp_path, AUC, claimed).row[-1] == said
    [effect] = effects(judged(tmp_path, f"{AUC}\nmargin = 0.5", claimed))
    assert effect.value == pytest.approx(gain + 0.5)


def test_logloss_is_that_of_its_own_best_epoch(tmp_path) -> None:
    for seed in range(5):
        keep(tmp_path, "good", seed, logloss=0.3 + seed / 100)
        keep(tmp_path, "bad", seed, logloss=0.4 + seed / 100)
    [effect] = effects(judged(tmp_path, AUC.replace('"auc"', '"logloss"'), -0.02))
    assert effect.value == pytest.approx(-0.1)


def test_a_comparison_of_recipes_takes_five_seeds(tmp_path) -> None:
    said = "not testable here: no records of good (it takes 5), no records of bad (it takes 5)"
    assert judged(tmp_path, AUC).row[-1] == said
    two_recipes(tmp_path, seeds=3)
    keep(tmp_path, "bad", 3)
    keep(tmp_path, "bad", 4)
    assert judged(tmp_path, AUC).row[-1] == "not testable here: 3 records of good (it takes 5)"


STUDY = {"study": "studies/tuning/synthetic_tiny/it.json"}


def values(kind: str, **more: object) -> dict[str, object]:
    return {"recipe": make_record().recipe | {"provenance": {"kind": kind, **more}}}


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        (
            values("study", tries=10, **STUDY),
            values("published grid"),
            "study, 10 tries against published grid, tries not known",
        ),
        (values("defaults"), values("hand", tries=1), "defaults against hand, 1 try"),
        (values("hand", tries=2), values("defaults"), "good is tuned and bad is default"),
        (
            values("hand", tries=1),
            values("study", tries=9, **STUDY),
            "good is default and bad is tuned",
        ),
        (values("hand", tries=4), None, "good is tuned and bad is unknown"),
        (None, None, "not stated against not stated"),
    ],
)
def test_tuned_recipes_are_never_compared_with_default_ones(tmp_path, good, bad, said: str) -> None:
    two_recipes(tmp_path, good=good, bad=bad)
    verdict = judged(tmp_path, AUC)
    if " is " in said:
        start = "not testable here: tuned recipes are compared with tuned ones alone: "
        assert verdict.row[-1] == start + said
    else:
        assert (verdict.verdict, verdict.outcome.beside.split(": ")[-1]) == ("holds here", said)


def test_the_sizes_of_both_stand_beside_a_difference(tmp_path) -> None:
    two_recipes(tmp_path, bad={"parameters": Parameters(112, 1000, 234)})
    judged(tmp_path, AUC)
    text = claims.report(Archive(tmp_path)).markdown()
    sizes = "273 and 1,234 parameters outside the embedding, 546 and 546 matmul FLOPs a row"
    assert f"good − bad: {sizes}; source of the values" in text


def test_records_of_other_data_are_not_compared(tmp_path) -> None:
    two_recipes(tmp_path, bad={"numerics": 99})
    said = judged(tmp_path, AUC).row[-1]
    assert said.startswith("not testable here: the records are of different data or numerics")
    Archive(tmp_path).path(DATASET, "bad", 0).write_text("{}")
    said = judged(tmp_path, AUC).row[-1]
    assert "bad/seed-0.json" in said and "\n" not in said


def test_what_never_varies_has_no_interval(tmp_path) -> None:
    for name in ("good", "bad"):
        for seed in range(5):
            keep(tmp_path, name, seed)
    said = "not testable here: no test AUC that varies over the seeds"
    assert judged(tmp_path, AUC).row[-1] == said


GLU = 'test = "factorial"\nfactor = "FFN"\nlevel = "glu"\nover = "gelu"\nquantity = "auc"'
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


def test_a_factorial_effect_is_a_difference_of_main_effects(four_cells) -> None:
    """Variance 1e-4 in every cell, 8 degrees of freedom, 6 runs of each level."""
    [effect] = effects(judged(four_cells, GLU))
    margin = T8 * 0.01 * sqrt(2 / 6)
    assert (effect.value, effect.n) == (pytest.approx(0.05), 12)
    assert effect.interval() == pytest.approx((0.05 - margin, 0.05 + margin))
    mixing = (
        GLU.replace("FFN", "mixing").replace('"glu"', '"full"').replace('"gelu"', '"transpose"')
    )
    assert effects(judged(four_cells, mixing))[0].value == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("over", "level", "claimed", "verdict"),
    [
        ("gelu", "glu", 0.02, "holds here"),
        ("glu", "gelu", 0.02, "does not hold here"),
        ("transpose", "full", 0.02, "smaller than claimed"),
        ("transpose", "full", 0.01, "undecided"),
    ],
)
def test_a_factorial_effect_comes_out_either_way(four_cells, over, level, claimed, verdict) -> None:
    factor = "FFN" if "glu" in (over, level) else "mixing"
    test = f'test = "factorial"\nfactor = "{factor}"\nquantity = "auc"'
    test += f'\nlevel = "{level}"\nover = "{over}"'
    assert judged(four_cells, test, claimed).verdict == verdict


def test_what_the_ablation_lacks_is_said(four_cells) -> None:
    lacks = "no two levels of the other factor have 3 records of {} and of {}, which vary"
    relu = judged(four_cells, GLU.replace('"glu"', '"relu"'))
    assert relu.missing == lacks.format("relu", "gelu")
    (four_cells / f"studies/ablation/{DATASET}/full-glu/seed-2.json").unlink()
    assert judged(four_cells, GLU).missing == lacks.format("glu", "gelu")
    shutil.rmtree(four_cells / "studies")
    assert judged(four_cells, GLU).missing == lacks.format("glu", "gelu")


def test_the_smallest_published_effect_is_claimed_on_other_data(tmp_path) -> None:
    """An interval of 0.0231 to both sides, against 0.03 and, elsewhere, 0.02."""
    two_recipes(tmp_path, gain=0.0)
    judged(tmp_path, AUC, "0.03, avazu_x1 = 0.02")
    assert [each.verdict for each in claims.verdicts(Archive(tmp_path))] == ["undecided"]
    judged(tmp_path, AUC, f"0.02, {DATASET} = 0.03")
    [own] = claims.verdicts(Archive(tmp_path))
    assert (own.row[0], own.row[2], own.verdict) == (DATASET, "+0.03", "smaller than claimed")


def test_the_files_are_the_same_bytes_wherever_the_records_lie(tmp_path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    two_recipes(first)
    judged(first, AUC)
    shutil.copytree(first, second)
    folders = first, second, first
    documents = [claims.documents(claims.report(Archive(each)), each) for each in folders]
    assert [each.path.name for each in documents[0]] == ["claims.md", "claims.json"]
    texts = [[each.text for each in made] for made in documents]
    assert texts[0] == texts[1] == texts[2]
    markdown, numbers = texts[0]
    assert "On other data than the sources': 1 holds here." in markdown
    assert "On the sources' data: no test." in markdown
    [verdict] = json.loads(numbers)["verdicts"]
    stated = {key: verdict[key] for key in ("verdict", "other_data", "claimed")}
    assert stated == {"verdict": "holds here", "other_data": True, "claimed": 0.02}
    effect = verdict["effects"][""]
    assert (effect["value"], effect["low"], effect["high"]) == (0.1, 0.07694, 0.12306)
    assert effect["n"] == 10 and 0 < effect["p"] < 1e-4


def test_what_is_missing_ends_in_commands_that_make_it(tmp_path) -> None:
    tests = [
        'test = "rank_path"\nrecords = ["damping/rankmixer-6"]\npart = "damping"',
        GLU,
        AUC.replace("good", "dnn").replace("bad", "lr"),
        AUC.replace("good", "no_recipe").replace("bad", "fm"),
    ]
    for seed in range(5):
        keep(tmp_path, "lr", seed)
    judged(tmp_path, tests[0])
    with (tmp_path / claims.FILE).open("a") as file:
        for test in tests[1:]:
            file.write(f'\n[[claim.tests]]\ndatasets = ["{DATASET}", "criteo_x4_001"]\n{test}\n')
    assert claims.report(Archive(tmp_path)).tables[-1].remarks == (
        f"`python -m benchmark suite --datasets {DATASET} --recipes dnn,fm --seeds 0-4`",
        f"`python -m benchmark study ablation --dataset {DATASET} --seeds 0-2`",
        (
            f"`python -m benchmark study damping --dataset {DATASET} --blocks 6 --recipes rankmixer"
            " --seeds 0-2`"
        ),
    )


def test_without_claims_of_its_own_a_folder_has_the_projects(tmp_path) -> None:
    assert not claims.kept_in(tmp_path)
    assert claims.load(tmp_path) == claims.load(RESULTS)


@pytest.mark.parametrize(
    ("test", "claimed", "message"),
    [
        ('test = "auc"', 0.1, "does not match any of the expected tags"),
        (
            AUC + '\nrecrods = ["x"]',
            0.1,
            "unknown key 'claim.0.tests.0.difference.recrods'; did you mean 'records'? allowed: d",
        ),
        (AUC.replace('"auc"', '"ndcg"'), 0.1, "Input should be 'auc', 'logloss', 'rank' or"),
        (GLU.replace('"glu"', '"full"'), 0.1, "FFN full: write glu, gelu, relu"),
        (AUC.replace("bad", "a/b/c"), 0.1, "should match pattern"),
        (AUC, "0.1, avazu_x1 = -0.1", "claimed: the claimed effects lie on one side of 0"),
        (AUC, 0, "claimed: the claimed effects lie on one side of 0"),
    ],
)
def test_a_wrong_claim_is_named(tmp_path, test: str, claimed: object, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        judged(tmp_path, test, claimed)
    assert message in str(raised.value)


def test_the_committed_claims_name_what_there_is() -> None:
    known = set(recipe_ids())
    for claim in claims.load(RESULTS):
        public = {name for name in claim.claimed if not name.endswith(" (not public)")}
        assert public <= set(card_names())
        for test in claim.tests:
            assert set(test.datasets) <= set(card_names())
            for study, name in map(place, test.records):
                recipe = name.rpartition("-")[0] if study in ("damping", "scaling") else name
                recipe = recipe.rpartition("-")[0] if study == "scaling" else recipe
                # claims may be stated before a row is tuned
                wanted = {f"{dataset}/{recipe}" for dataset in test.datasets} - known
                assert not recipe or {name.removesuffix("_tuned") for name in wanted} <= known


def test_without_records_every_committed_claim_is_one_line(tmp_path) -> None:
    shutil.copy(RESULTS / claims.FILE, tmp_path)
    rows = [each.row for each in claims.verdicts(Archive(tmp_path))]
    assert len(rows) > 50
    assert all(row[-1].startswith("not testable here: no ") or "0 of 0" in row[-1] for row in rows)
    assert not any("\n" in row[-1] for row in rows)
