"""Names that MLflow takes, of stages and settings that may be called anything."""

import hashlib
import re

LONGEST = 250
"""Characters of a name in MLflow."""
_REFUSED = re.compile(
    r"[^\w.\- /]"  # signs; the colon is taken, but marks what is replaced
    r"|^/|(?<=/)/|/$"  # a part without a name
    r"|(?:^|(?<=/))\.\.?(?=/|$)|^\.\."  # a part that is a folder
)


def mlflow_name(name: str) -> str:
    """A name that MLflow takes for a metric or a parameter; most stay as they are.

    Whatever it refuses becomes `:` and two hexadecimal digits for each of its bytes in UTF-8, as in
    a URL with `:` for `%`. Of a longer name than MLflow takes, the beginning stays, with eight
    digits of its SHA-256. Example::

        mlflow_name("rank/ratio/00_user@id")      # "rank/ratio/00_user:40id"
    """
    taken = _REFUSED.sub(lambda part: _escaped(part[0]), name)
    if len(taken) <= LONGEST:
        return taken
    digest = hashlib.sha256(taken.encode()).hexdigest()[:8]
    return f"{taken[: LONGEST - 9]}:{digest}"


def _escaped(part: str) -> str:
    return "".join(f":{byte:02X}" for byte in part.encode("utf-8", "surrogatepass"))
