"""What others published: the committed file, its form, and how it stands beside our rows."""

import pytest

from benchmark.errors import UsageError
from benchmark.recipes.files import recipe_ids
from benchmark.recipes.recipe import load as load_recipe
from benchmark.reports.leaderboard import published
from benchmark.reports.leaderboard import text as leaderboard_text
from benchmark.reports.leaderboard.boards import boards
from benchmark.reports.leaderboard.tracks import entries
from benchmark.utils.paths import RESULTS
from tests.reports.leaderboard.test_leaderboard import make_runs

SOURCE = '[source.lab]\ntitle = "A lab"\nlink = "https://lab.example"\nruns = "5 seeds"\n'
ROW = (
    '[[row]]\ndataset = "synthetic_tiny"\nmodel = "their_dnn"\nrecipe = "aa"\nsource = "lab"\nauc ='
    " 0.71\nlogloss = 0.5\nauc_mean = 0.705\nauc_sd = 0.001\n"
)


def load(folder, text: str) -> published.Published:
    (folder / "published.toml").write_text(text)
    return published.load(folder)


def test_the_committed_file_names_recipes_that_exist() -> None:
    quoted = published.load(RESULTS)
    here = {other.published: other.dataset for other in quoted.other_split}
    named = [(here.get(row.dataset, row.dataset), row.recipe) for row in quoted.row if row.recipe]
    assert len(quoted.row) > 100 and len(named) > 10
    assert {f"{dataset}/{recipe}" for dataset, recipe in named} <= set(recipe_ids())
    keys = [(row.dataset, row.model, row.source, row.embedding_dim) for row in quoted.row]
    assert len(set(keys)) == len(keys)


def test_a_recipe_and_the_row_it_copies_state_the_same_grid() -> None:
    quoted = published.load(RESULTS)
    here = {other.published: other.dataset for other in quoted.other_split}
    copied = 0
    for row in quoted.row:
        if row.recipe and row.source == "bars":
            provenance = load_recipe(
                f"{here.get(row.dataset, row.dataset)}/{row.recipe}"
            ).provenance
            assert provenance is not None and provenance.kind == "published grid", row
            assert provenance.tries == row.grid, row
            copied += row.grid is not None
    assert copied == 9


def test_the_gap_of_the_same_split_is_ours_less_the_mean_of_theirs(tmp_path) -> None:
    [board] = boards(entries(make_runs("aa", 0.7)), load(tmp_path, SOURCE + ROW))
    [quote] = board.quotes
    assert quote.gap == pytest.approx(-0.005)
    assert quote.gap_in_sd == pytest.approx(-5)
    text = leaderboard_text.markdown([board])
    assert (
        "| their_dnn | lab |  | 0.70500 ± 0.00100 | 0.50000 | aa | 0.70000 (5) | -0.00500 | -5.0 |"
        in text
    )
    assert (
        "The reproduction gap is our AUC less theirs, on the same split. lab: A lab,"
        " https://lab.example" in text
    )


def test_without_a_mean_the_listed_value_counts_and_without_a_row_there_is_no_gap(tmp_path) -> None:
    text = SOURCE + ROW.replace("auc_mean = 0.705\nauc_sd = 0.001\n", "grid = 12\n")
    [board] = boards(entries(make_runs("aa", 0.7)), load(tmp_path, text))
    assert board.quotes[0].gap == pytest.approx(-0.01)
    assert board.quotes[0].gap_in_sd is None
    assert "| their_dnn | lab | best of 12 settings | 0.71000 |" in leaderboard_text.markdown(
        [board]
    )
    [board] = boards(entries(make_runs("bb", 0.7)), load(tmp_path, text))
    assert board.quotes[0].gap is None


def test_another_split_has_a_difference_and_no_reproduction_gap(tmp_path) -> None:
    other = (
        '[[other_split]]\ndataset = "synthetic_tiny"\npublished = "theirs"\ndifference = "the same'
        ' test rows only"\n'
    )
    text = SOURCE + other + ROW.replace('"synthetic_tiny"', '"theirs"')
    [board] = boards(entries(make_runs("aa", 0.7)), load(tmp_path, text))
    shown = leaderboard_text.markdown([board])
    assert "numbers of theirs, another split: here are the same test rows only" in shown
    assert "| difference |" in shown and "gap in their seed sd" not in shown


def test_published_numbers_are_never_ranked(tmp_path) -> None:
    records = [*make_runs("aa", 0.7), *make_runs("bb", 0.8)]
    [alone] = boards(entries(records), published.Published())
    [beside] = boards(entries(records), load(tmp_path, SOURCE + ROW.replace("0.71", "0.99")))
    for one, other in zip(beside.tracks, alone.tracks, strict=True):
        assert one.table.to_dicts() == other.table.to_dicts()
    assert "their_dnn" not in leaderboard_text.as_csv([beside])
    assert published.load(tmp_path / "nowhere") == published.load(RESULTS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ROW, r"there is no \[source.lab\]"),
        (SOURCE + ROW.replace("auc_sd = 0.001\n", ""), "auc_mean and auc_sd belong together"),
        (SOURCE + ROW.replace("0.71", "71.0"), "row.0.auc"),
        (SOURCE + ROW + "aux = 1\n", "unknown key 'row.0.aux'"),
        (SOURCE + ROW.replace("logloss = 0.5\n", ""), "key 'row.0.logloss' is missing"),
        (SOURCE.replace("https", "ftp") + ROW, "source.lab.link"),
        ("row = 3 3", "not valid TOML"),
    ],
)
def test_a_wrong_file_is_named_with_its_key(tmp_path, text, message) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        load(tmp_path, text)
    assert "published.toml" in str(caught.value)
