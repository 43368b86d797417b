"""The help is read whole: no word of it is cut off, at any width, and none is taken for a style."""

import pytest

GROUPS = ["", "data", "results", "speed", "study"]
PAGES = [*GROUPS, "run", "ablate", "damping", "scale", "study scaling", "tune", "predict"]


@pytest.mark.parametrize("width", ["60", "80"])
@pytest.mark.parametrize("page", PAGES)
def test_no_word_is_cut_off(command, page, width) -> None:
    out, _ = command(*page.split(), "--help", COLUMNS=width)
    assert max(map(len, out.splitlines())) <= int(width)
    assert f"{page} [OPTIONS]" in " ".join(out.split())
    assert "..." not in out.replace("[ARGS]...", "") and "…" not in out


def test_what_stands_in_brackets_is_kept(command) -> None:
    for page in ("scale", "study scaling"):
        assert "[scaling] is run" in " ".join(command(*page.split(), "--help")[0].split())


def test_an_example_is_whole(command) -> None:
    assert "train.epochs=3;" in command("run", "--help", COLUMNS="60")[0]
