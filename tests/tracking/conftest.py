import pytest

from tests.tracking.stores import SETTINGS, copy_of


@pytest.fixture(scope="module", autouse=True)
def settings():
    """The environment as it was found, afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SETTINGS.items():
            patch.setenv(name, value)
        yield


@pytest.fixture
def client(empty_store, tmp_path):
    with copy_of(empty_store, tmp_path) as found:
        yield found
