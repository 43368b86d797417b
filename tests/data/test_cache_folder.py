import pytest

from benchmark.data import catalog
from benchmark.errors import BenchmarkError


@pytest.mark.parametrize("chosen", ["", "~nobody-of-this-name/cache"])
def test_without_a_home_folder_the_cache_must_be_named(monkeypatch, chosen):
    def nobody(_):
        raise RuntimeError("could not determine the home directory")

    monkeypatch.setattr(catalog.platformdirs, "user_cache_path", nobody)
    monkeypatch.setenv("BENCHMARK_CACHE", chosen)
    with pytest.raises(BenchmarkError, match=r"no home folder(;| .* with BENCHMARK_CACHE)"):
        catalog.cache_folder()
