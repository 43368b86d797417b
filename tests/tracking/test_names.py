from posixpath import normpath
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.tracking.names import LONGEST, mlflow_name

TEXTS = st.text(min_size=1) | st.text("a./:@", min_size=1)


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("rank/ratio/02_block1.mixing", "rank/ratio/02_block1.mixing"),
        ("Größe_用户 - 1", "Größe_用户 - 1"),
        ("user@id", "user:40id"),
        ("a:b", "a:3Ab"),
        ("a→b", "a:E2:86:92b"),
        ("(a,b)=[c]&d%", ":28a:2Cb:29:3D:5Bc:5D:26d:25"),
        ("/a//b/", ":2Fa/:2Fb:2F"),
        ("a/../b/./c", "a/:2E:2E/b/:2E/c"),
        ("..a", ":2E:2Ea"),
    ],
)
def test_only_what_mlflow_refuses_is_replaced(name: str, taken: str) -> None:
    assert mlflow_name(name) == taken


@given(TEXTS)
def test_mlflow_takes_every_name_and_each_can_be_read_back(name: str) -> None:
    from mlflow.utils.validation import path_not_unique, validate_param_and_metric_name

    taken = mlflow_name(name)
    assert validate_param_and_metric_name(taken) and not path_not_unique(taken)
    assert normpath(taken) == taken and len(taken) <= LONGEST
    if len(taken) < LONGEST:
        assert unquote(taken.replace(":", "%")) == name


def test_long_names_stay_different() -> None:
    names = {mlflow_name("a" * 400 + end) for end in "bc"}
    assert len(names) == 2 and {len(name) for name in names} == {LONGEST}
    assert all(name.startswith("a" * 240) for name in names)
