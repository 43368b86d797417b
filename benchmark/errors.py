"""The errors a person can cause; the command line turns each into a message and an exit code."""

import re

_LONG_WORD = re.compile(r"(\S{200})\S{100,}(\S{50})")


class BenchmarkError(Exception):
    """Something failed other than the request (a file, a server, a diverging run): exit code 1.

    Words of 350 characters and more are shortened: a damaged file that is quoted may hold them."""

    def __init__(self, message: str = "") -> None:
        super().__init__(_LONG_WORD.sub(r"\1...\2", message))


class MissingData(BenchmarkError):
    """The files of a data set are not on this machine."""


class LostProcess(BenchmarkError):
    """Another process of the same run is gone, or does not answer."""


class UsageError(BenchmarkError):
    """The request itself is wrong (a misspelt name, a wrong key or value): exit code 2."""


def reason(error: BaseException) -> str:
    """The message of an error, led by its type if the error is not one of these."""
    return str(error) if isinstance(error, BenchmarkError) else f"{type(error).__name__}: {error}"


def quoted(value: object) -> str:
    """A value as messages quote it: its beginning, if it is long."""
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]} ..."
