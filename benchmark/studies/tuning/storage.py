"""What lies around a study's storage: locks of this machine, a journal's torn line, one message for
each failure."""

import hashlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from benchmark.data.catalog import cache_folder
from benchmark.errors import BenchmarkError, UsageError, without_password
from benchmark.utils.files import require_writable


class Locks:
    """Locks that the processes of this machine share, and that are let go of when their process
    dies."""

    def __init__(self, where: str, study: str) -> None:
        key = hashlib.sha256(f"{where} {study}".encode()).hexdigest()[:16]
        self._folder = cache_folder().resolve() / ".tuning" / key
        require_writable(self._folder)
        self.here = f"{socket.gethostname()}:{self._folder}"
        """Whose locks these are: nothing can be said of a trial that another machine holds."""

    def named(self, name: str) -> FileLock:
        return FileLock(self._folder / f"{name}.lock")

    def of_trial(self, number: int) -> FileLock:
        return self.named(f"trial-{number}")

    def is_free(self, number: int) -> bool:
        try:
            with self.of_trial(number).acquire(timeout=0):
                return True
        except Timeout:
            return False


def drop_torn_line(path: Path) -> None:
    """What a full disk or a cut in power left of a line at the end of a journal, after which
    nothing could be read."""
    if not path.exists() or not path.stat().st_size:
        return
    with path.open("rb+") as file:
        file.truncate(file.read().rfind(b"\n") + 1)


@contextmanager
def one_message(where: str) -> Iterator[None]:
    """Raises UsageError for a storage that is none, BenchmarkError for one that fails."""
    place = without_password(where)
    try:
        yield
    except ImportError as error:
        raise UsageError(
            f"--storage {place}: {error}; PostgreSQL is postgresql+psycopg://USER@HOST/DATABASE and"
            ' needs the extra: pip install -e ".[postgres]"'
        ) from None
    except ArgumentError as error:
        raise UsageError(
            f"--storage {place}: {error}; write e.g. sqlite:///FILE or postgresql+psycopg://..."
        ) from None
    except SQLAlchemyError as error:
        reason = without_password(str(error).strip().splitlines()[0])
        raise BenchmarkError(f"--storage {place}: {reason}") from None
    except OSError as error:
        raise BenchmarkError(
            f"{place}: cannot be read or written: {error.strerror or error}"
        ) from None
    except (ValueError, KeyError) as error:
        raise BenchmarkError(
            f"{place} is no journal of a study ({error}); remove it: trials that ended are read"
            " from the JSON file"
        ) from None
