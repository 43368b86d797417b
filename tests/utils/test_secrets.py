from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.errors import UsageError
from benchmark.utils.secrets import require_quoted, without_password

PASSWORDS = ["secret", "p/a", "p@s/s@", "100%", "%2Fab", "a:b", "a?b#c", "b=a&c"]


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize("scheme", ["http", "postgresql+psycopg"])
def test_a_login_is_left_out_of_a_message(password: str, scheme: str) -> None:
    text = f"at {scheme}://me:{password}@host:1/x failed; write to a@b"
    assert without_password(text) == f"at {scheme}://host:1/x failed; write to a@b"


@pytest.mark.parametrize(
    "text",
    [
        "sqlite:////home/a@b/mlflow.db failed",
        "https://host:8443/x?y=1 and mail me@host",
        "nothing of the kind: //a@b",
        "hf://datasets/owner/name@0123abcd/x.csv: the hub has no such file",
    ],
)
def test_what_is_no_login_stays(text: str) -> None:
    assert without_password(text) == text


def test_passwords_of_a_query_are_masked() -> None:
    text = "postgresql://host/db?user=me&password=abc&sslpassword=d&ssl=1#x"
    masked = "postgresql://host/db?user=me&password=***&sslpassword=***&ssl=1#x"
    assert without_password(text) == masked


@given(st.text(min_size=3))
def test_the_password_of_an_address_shows_in_no_spelling(password: str) -> None:
    quoted = quote(password, safe="")
    address = f"mysql://me:{quoted}@host/db"
    masked = without_password(f"x <{password}> <{quoted}> {address}", address)
    assert password not in masked.replace("***", "") or password in "x <> mysql://host/db"


@pytest.mark.parametrize("sign", "/?#@[] \n")
def test_an_address_that_ends_inside_its_password_is_refused(sign: str) -> None:
    with pytest.raises(UsageError, match="MLFLOW_TRACKING_URI: the address cannot") as error:
        require_quoted(f"postgresql://me:pa{sign}ss@host/db", "MLFLOW_TRACKING_URI")
    assert "ss@" not in str(error.value)
    require_quoted(f"postgresql://me:pa{quote(sign, safe='')}ss@host/db", "MLFLOW_TRACKING_URI")


@pytest.mark.parametrize("address", ["sqlite:////a@b/c d", "mlruns", "http://host/", "file:/a@b"])
def test_addresses_without_a_login_are_read(address: str) -> None:
    require_quoted(address, "MLFLOW_TRACKING_URI")
