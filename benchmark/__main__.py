"""`python -m benchmark`: one message and an exit code for every error a person can cause."""

import sys

from benchmark.errors import BenchmarkError, UsageError
from benchmark.utils.escape import printable
from benchmark.utils.paths import provide_home


def main() -> None:
    from benchmark.cli import app

    provide_home()
    try:
        app()
    except BenchmarkError as error:
        print(f"error: {printable(str(error))}", file=sys.stderr)
        sys.exit(2 if isinstance(error, UsageError) else 1)


if __name__ == "__main__":
    main()
