import hashlib
import os
import threading

import pytest

from benchmark.errors import BenchmarkError
from benchmark.utils.files import (
    locked,
    published,
    require_writable,
    sha256,
    write_atomically,
    write_text,
)


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


def test_what_killed_writes_left_is_removed_by_the_next_one(tmp_path) -> None:
    path = tmp_path / "a[b].md"
    old, young, other = (tmp_path / f".{name}" for name in ("a[b].md.x", "a[b].md.y", "ab.md.x"))
    for left in (old, young, other):
        left.touch()
    for left in (old, other):
        os.utime(left, (0, 0))
    write_text(path, "new")
    assert sorted(tmp_path.iterdir()) == sorted([path, young, other])


def test_a_published_folder_appears_when_it_is_complete(tmp_path) -> None:
    folder = tmp_path / "a" / "store"
    with published(folder) as partial:
        (partial / "file").write_text("text")
        assert not folder.exists()
    assert (folder / "file").read_text() == "text"
    assert list(folder.parent.iterdir()) == [folder]


@pytest.mark.parametrize("failure", [OSError(28, "full"), KeyboardInterrupt()])
def test_a_folder_that_fails_leaves_nothing(tmp_path, failure) -> None:
    (tmp_path / ".store.partial").mkdir()
    (tmp_path / ".store.partial" / "killed").touch()
    with pytest.raises(type(failure)), published(tmp_path / "store") as partial:
        assert list(partial.iterdir()) == []
        raise failure
    assert list(tmp_path.iterdir()) == []


def test_one_lock_is_held_at_a_time(tmp_path) -> None:
    events: list[str] = []
    waiting = threading.Event()

    def second() -> None:
        with locked(tmp_path / "a" / ".lock", waiting.set):
            events.append("second")

    with locked(tmp_path / "a" / ".lock", lambda: pytest.fail("nobody holds it")):
        thread = threading.Thread(target=second)
        thread.start()
        assert waiting.wait(60)
        events.append("first")
    thread.join(60)
    assert events == ["first", "second"]


def test_the_sha256_of_a_file_from_a_byte_on(tmp_path) -> None:
    (tmp_path / "file").write_bytes(b"header data")
    assert sha256(tmp_path / "file") == hashlib.sha256(b"header data").hexdigest()
    assert sha256(tmp_path / "file", 7) == hashlib.sha256(b"data").hexdigest()


def test_a_results_folder_that_is_a_file_is_named_before_the_work(tmp_path) -> None:
    (tmp_path / "results").write_text("")
    with pytest.raises(BenchmarkError, match="results"):
        require_writable(tmp_path / "results")
