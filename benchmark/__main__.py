"""`python -m benchmark`: one message and an exit code for every error a person can cause."""

import atexit
import signal
import sys

from benchmark.errors import BenchmarkError, UsageError
from benchmark.utils.escape import printable
from benchmark.utils.paths import provide_home


def main() -> None:
    try:
        from benchmark.cli import app

        provide_home()
        app()
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except BenchmarkError as error:
        print(f"error: {printable(str(error))}", file=sys.stderr)
        sys.exit(2 if isinstance(error, UsageError) else 1)
    finally:
        # one more Ctrl-C would be a traceback of what the interpreter does at its end
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)


if __name__ == "__main__":
    main()
