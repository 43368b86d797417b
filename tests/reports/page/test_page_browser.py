"""The page in a real browser, where there is one: what a reader does with it."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmark import page as studies_page
from benchmark.reported import Reports
from tests.reports.page.made_up import EVIL, make_results

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
BOARD = "table.board[data-board=synthetic]"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if BROWSER is None:
        pytest.skip("there is no Chromium")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> str:
    path: Path = tmp_path_factory.mktemp("shown")
    document = studies_page.document(Reports(make_results(path)))
    document.write()
    return document.path.as_uri()


@pytest.fixture
def visit(browser, address) -> Iterator[Any]:
    """Open the page in a window with these options. It must not fail, nor ask for another file."""
    wrong: list[str] = []
    asked: list[str] = []
    windows = []

    def open_at(anchor: str = "", **options: Any) -> Any:
        windows.append(browser.new_context(**options))
        page = windows[-1].new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text))
        page.on("dialog", lambda dialog: wrong.append(dialog.message))
        page.on("request", lambda each: asked.append(each.url))
        page.goto(f"{address}#{anchor}")
        return page

    yield open_at
    for window in windows:
        window.close()
    assert not wrong and {url.partition("#")[0] for url in asked} == {address}


def names(page: Any) -> list[str]:
    """The shown rows of the board of synthetic, in order."""
    rows: list[str] = page.locator(f"{BOARD} tr.row:visible th").all_inner_texts()
    return [row.strip() for row in rows]


def test_a_board_is_sorted_filtered_and_has_chosen_columns(visit) -> None:
    page = visit("synthetic")
    ranked = ["rankmixer", "dcnv2", "dnn", "lr", "finalnet"]
    assert names(page) == ranked
    head = page.locator(f"{BOARD} thead button", has_text="test LogLoss")
    head.focus()
    page.keyboard.press("Enter")
    assert names(page) == ["finalnet", *ranked[:-1]]
    assert head.locator("..").get_attribute("aria-sort") == "ascending"
    assert page.locator(BOARD).get_attribute("data-ties") == "logloss"
    head.click()
    assert names(page) == ["lr", "dnn", "dcnv2", "rankmixer", "finalnet"]
    page.locator("#synthetic input[type=search]").fill("Dn")
    assert names(page) == ["dnn"]
    assert page.locator("#synthetic [role=status]").inner_text() == "1 of 5 rows"
    flops = page.locator(f"{BOARD} td:visible", has_text="600")
    assert flops.count() == 0
    page.locator("#synthetic summary").click()
    page.get_by_label("FLOPs", exact=True).locator("visible=true").check()
    assert flops.count() == 1


def test_a_row_opens_with_its_plots_and_shows_text_as_text(visit) -> None:
    page = visit()
    assert page.locator(".view:visible h2").all_inner_texts() == ["frappe_x1r"]
    page.get_by_role("link", name="synthetic").click()
    page.locator(f"{BOARD} a", has_text="dcnv2").click()
    assert page.locator(".view:visible h2").all_inner_texts() == ["synthetic/dcnv2"]
    assert page.evaluate("document.activeElement.textContent") == "synthetic/dcnv2"
    assert EVIL[:40] in page.locator(".caveat:visible").inner_text()
    figures = page.locator(".view:visible figure[data-chart]")
    assert figures.count() == 3 and page.locator(".view:visible figure[data-chart] svg").count() > 3
    curves = figures.first.locator("g[aria-label=line] path")
    assert curves.count() == 5, "a line a seed"
    before = curves.first.get_attribute("d")
    figures.first.locator("select").select_option("logloss")
    assert curves.first.get_attribute("d") != before
    page.go_back()
    assert page.locator(".view:visible h2").all_inner_texts() == ["synthetic"]


def test_two_rows_are_compared(visit) -> None:
    page = visit("synthetic")
    for name in ("dcnv2", "dnn"):
        page.get_by_label(f"compare {name}", exact=True).locator("visible=true").check()
    page.get_by_role("link", name="Compare 2 rows").click()
    shown = page.locator("#_compare")
    assert shown.locator("h2").inner_text() == "Compare dcnv2, dnn"
    assert re.search(r"dcnv2 − dnn\s+\+0\.003\d+ \(\+0\.00\d+ to \+0\.00\d+\)", shown.inner_text())
    assert "0.75814 ± 0.00014" in shown.inner_text()
    assert shown.locator("figure[data-chart] svg").count() >= 2
    shown.get_by_label("row 3").select_option("rankmixer")
    assert page.url.endswith("#_compare/synthetic/dcnv2,dnn,rankmixer")
    assert shown.locator("tbody").last.locator("tr").count() == 3


def test_claims_and_ladders_are_drawn(visit) -> None:
    page = visit("_claims")
    assert page.locator("[data-verdict^='holds here']").first.is_visible()
    assert page.locator("figure[data-chart=claim]:visible svg g[aria-label=dot]").count() >= 1
    page.get_by_role("link", name="synthetic").click()
    board = page.locator("#synthetic figure[data-chart=pareto]")
    assert board.locator("g[aria-label=line] path").count() == 2, "a ladder, and the best rows"
    board.locator("g[aria-label=dot]").first.locator("circle").first.hover()
    assert "seed" in board.locator("g[aria-label=tip]").text_content()
    page.get_by_role("link", name="Scaling").click()
    assert page.locator("figure[data-chart=laws] svg g[aria-label=dot] path").count() == 4


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_deep_link_on_a_phone(visit, scheme) -> None:
    page = visit("synthetic/lr", viewport={"width": 400, "height": 800}, color_scheme=scheme)
    assert page.locator(".view:visible h2").all_inner_texts() == ["synthetic/lr"]
    assert page.evaluate("document.documentElement.scrollWidth") == 400
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") == (scheme == "light")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("nav").is_visible() and page.locator("#synthetic\\/lr").is_visible()


def test_without_scripts_all_tables_stand_below_each_other(visit) -> None:
    page = visit(java_script_enabled=False)
    assert page.locator("table.board:visible").count() == 2
    assert page.locator(".recipe:visible").count() == 10
    assert page.locator("figure:visible").count() == page.locator("#_compare:visible").count() == 0
    text = page.locator("#synthetic").inner_text()
    assert "1 (1 to 1)" in text and "1,200" in text, "every column is shown"
