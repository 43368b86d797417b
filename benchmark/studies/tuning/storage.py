"""What surrounds a study's storage: locks of this machine, a journal's torn line, one message for
each failure."""

import hashlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
from filelock import FileLock, Timeout
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from benchmark.data.catalog import cache_folder
from benchmark.errors import BenchmarkError, UsageError, without_password
from benchmark.utils.files import require_writable

CONNECT_SECONDS = 10


class Locks:
    """Locks that the processes of this machine share; they are released when their process dies."""

    def __init__(self, where: str, study: str) -> None:
        key = hashlib.sha256(f"{where} {study}".encode()).hexdigest()[:16]
        self._folder = cache_folder().resolve() / ".tuning" / key
        require_writable(self._folder)
        self.host = f"{socket.gethostname()}:{self._folder}"
        """Whose locks these are: only its own machine can tell whether a trial is abandoned."""

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


def open_storage(where: str) -> optuna.storages.BaseStorage:
    """A database by its URL, else a journal file by its path."""
    if "://" in where:
        connect = {"connect_timeout": CONNECT_SECONDS} if where.startswith("postgresql") else {}
        return optuna.storages.RDBStorage(where, engine_kwargs={"connect_args": connect})
    path, lock = Path(where), JournalFileSymlinkLock(where)
    require_writable(path.parent)
    lock.acquire()
    try:
        # A full disk or a power cut leaves an unfinished, unreadable last line.
        if path.exists() and path.stat().st_size:
            with path.open("rb+") as file:
                file.truncate(file.read().rfind(b"\n") + 1)
    finally:
        lock.release()
    return optuna.storages.JournalStorage(JournalFileBackend(where, lock))


@contextmanager
def one_message(where: str) -> Iterator[None]:
    """Raise UsageError for what is no storage, BenchmarkError for a storage that fails."""
    place = without_password(where)
    try:
        yield
    except ImportError as error:
        raise UsageError(
            f"--storage {place}: {error}; PostgreSQL is postgresql+psycopg://USER@HOST/DATABASE and"
            ' needs the extra: pip install -e ".[postgres]"'
        ) from None
    except ArgumentError as error:
        forms = "write e.g. sqlite:///FILE or postgresql+psycopg://..."
        raise UsageError(f"--storage {place}: {error}; {forms}") from None
    except SQLAlchemyError as error:
        reason = without_password(str(error).strip().splitlines()[0])
        raise BenchmarkError(f"--storage {place}: {reason}") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise BenchmarkError(f"{place}: cannot be read or written: {reason}") from None
    except (ValueError, KeyError) as error:
        remedy = "remove it: trials that ended are read from the JSON file"
        raise BenchmarkError(f"{place} is no journal of a study ({error}); {remedy}") from None
