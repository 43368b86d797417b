"""What holds for every registered study, and how one is added."""

import sys
from pathlib import Path

import pytest
import typer

import benchmark.studies
from benchmark.cli import app
from benchmark.errors import UsageError
from benchmark.recipes import recipe as recipes
from benchmark.records import record
from benchmark.records.archive import Archive
from benchmark.reports import document
from benchmark.studies.campaign.cells import Variant, of_study
from benchmark.studies.claims import claims
from benchmark.studies.study import Study, studies
from benchmark.verify import ladder, place
from tests.factories import keep, make_record

TOY = '''
from typing import Annotated

import typer

from benchmark.recipes import recipe as recipes
from benchmark.records.archive import Archive
from benchmark.reports.document import Report
from benchmark.studies.campaign.cells import Variant
from benchmark.studies.study import Study, command_line, studies


class Rates(Study):
    """Run a recipe at several learning rates."""

    name = "rates"

    def variants(
        self, recipe: str, rates: Annotated[str, typer.Option(help="Learning rates.")] = "0.1,0.01"
    ):
        base = recipes.load(recipe)
        settings = [(rate, f"train.learning_rate={rate}") for rate in rates.split(",")]
        return [Variant(rate, recipes.override(base, [setting])) for rate, setting in settings]

    def faults(self, record, variant, recipe_folder):
        if str(record.recipe["train"]["learning_rate"]) != variant:
            yield self.misplaced(variant)

    def commands(self, dataset, variants, seeds):
        return [command_line("study rates", recipe=f"{dataset}/lr", seeds=seeds)]

    def report(self, archive, dataset):
        runs = archive.by_name(dataset, self.name)
        return Report(f"Rates on {dataset}", (), (), {"rates": list(runs)})


studies.register(Rates.name)(Rates())
'''
COMMANDS = typer.main.get_command(app)


@pytest.fixture
def rates(tmp_path, monkeypatch) -> Study:
    """A study that was added as one file among the others."""
    folder = tmp_path / "added"
    folder.mkdir()
    (folder / "rates.py").write_text(TOY)
    monkeypatch.setattr(benchmark.studies, "__path__", [*benchmark.studies.__path__, str(folder)])
    monkeypatch.setattr(studies, "_items", {name: studies.get(name) for name in studies.names()})
    monkeypatch.setattr(studies, "_discovered", False)
    yield studies.get("rates")
    del sys.modules["benchmark.studies.rates"]


def save_run(results: Path, variant: str, rate: float) -> Path:
    recipe = {
        "dataset": "synthetic_tiny",
        "model": {"name": "lr"},
        "train": {"learning_rate": rate},
    }
    path = results / "studies" / "rates" / "synthetic_tiny" / variant / "seed-0.json"
    keep(make_record(name=None, recipe=recipe), path)
    return path


def test_a_study_added_as_a_file_is_a_command(rates, capsys) -> None:
    COMMANDS.main(["study", "--help"], standalone_mode=False)
    assert "rates     Run a recipe at several learning rates." in capsys.readouterr().out
    COMMANDS.main(["study", "rates", "--help"], standalone_mode=False)
    text = capsys.readouterr().out
    assert all(option in text for option in ("--recipe", "--rates", "--seeds", "--dry-run"))
    words = ["study", "rates", "--recipe", "synthetic_tiny/lr", "--seeds", "0", "--dry-run"]
    COMMANDS.main(words, standalone_mode=False)
    text = capsys.readouterr().out
    assert "2 to run" in text and "synthetic_tiny/0.01/seed-0" in text


def test_the_place_of_its_records_is_verified(rates, tmp_path) -> None:
    path = save_run(tmp_path, "0.1", 0.1)
    assert list(place.faults(record.load(path), path)) == []
    path = save_run(tmp_path, "0.01", 0.1)
    assert list(place.faults(record.load(path), path)) == [
        "the recipe is not that of rates/0.01, where the record lies"
    ]


def test_its_documents_are_made_and_verified(rates, tmp_path, capsys) -> None:
    def faults() -> list[tuple[Path, str]]:
        return [each for each in ladder.tables(Archive(tmp_path)) if "rates" in str(each[0])]

    save_run(tmp_path, "0.1", 0.1)
    assert [path.name for path, _ in faults()] == ["synthetic_tiny.md", "synthetic_tiny.json"]
    assert "run `python -m benchmark study tables rates`" in faults()[0][1]
    COMMANDS.main(["study", "tables", "--results", str(tmp_path)], standalone_mode=False)
    assert "written: " in capsys.readouterr().out
    assert faults() == []
    assert (
        tmp_path / "studies/rates/synthetic_tiny.md"
    ).read_text() == "# Rates on synthetic_tiny\n"


CLAIM = """
[[claim]]
sentence = "It is so"
source = "a paper"
claimed = { criteo_x1 = 0.1 }
tests = [{ test = "rank_path", datasets = ["synthetic_tiny"], part = "rise", records = ["RUNS"] }]
"""


def test_claims_name_the_command_of_its_missing_runs(rates, tmp_path) -> None:
    (tmp_path / claims.FILE).write_text(CLAIM.replace("RUNS", "rates/0.1"))
    assert claims.report(Archive(tmp_path)).tables[-1].remarks == (
        "`python -m benchmark study rates --recipe synthetic_tiny/lr --seeds 0-2`",
    )


def test_missing_ladders_are_run_by_a_command_for_each_recipe() -> None:
    start = "python -m benchmark study scaling --recipe synthetic"
    names = ("dlrm-1-1", "dcnv2-2-3", "no_recipe-1-1")
    assert studies.get("scaling").commands("synthetic", names, "0-2") == [
        f"{start}/dcnv2 --seeds 0-2",
        f"{start}/dlrm --seeds 0-2",
    ]
    every = studies.get("scaling").commands("synthetic", [], "0-2")
    assert f"{start}/rankmixer --seeds 0-2" in every and f"{start}/lr --seeds 0-2" not in every


def test_an_unknown_study_is_answered_with_the_nearest(tmp_path) -> None:
    (tmp_path / claims.FILE).write_text(CLAIM.replace("RUNS", "ablaton/full-glu"))
    with pytest.raises(UsageError, match="unknown study 'ablaton'; did you mean ablation"):
        claims.report(Archive(tmp_path))


@pytest.mark.parametrize("name", studies.names())
def test_every_study_is_documented_and_knows_its_name(name: str) -> None:
    study = studies.get(name)
    assert study.name == name
    assert type(study).__doc__ and type(study).__doc__ != Study.__doc__


@pytest.mark.parametrize("name", ["ablation", "damping"])
def test_a_table_without_records_should_not_be_there(name: str, tmp_path) -> None:
    study = studies.get(name)
    archive = Archive(tmp_path)
    assert study.datasets(archive) == [] and study.report(archive, "synthetic_tiny") is None
    table = tmp_path / "studies" / name / "synthetic_tiny.md"
    table.parent.mkdir(parents=True)
    table.touch()
    assert study.datasets(archive) == ["synthetic_tiny"]
    documents = study.documents(archive, "synthetic_tiny", None)
    [fault] = [each for each in documents if each.fault]
    assert (fault.path, fault.fault) == (table, "is made from no record; remove it")
    document.write([fault])
    assert table.read_text() == ""


def test_cells_have_a_place_by_study_data_set_and_variant() -> None:
    variant = Variant("full-glu", recipes.load("synthetic_tiny/rankelastor_small"))
    made = of_study("ablation", "card.toml", [variant], [0, 2])
    assert [each.path(Path()) for each in made] == [
        Path(f"studies/ablation/synthetic_tiny/full-glu/seed-{seed}.json") for seed in (0, 2)
    ]
    assert made[0].card == "card.toml"
