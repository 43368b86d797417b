"""The ablation's cells, and its report made of hand-made records alone."""

import json
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from benchmark.data.schema import Schema
from benchmark.errors import BenchmarkError, UsageError
from benchmark.measure.null import null_erank
from benchmark.recipes import recipe as recipes
from benchmark.records.archive import Archive
from benchmark.reports import document
from benchmark.reports.document import Document
from benchmark.studies.ablation import LEVELS, parse_cells
from benchmark.studies.ablation.figures import rank_and_loss
from benchmark.studies.ablation.report import difference, interaction, load_cells, report
from benchmark.studies.campaign import cells as campaign
from benchmark.studies.study import studies
from tests.factories import TEST, keep, make_record

BASE = recipes.load("synthetic_tiny/rankelastor_small")
ABLATION = studies.get("ablation")
AUC = {
    "full-glu": (1.0, 3.0),
    "full-relu": (5.0, 7.0),
    "none-glu": (2.0, 4.0),
    "none-relu": (9.0, 11.0),
}
"""In hundredths: cell means 2, 6, 3 and 10, each of two runs with variance 2."""
VALUES = {name: list(runs) for name, runs in AUC.items()}
T4 = 2.7764451051977987
"""The 97.5 % quantile of Student's t with 4 degrees of freedom."""


def save_cell(results: Path, name: str, seed: int, auc: float, width: int = 8) -> None:
    mixing, _, ffn = name.partition("-")
    model = {"name": "rankelastor", "token_dim": width, "mixing": mixing, "ffn": ffn}
    recipe = {"dataset": "synthetic_tiny", "model": model, "train": {"epochs": 1}}
    metrics = make_record().metrics.model_copy(
        update={"test": replace(TEST, auc=auc / 100), "test_logloss": replace(TEST, logloss=0.45)}
    )
    run = make_record(name=None, seed=seed, recipe=recipe, metrics=metrics)
    path = results / "studies" / "ablation" / "synthetic_tiny" / name / f"seed-{seed}.json"
    keep(run, path)


@pytest.fixture
def four_cells(tmp_path):
    for name, values in AUC.items():
        for seed, auc in enumerate(values):
            save_cell(tmp_path, name, seed, auc)
    return tmp_path


def documents(results: Path) -> list[Document]:
    archive = Archive(results)
    return ABLATION.documents(archive, "synthetic_tiny", report(archive, "synthetic_tiny"))


def test_parse_cells() -> None:
    assert len(parse_cells(None)) == 12
    assert parse_cells("none/relu, full/glu") == ["full-glu", "none-relu"]
    with pytest.raises(
        UsageError, match=r"--cells full/glue: write MIXING/FFN of mixing full, kronecker"
    ):
        parse_cells("full/glue")


def test_variants_are_the_base_but_for_two_settings() -> None:
    variants = ABLATION.variants("synthetic_tiny")
    assert len({variant.recipe.digest() for variant in variants}) == 12
    for variant, (mixing, ffn) in zip(variants, product(*LEVELS.values()), strict=True):
        assert (variant.name, variant.recipe.name) == (f"{mixing}-{ffn}", None)
        assert variant.recipe.hyperparameters == {
            **BASE.hyperparameters,
            "mixing": mixing,
            "ffn": ffn,
        }
        assert variant.recipe.train == BASE.train


@pytest.mark.parametrize("dataset", ["kuairand_14d", "synthetic", "synthetic_tiny"])
def test_every_cell_of_a_committed_base_can_be_built(dataset: str) -> None:
    schema = Schema((), tuple(f"c{i}" for i in range(39)), (5,) * 39)
    campaign.require_buildable(ABLATION.variants(dataset), schema)


def test_a_cell_that_cannot_be_built_is_named_before_any_is_run() -> None:
    variants = ABLATION.variants("synthetic_tiny", set_=["model.num_tokens=3"])
    with pytest.raises(
        UsageError, match=r"transpose-glu: .*num_tokens = 3 does not divide token_dim = 8"
    ):
        campaign.require_buildable(variants, Schema((), ("a",), (5,)))
    with pytest.raises(UsageError, match=r"varies rankelastor, and this is lr"):
        ABLATION.variants("synthetic_tiny", "synthetic_tiny/lr")


def test_a_difference_of_levels_is_averaged_over_the_other_factor() -> None:
    """Squared error 4 * 1 / 4, with 4 degrees of freedom."""
    effect = difference(VALUES, "mixing", "full", "none")
    assert effect is not None
    assert (effect.value, effect.n) == (-2.5, 8)
    assert effect.interval() == pytest.approx((-2.5 - T4, -2.5 + T4))
    other = difference(VALUES, "FFN", "relu", "glu")
    assert other is not None and other.value == 5.5


def test_an_interaction_is_a_difference_of_differences() -> None:
    effect = interaction(VALUES, ("full", "none"), ("glu", "relu"))
    assert effect is not None
    assert effect.value == (2 - 3) - (6 - 10)
    assert effect.interval()[1] - effect.value == pytest.approx(2 * T4)


def test_cells_that_only_one_level_has_are_left_out() -> None:
    more = VALUES | {"full-gelu": [20.0, 22.0]}
    effect = difference(more, "mixing", "full", "none")
    assert effect is not None and (effect.value, effect.n) == (-2.5, 8)
    assert difference(more, "FFN", "gelu", "glu") is None
    assert interaction(more, ("full", "none"), ("glu", "gelu")) is None


def test_report(four_cells) -> None:
    made = report(Archive(four_cells), "synthetic_tiny")
    assert made is not None
    text = made.markdown()
    last = f"{2.5 / null_erank(6, 8).mean:.3f} ± 0.000"
    assert f"| full/glu | 0, 1 | 0.02000 ± 0.01414 | 0.45000 ± 0.00000 | {last} |" in text
    assert "| mixing full − none | -0.02500 (-0.05276 to +0.00276) |  |" in text
    assert "| FFN glu − relu | -0.05500 (-0.08276 to -0.02724) | not zero |" in text
    assert "| (full − none) x (glu − relu) | +0.03000 (-0.02553 to +0.08553) |  |" in text
    fixed = "Held fixed: model.name = rankelastor, model.token_dim = 8, train.epochs = 1, "
    assert fixed + "train.compile = False, train.precision = float32, train.shuffle = rows." in text
    assert text.count("Not analysed: it takes two levels of each factor") == 3
    numbers = json.loads(json.dumps(made.numbers))
    assert numbers["cells"]["none/glu"][1]["auc"] == 0.04
    effect = numbers["effects"]["auc"]["FFN glu − relu"]
    assert (effect["value"], effect["low"], effect["high"]) == (-0.055, -0.082764, -0.027236)
    assert numbers["effects"]["rank"] == {}


def test_effects_of_one_table_are_found_by_holm(four_cells) -> None:
    """Of the effects of AUC the p-values are 0.0315, 0.0053 and 0.13, so two are below 5 % and one
    is by Holm."""
    made = report(Archive(four_cells), "synthetic_tiny")
    assert made is not None
    [table] = [table for table in made.tables if table.title == "Effects on test AUC"]
    assert [row[-1] for row in table.rows] == ["", "not zero", ""]


def test_blocks_are_judged_one_by_one(four_cells) -> None:
    """Of ranks 3.5, 3, 2.5 over the noise's the mixing takes a half, and so does the FFN."""
    made = report(Archive(four_cells), "synthetic_tiny")
    assert made is not None
    [table] = [table for table in made.tables if table.title.endswith("block by block, batch form")]
    rise, fall = (row for row in table.rows if row[0] == "none/relu")
    assert rise[1:3] == ("the mixing raises it", "does not hold here")
    assert fall[1:3] == ("the FFN lowers it", "holds here")
    assert rise[3] == fall[3] == "{0} ({0} to {0})".format(f"{-0.5 / null_erank(6, 8).mean:.3f}")


def test_the_same_records_give_the_same_bytes(four_cells, tmp_path_factory) -> None:
    other = tmp_path_factory.mktemp("other")
    for name, values in reversed(AUC.items()):
        for seed, auc in reversed(list(enumerate(values))):
            save_cell(other, name, seed, auc)
    texts = [[each.text for each in documents(results)] for results in (four_cells, other)]
    assert texts[0] == texts[1]


def test_altered_and_missing_tables_are_found(four_cells) -> None:
    def stale() -> list[Path]:
        return [each.path for each in documents(four_cells) if each.fault]

    table = four_cells / "studies" / "ablation" / "synthetic_tiny.md"
    numbers = table.with_suffix(".json")
    assert stale() == [table, numbers]
    document.write(documents(four_cells))
    assert stale() == []
    table.write_text(table.read_text().replace("0.02000", "0.03000"))
    assert stale() == [table]
    save_cell(four_cells, "none-relu", 2, 4.0)
    assert stale() == [table, numbers]


def test_the_figure_has_a_point_a_run(four_cells) -> None:
    cells = load_cells(Archive(four_cells), "synthetic_tiny")
    figure = rank_and_loss("synthetic_tiny", cells)
    [axes] = figure.axes
    assert "mixing/FFN of the ablation" in figure.get_suptitle()
    assert [line.get_label() for line in axes.lines] == [name.replace("-", "/") for name in cells]
    assert all(len(line.get_xdata()) == 2 for line in axes.lines)
    assert axes.get_ylabel() == "test LogLoss (lower is better)"
    written = ABLATION.figures(Archive(four_cells), "synthetic_tiny")
    assert [path.name for path in written] == ["rank-logloss.svg", "rank-logloss.png"]


def test_one_seed_is_shown_but_not_analysed(tmp_path) -> None:
    for name, values in AUC.items():
        save_cell(tmp_path, name, 0, values[0])
    made = report(Archive(tmp_path), "synthetic_tiny")
    assert made is not None
    text = made.markdown()
    assert "| full/glu | 0 | 0.01000 | 0.45000 |" in text
    assert "| full/glu | the mixing raises it | one seed | -0.097 |" in text
    assert text.count("Not analysed: it takes two levels of each factor, and two seeds") == 4


def test_records_of_two_bases_are_no_one_study(four_cells) -> None:
    save_cell(four_cells, "none-gelu", 0, 1.0, width=16)
    with pytest.raises(
        BenchmarkError, match=r"full-glu/seed-0 and none-gelu/seed-0 differ in model.token_dim"
    ):
        report(Archive(four_cells), "synthetic_tiny")


def test_a_record_in_the_folder_of_another_cell_is_a_fault() -> None:
    model = {"name": "rankelastor", "mixing": "full", "ffn": "glu"}
    run = make_record(recipe={"model": model, "train": {}})
    assert list(ABLATION.faults(run, "full-glu", Path())) == []
    [fault] = ABLATION.faults(run, "full-relu", Path())
    assert fault == "the recipe is not that of ablation/full-relu, where the record lies"


def test_missing_cells_are_run_by_one_command() -> None:
    commands = ABLATION.commands("synthetic", ["full-glu", "none-relu"], "0-2")
    assert commands == [
        "python -m benchmark study ablation --dataset synthetic --cells full/glu,none/relu"
        " --seeds 0-2"
    ]
    assert ABLATION.commands("criteo_x4_001", [], "0-2") == []


@pytest.mark.parametrize(
    ("dataset", "base"),
    [
        ("synthetic_tiny", "synthetic_tiny/rankelastor_small"),
        ("kuairand_14d", "kuairand_14d/rankelastor_tuned"),
    ],
)
def test_the_recipe_varied_is_the_first_of_two_that_is_there(dataset: str, base: str) -> None:
    [variant] = ABLATION.variants(dataset, cells="full/relu")
    assert (
        variant.recipe.digest() == recipes.override(recipes.load(base), ["model.ffn=relu"]).digest()
    )
    assert ABLATION.commands(dataset, [], "0-2") == [
        f"python -m benchmark study ablation --dataset {dataset} --seeds 0-2"
    ]
    assert ABLATION.commands("avazu_x4_001", [], "0-2") == []
