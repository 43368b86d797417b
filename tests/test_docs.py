"""What the README and the pages of docs/ list is what there is, and every link leads somewhere."""

import re
import tomllib
from pathlib import Path

import pytest

from benchmark.data.catalog import card_names
from benchmark.errors import BenchmarkError
from benchmark.recipes.recipe import Train
from benchmark.registry import models
from benchmark.reports import document, settings
from benchmark.utils.paths import ROOT
from tests.pages import DOCS, PAGES, prose

README = (ROOT / "README.md").read_text(encoding="utf-8")
RECIPES = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
LINK = re.compile(r"\]\((?!https?:)([^)\s]+)\)")
PATH = re.compile(
    r"`((?:benchmark|baselines|tests|docs)/[a-z_/.-]+|results/[a-z_/]+\.(?:md|toml))`"
)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and the site make them."""
    titles = re.findall(r"^#+ (.*)$", prose(page), flags=re.MULTILINE)
    words = (re.sub(r"[^\w\s-]", "", title).strip().lower() for title in titles)
    return {each.replace(" ", "-") for each in words}


def test_every_model_data_set_and_training_key_is_named() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    named = {word for code in re.findall(r"`([^`\n]+)`", text) for word in code.split(", ")}
    assert set(models.names()) <= named
    assert set(card_names()) <= named
    assert set(Train.model_fields) <= named


def test_the_table_of_settings_is_that_of_their_definitions() -> None:
    assert "<!-- settings -->" in RECIPES
    assert all(field.description for field in Train.model_fields.values())
    document.check([settings.page()])


def test_a_stale_table_of_settings_is_refused(tmp_path) -> None:
    stale = tmp_path / "recipes.md"
    stale.write_text(RECIPES.replace("| `epochs` | 100 |", "| `epochs` | 99 |"))
    with pytest.raises(BenchmarkError, match=r"run `python -m benchmark list settings --write`"):
        document.check([settings.page(stale)])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """To a file and a heading in it, and from the site to no Markdown that is not part of it."""
    for link in LINK.findall(prose(page)):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link
        outside = target.suffix == ".md" and target not in DOCS
        assert page not in DOCS or not outside, f"{link}: write it as `{name.strip('./')}`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_named_path_exists(page: Path) -> None:
    assert [path for path in PATH.findall(prose(page)) if not (ROOT / path).exists()] == []


def pages_of(entries: list[dict[str, object]]) -> list[str]:
    """The files of a navigation, those of its sections too."""
    values = [value for entry in entries for value in entry.values()]
    sections = [pages_of(value) for value in values if isinstance(value, list)]
    pages = [value for value in values if isinstance(value, str)]
    return [*pages, *(page for section in sections for page in section)]


def test_the_navigation_and_the_map_have_every_page() -> None:
    site = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]
    names = [page.name for page in DOCS]
    assert sorted(pages_of(site["nav"])) == names
    linked = set(LINK.findall((ROOT / "docs" / "index.md").read_text(encoding="utf-8")))
    assert {*names} - linked == {"index.md"}


def test_the_site_shows_the_equations_of_every_model() -> None:
    text = (ROOT / "docs" / "equations.md").read_text(encoding="utf-8")
    classes = (models.get(name) for name in models.names())
    expected = {f"::: {each.__module__}.{each.__qualname__}" for each in classes}
    assert {line for line in text.splitlines() if line.startswith(":::")} == expected


def test_the_readme_is_read_in_one_sitting() -> None:
    assert len(README.splitlines()) <= 150


def test_ci_installs_the_lock_and_runs_the_test_command() -> None:
    [test_command] = [
        line
        for line in README.splitlines()
        if line.startswith("python3 -m venv") and "pytest" in line
    ]
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for part in ("requirements.lock", "python -m pytest"):
        assert part in test_command and part in script


def test_the_lock_pins_everything_and_names_no_cuda() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    blocks = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace(" \\\n    ", " ").splitlines()
    form = r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+(?: ; [^-]+)?(?: --hash=sha256:[0-9a-f]{64})+"
    assert [block for block in blocks if not re.fullmatch(form, block)] == []
    names = [block.partition("=")[0] for block in blocks]
    assert "torch" in names and len({*names}) == len(names)
    assert not [name for name in names if re.match(r"nvidia|triton|cuda", name)]
