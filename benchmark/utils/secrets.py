"""Addresses without their passwords, for everything that a person or a file may see."""

import re
from urllib.parse import unquote

from benchmark.errors import UsageError

# up to the last @, since a password may hold / and @; a path after three slashes has no login, nor
# have addresses of the hub, where @ stands before the revision
_LOGIN = re.compile(r"(?<!hf://)(?<=://)[^/\s]\S*@")
_QUERY = re.compile(r"([?&]\w*(?:password|passwd|pwd|secret|token)=)[^&#\s]*", re.IGNORECASE)
_CUTS_AN_ADDRESS = re.compile(r"[/?#@\[\]\s]")


def without_password(text: str, address: str = "") -> str:
    """A text without the login of every URL in it, and without passwords in their queries.

    The password of `address` is masked wherever it stands, as it is written there and unquoted.
    Example::

        without_password("at postgresql://me:p@s/s@host/runs")   # "at postgresql://host/runs"
        without_password("https://host/?password=abc&ssl=1")     # "https://host/?password=***&ssl=1"
    """
    text = _QUERY.sub(r"\1***", _LOGIN.sub("", text))
    login = _LOGIN.search(address)
    written = login[0][:-1].partition(":")[2] if login else ""
    for password in filter(None, (written, unquote(written))):
        text = text.replace(password, "***")
    return text


def require_quoted(address: str, variable: str) -> None:
    """Raise UsageError for an address that ends inside its password: programs would take the rest
    for a host or a path, and name it in their messages."""
    login = address.partition("://")[2].rpartition("@")[0]
    if not login.startswith("/") and _CUTS_AN_ADDRESS.search(login):
        signs = "/ ? # @ [ ] and blanks in its password as %2F %3F %23 %40 %5B %5D and %20"
        raise UsageError(f"{variable}: the address cannot be read; write {signs}")
