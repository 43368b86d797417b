"""The page: what it states, that it is safe to open, and that it is checked."""

import base64
import hashlib
import json
import re
import shutil
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from benchmark import page as studies_page
from benchmark.errors import BenchmarkError, UsageError
from benchmark.measure.significance import welch
from benchmark.records import record
from benchmark.records.archive import Archive
from benchmark.reported import Reports
from benchmark.reports.document import Report
from benchmark.reports.leaderboard import across
from benchmark.reports.leaderboard import boards as leaderboards
from benchmark.reports.leaderboard.boards import Refused
from benchmark.reports.leaderboard.columns import FURTHER
from benchmark.reports.leaderboard.published import Published
from benchmark.reports.leaderboard.tracks import AUC, entries
from benchmark.reports.page import charts, page
from benchmark.reports.page.columns import COLUMNS
from benchmark.reports.page.rows import Bar, of_board
from benchmark.reports.page.serve import server
from benchmark.utils.paths import ROOT
from benchmark.verify import ladder
from tests.cli.test_leaderboard_commands import call
from tests.factories import make_curve
from tests.reports.leaderboard.test_across import tuned
from tests.reports.page.made_up import EVIL, SIZES, make_results

VENDOR = ROOT / "benchmark" / "reports" / "page" / "vendor"


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Archive:
    return make_results(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def text(archive) -> str:
    return studies_page.document(Reports(archive)).text or ""


def data_of(text: str) -> dict:
    [inlined] = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text)
    found: dict = json.loads(inlined)
    return found


def rows_of(archive: Archive, dataset: str = "synthetic"):
    runs = leaderboards.rows(archive)
    boards = leaderboards.boards(runs, Published())
    [board] = [each for each in boards if each.dataset == dataset]
    return of_board(board, runs)


def cells(text: str, anchor: str) -> dict[str, str]:
    """The shown text of a board's row by column."""
    [row] = re.findall(rf'<th scope="row"><a href="#{anchor}">.*', text)
    shown = [re.sub("<[^>]*>", "", each) for each in re.split(r"<td[^>]*>", row)[1:]]
    return dict(zip((column.title for column in COLUMNS), shown, strict=True))


def test_a_row_states_what_the_leaderboard_states(archive, text) -> None:
    for dataset in ("synthetic", "frappe_x1r"):
        for row in rows_of(archive, dataset):
            shown, line = cells(text, row.anchor), row.line
            assert shown["test AUC"] == f"{line['auc']:.5f} ± {line['auc_sd']:.5f}"
            place = f"{line['auc_rank']} ({line['auc_first']} to {line['auc_last']})"
            assert shown["rank by AUC"] == (place if row.ranked else f"not ranked: {line['apart']}")
    assert cells(text, "synthetic/finalnet")["rank by AUC"] == "not ranked: fewer than 5 seeds"
    assert cells(text, "frappe_x1r/dcnv2_bars")["published AUC"] == "0.98382 (bars, another split)"
    assert cells(text, "frappe_x1r/dcnv2_bars")["published LogLoss"].startswith("0.14915 (bars")
    assert cells(text, "synthetic/dnn")["train seconds"] == "2"


def test_a_board_says_what_the_choice_of_test_rows_leaves_open(text) -> None:
    assert "The choice of the test rows adds a standard error of 0." in text


def test_bars_and_shades_are_those_of_the_ranks(archive) -> None:
    first, *_, last, apart = rows_of(archive)
    assert first.rank_bar(AUC) == Bar(0, 25, 12.5) and last.rank_bar(AUC) == Bar(75, 100, 87.5)
    best, worst = first.best_bar(AUC), last.best_bar(AUC)
    assert best and worst and best.at == worst.at == best.low == worst.high
    assert worst.low == 0 and best.high == 100, "the scale ends with the longest intervals"
    assert [row.tie(AUC) for row in rows_of(archive)] == ["a", "b", "a", "b", ""]
    assert apart.rank_bar(AUC) is None and apart.best_bar(AUC) is None


def test_what_is_drawn_comes_from_the_records(archive, text) -> None:
    data = data_of(text)
    row = data["rows"]["synthetic/dnn"]
    runs = archive.runs("synthetic", "dnn")
    assert row["seeds"] == [
        [r.seed, charts.rounded(r.metrics.test.auc), charts.rounded(1.2 - r.metrics.test.auc)]
        for r in runs
    ]
    first = runs[0].curve[0].valid
    point = [10, round(1e5 * first.auc), round(1e5 * first.logloss)]
    assert row["curves"][0]["points"][0] == point
    assert list(row["ranks"]["batch"]) == ["untrained", "trained"]
    assert [field[:3] for field in row["tables"]] == [["user", 5, 3], ["item", 9, 6]]
    [law] = [law for law in data["ladders"]["synthetic"] if law["axis"] == "parameters"]
    assert [size["size"] for size in law["sizes"]] == [size + 10 for size in SIZES]
    assert all(0.7 < size["auc"] < 0.8 for size in law["sizes"])
    difference = welch(
        *(
            [r.metrics.test.auc for r in archive.runs("synthetic", name)]
            for name in ("dcnv2", "dnn")
        )
    )
    [(value, low, high), _] = data["pairs"]["synthetic"]["synthetic/dcnv2 synthetic/dnn"]
    assert (value, low, high) == pytest.approx(
        (difference.value, difference.low, difference.high), rel=1e-2
    )
    assert any(verdict["effects"] for verdict in data["claims"])


def test_of_a_long_curve_few_points_and_the_best_are_kept(archive) -> None:
    [run, *_] = archive.runs("synthetic", "dnn")
    whole = make_curve(*(0.7 - abs(n - 37) / 1e4 for n in range(100)))
    measured = run.measured.__class__(run.measured.initial, run.measured.best, curve=whole)
    long = run.model_copy(update={"measured": measured, "best": record.Epoch(step=380, epoch=38)})
    steps = [point[0] for point in charts.curve(long)["points"]]
    assert steps[:3] == [10, 50, 90] and 380 in steps and len(steps) == 26


def test_no_text_becomes_markup(text) -> None:
    assert EVIL[:10] not in text and "&lt;img src=x onerror=alert(1)&gt;" in text
    assert "\x1b" not in text and r"\x1b[2J" in text
    assert text.count("<script") == text.count("</script") == 2
    assert page.marked("**a** `b` *c* <i> 2 * 3 * 4") == (
        "<b>a</b> <code>b</code> <i>c</i> &lt;i&gt; 2 * 3 * 4"
    )


def test_a_recipe_called_markup_shows_as_text(archive) -> None:
    runs = [run.model_copy(update={"name": EVIL}) for run in archive.runs("synthetic", "dnn")]
    rows = entries(runs)
    boards = leaderboards.boards(rows, Published())
    content = page.Content(boards, None, rows, [], Report(EVIL, (EVIL,), (), {}), [])
    shown = page.html(content)
    assert EVIL[:10] not in shown and shown.count("<script") == 2
    assert "&lt;img" in shown and EVIL[:4] not in shown.split('id="data">')[1]


def test_what_boards_have_in_common_and_rows_of_more_seeds_are_shown(text) -> None:
    assert "_across" not in text and FURTHER not in text
    twice = [
        *tuned("frappe_x1r"),
        *tuned("kuairand_14d"),
        *tuned("kuairand_14d", seeds=range(5, 10)),
    ]
    rows = entries([*twice, *tuned("kuairand_14d", {"e_tuned": 0.5})])
    boards = leaderboards.boards(rows, Published())
    content = page.Content(boards, across.report(boards), rows, [], Report("", (), (), {}), [])
    shown = page.html(content)
    assert '<a href="#_across">Across data sets</a>' in shown
    [section] = re.findall(r'<section id="_across".*?</section>', shown, re.DOTALL)
    assert "<td>1 to 1" in section and "<td>found" in section
    [board] = re.findall(r'<section id="kuairand_14d".*?</section>', shown, re.DOTALL)
    first, again = board.split(f"<h3>{FURTHER}</h3>")
    assert "e_tuned" in first and "e_tuned" not in again and "d_tuned" in again


def test_it_asks_for_nothing_and_runs_nothing_else(text) -> None:
    [script] = re.findall(r"<script>(.*)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in text
    head = text.partition("<script")[0]
    assert not re.findall(r"<link|<[^>]*\ssrc=|@import|url\(", head)
    assert set(re.findall(r'href="([^#"][^"]{0,10})', head)) == {"../records/"}
    assert len(text.encode()) < 1e6


def test_the_libraries_are_those_that_are_named(text) -> None:
    named = re.findall(r"\| (\S+\.js) \|.*`([0-9a-f]{64})`", (VENDOR / "README.md").read_text())
    assert {name for name, _ in named} == {path.name for path in VENDOR.glob("*.js")}
    for name, digest in named:
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == digest
        licence = (VENDOR / f"{name.partition('.')[0]}.LICENSE").read_text()
        assert "Permission to use" in licence and str(page.escape(licence)) in text


def test_the_same_bytes_and_refused_rows_are_named(archive, text, tmp_path) -> None:
    refused = [Refused("synthetic", "dnn", "seed-0: <altered>", 5)]
    elsewhere = Archive(shutil.copytree(archive.results, tmp_path / "elsewhere"))
    assert studies_page.document(Reports(elsewhere)).text == text
    without = studies_page.document(Reports(archive, refused)).text or ""
    assert "synthetic/dnn is not ranked: seed-0: &lt;altered&gt;" in without
    assert 'id="synthetic/dnn"' not in without and 'id="synthetic/dnn"' in text


def test_a_study_that_cannot_be_told_says_why(tmp_path) -> None:
    archive = make_results(tmp_path, ["synthetic"], rows=1)
    archive.path("synthetic", "dnn-1-1", 0, "scaling").write_text("{")
    broken = studies_page.document(Reports(archive)).text or ""
    assert re.search(r"seed-0\.json: no valid JSON", broken)
    empty = studies_page.document(Reports(Archive(tmp_path / "none"))).text or ""
    assert "There is no ranked record yet." in empty


def test_report_writes_checks_and_is_verified(tmp_path, monkeypatch) -> None:
    archive = make_results(tmp_path, ["synthetic"], rows=2)
    monkeypatch.setattr(ladder, "refused", lambda paths: [])
    where = ("--results", str(tmp_path))
    path = archive.page()
    assert not [each for each, _ in ladder.tables(archive) if each == path], "it may be absent"
    with pytest.raises(BenchmarkError, match=r"index\.html: is missing"):
        call("report", "--check", *where)
    assert re.search(r"report/index\.html: written, 0\.\d MB", call("report", *where))
    assert "is what the records give" in call("report", "--check", *where)
    path.write_text(path.read_text().replace("0.75", "0.76"))
    with pytest.raises(BenchmarkError, match="run `python -m benchmark report`"):
        call("report", "--check", *where)
    assert [fault for each, fault in ladder.tables(archive) if each == path]
    with pytest.raises(UsageError, match="either --check"):
        call("report", "--check", "--serve", *where)
    refused = [Refused("synthetic", "dnn", "seed-0: altered", 1)]
    monkeypatch.setattr(ladder, "refused", lambda paths: refused)
    with pytest.raises(BenchmarkError, match="synthetic/dnn is not ranked: seed-0: altered"):
        call("report", "--check", *where)


def test_it_is_served_to_this_machine_alone(tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "index.html").write_text("the page")
    with server(tmp_path, 0) as running:
        port = running.server_port
        threading.Thread(target=running.serve_forever, daemon=True).start()
        assert running.server_address[0] == "127.0.0.1"
        with urllib.request.urlopen(f"http://localhost:{port}/report/") as answer:
            assert answer.read() == b"the page"
        elsewhere = urllib.request.Request(
            f"http://127.0.0.1:{port}/report/", headers={"Host": f"evil.example:{port}"}
        )
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(elsewhere)
        with pytest.raises(BenchmarkError, match=f"port {port} of 127.0.0.1: .*choose another"):
            server(tmp_path, port)
        running.shutdown()
