import pytest

from benchmark.errors import BenchmarkError
from benchmark.utils.files import require_writable, write_atomically, write_text


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path) -> None:
    path = tmp_path / "table.md"
    write_text(path, "old")

    def fail(file) -> None:
        file.write(b"ne")
        raise OSError(28, "No space left on device")

    with pytest.raises(
        BenchmarkError, match=r"table\.md: cannot be written: No space left on device"
    ):
        write_atomically(path, fail)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_results_folder_that_is_a_file_is_named_before_the_work(tmp_path) -> None:
    (tmp_path / "results").write_text("")
    with pytest.raises(BenchmarkError, match="results"):
        require_writable(tmp_path / "results")
