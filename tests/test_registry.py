import pytest

from benchmark.errors import BenchmarkError, UsageError
from benchmark.registry import Registry, models, unknown


def test_unknown_names_answer_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"unknown model 'rankelastr'; did you mean rankelastor"):
        models.get("rankelastr")


def test_a_name_like_no_other_gets_the_whole_list() -> None:
    assert str(unknown("model", "zzzz", ["lr", "fm"])) == "unknown model 'zzzz'; known: fm, lr"
    many = str(unknown("model", "zzzz", map(str, range(100))))
    assert many.endswith(", 43, 44 and 60 more") and many.startswith(
        "unknown model 'zzzz'; known: 0"
    )


@pytest.mark.parametrize(
    ("folders", "hint"),
    [
        (None, "(if a plug-in registers it, set BENCHMARK_PLUGINS to its folder)"),
        ("mine", "(BENCHMARK_PLUGINS=mine does not register it)"),
    ],
)
def test_an_unknown_model_may_be_that_of_a_plug_in(folders, hint, monkeypatch) -> None:
    models.names()
    monkeypatch.delenv("BENCHMARK_PLUGINS", raising=False)
    if folders:
        monkeypatch.setenv("BENCHMARK_PLUGINS", folders)
    for name in ("gated", "rankelastr"):
        with pytest.raises(UsageError) as raised:
            models.get(name)
        assert str(raised.value).endswith(hint)


def test_duplicates_raise() -> None:
    registry: Registry[int] = Registry("model", "baselines")
    registry.register("a")(1)
    with pytest.raises(ValueError, match="registered twice"):
        registry.register("a")(2)


def test_a_name_that_no_file_can_have_is_refused() -> None:
    registry: Registry[int] = Registry("model", "baselines")
    with pytest.raises(UsageError, match="model 'a/b': a name has at most 100 letters"):
        registry.register("a/b")(1)


def test_a_broken_module_is_named(tmp_path, monkeypatch) -> None:
    package = tmp_path / "brokenpackage"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "bad.py").write_text("import no_such_module_anywhere\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry: Registry[int] = Registry("model", "brokenpackage")
    with pytest.raises(
        BenchmarkError, match=r"brokenpackage/bad\.py cannot be imported: ModuleNotFoundError"
    ):
        registry.names()
