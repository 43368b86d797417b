"""Generated files: made, written and checked."""

import json

import pytest

from benchmark.errors import BenchmarkError
from benchmark.reports.document import Document, Report, Table, check, write

TABLE = Table("Sizes", ("name", "size"), (("a", "1"), ("b", "2")), ("Sizes are made up.",))
REPORT = Report("All", ("First.",), (TABLE, Table("Rest", remarks=("None.",))), {"sizes": [1, 2]})


def test_a_report_is_markdown_and_its_numbers_are_json(tmp_path) -> None:
    page, numbers = REPORT.documents(tmp_path / "sizes.v1", "make sizes")
    assert page.path.name == "sizes.v1.md" and numbers.path.name == "sizes.v1.json"
    assert page.text == (
        "# All\n\nFirst.\n\n## Sizes\n\n| name | size |\n| --- | --- |\n| a | 1 |\n| b | 2 |\n"
        "\nSizes are made up.\n\n## Rest\n\nNone.\n"
    )
    assert json.loads(numbers.text) == {"sizes": [1, 2]}


def test_what_is_written_is_current_until_it_differs_or_is_gone(tmp_path) -> None:
    documents = REPORT.documents(tmp_path / "deep" / "sizes", "make sizes")
    with pytest.raises(BenchmarkError, match=r"sizes\.md: .*missing.*run `make sizes`\n.*\.json"):
        check(documents)
    write(documents)
    check(documents)
    page = documents[0].path
    page.write_text(page.read_text() + "\n")
    with pytest.raises(BenchmarkError, match=r"sizes\.md: ") as caught:
        check(documents)
    assert "json" not in str(caught.value)


def test_a_file_that_nothing_gives_is_a_fault(tmp_path) -> None:
    document = Document(tmp_path / "old.md", None, "make sizes")
    check([document])
    document.write()
    assert not document.path.exists()
    document.path.touch()
    assert document.fault == "is made from no record; remove it"
