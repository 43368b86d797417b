import os
from pathlib import Path

import pytest

from benchmark.errors import UsageError
from benchmark.utils.paths import expanded, provide_home, require_name


@pytest.mark.parametrize("name", ["", "-a", "../up", "a/b", "a b", "a" * 101, "é"])
def test_a_name_that_no_file_can_have_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="model 'x': a name has at most 100 letters"):
        require_name(name, "model 'x'")


@pytest.mark.parametrize("name", ["a", "0", "A_b-c.d", "a" * 100])
def test_other_names_are_taken(name: str) -> None:
    require_name(name, "model")


def nobody() -> Path:
    raise RuntimeError("Could not determine home directory.")


def test_the_cache_is_the_home_of_a_user_without_one(monkeypatch) -> None:
    monkeypatch.setenv("HOME", "mine")
    monkeypatch.setenv("BENCHMARK_CACHE", "/cache")
    provide_home()
    assert os.environ["HOME"] == "mine"
    monkeypatch.setattr(Path, "home", nobody)
    provide_home()
    assert os.environ["HOME"] == "/cache"
    monkeypatch.setenv("HOME", "mine")
    monkeypatch.delenv("BENCHMARK_CACHE")
    provide_home()
    assert os.environ["HOME"] == "mine"


def test_the_home_of_a_user_that_is_not_there() -> None:
    assert expanded("~/data") == Path.home() / "data"
    assert expanded("data/~x") == Path("data/~x")
    with pytest.raises(UsageError, match=r"^~nobody-of-this-name/data: that user has no home"):
        expanded("~nobody-of-this-name/data")
