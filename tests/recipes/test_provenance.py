"""Where a recipe's values come from: the table, its faults, and what of it a record keeps."""

import pytest

from benchmark.errors import UsageError
from benchmark.recipes import recipe as recipes
from benchmark.recipes.files import recipe_ids
from benchmark.recipes.provenance import Provenance

MODEL = {"model": {"name": "lr"}}
STUDY = "studies/tuning/synthetic_tiny/lr.json"


def of(**table) -> recipes.Recipe:
    return recipes.parse({**MODEL, "provenance": table}, "synthetic_tiny", "r.toml")


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"kind": "published grid", "tries": 12, "note": "BARS"}, "published grid, 12 tries"),
        ({"kind": "published grid"}, "published grid, tries not known"),
        ({"kind": "hand", "tries": 1}, "hand, 1 try"),
        ({"kind": "study", "tries": 30, "study": STUDY}, "study, 30 tries"),
        ({"kind": "defaults", "note": "the paper's"}, "defaults"),
    ],
)
def test_a_recipe_says_where_its_values_come_from(table, words: str) -> None:
    provenance = of(**table).provenance
    assert provenance == Provenance(**table)
    assert provenance.words() == words


def test_a_record_keeps_it_without_the_note_and_the_digest_is_without_it() -> None:
    plain = recipes.parse(MODEL, "synthetic_tiny", "r.toml")
    hand = of(kind="hand", tries=2, note="rates .001 and .01")
    assert hand.resolved()["provenance"] == {"kind": "hand", "tries": 2}
    assert of(kind="defaults").digest() == hand.digest() == plain.digest()
    assert "provenance" not in plain.resolved()
    assert recipes.override(hand, ["train.epochs=3"]).provenance is None


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"kind": "luck"}, "provenance.kind: Input should be 'published grid', 'hand', 'study' or"),
        ({"tries": 3}, "key 'provenance.kind' is missing"),
        ({"kind": "hand", "tries": 0}, "provenance.tries: Input should be greater than or equal"),
        ({"kind": "hand", "trials": 3}, "unknown key 'provenance.trials'; did you mean 'tries'?"),
        ({"kind": "study", "tries": 3}, 'kind = "study", study = "studies/tuning/DATASET/NAME.js'),
        ({"kind": "hand", "tries": 3, "study": STUDY}, 'kind = "study", study = "studies/tuning'),
        ({"kind": "hand", "study": STUDY}, 'kind = "study", study = "studies/tuning/DATASET/NAME'),
        ({"kind": "study", "study": STUDY}, "and tries = N, its finished trials, go together"),
        (
            {"kind": "study", "tries": 3, "study": "lr.json"},
            "provenance.study: String should match",
        ),
        ({"kind": "defaults", "tries": 1}, 'kind = "defaults" has no tries; values that were tri'),
    ],
)
def test_a_fault_is_one_message_that_names_file_and_key(table, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        of(**table)
    assert message in str(raised.value)
    assert str(raised.value).startswith("r.toml: ") and "\n" not in str(raised.value)


def test_a_committed_recipe_without_it_is_refused_and_a_file_of_ones_own_is_not(tmp_path) -> None:
    path = tmp_path / "synthetic_tiny" / "mine.toml"
    path.parent.mkdir()
    path.write_text('[model]\nname = "lr"\n')
    with pytest.raises(UsageError, match=r"mine\.toml: key 'provenance' is missing: say where"):
        recipes.load("synthetic_tiny/mine", tmp_path)
    assert recipes.load(str(path)).provenance is None


def test_avazu_recipes_watch_what_their_source_watched() -> None:
    avazu = [recipes.load(name) for name in recipe_ids() if name.startswith("avazu_x4")]
    assert len(avazu) >= 19
    assert {recipe.train.monitor for recipe in avazu} == {"auc-logloss"}
