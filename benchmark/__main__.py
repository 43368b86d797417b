"""`python -m benchmark`: one message and an exit code for every error a person can cause."""

import sys

from benchmark.errors import BenchmarkError, UsageError


def main() -> None:
    from benchmark.cli import app

    try:
        app()
    except UsageError as error:
        _fail(error, 2)
    except BenchmarkError as error:
        _fail(error, 1)


def _fail(error: BenchmarkError, code: int) -> None:
    print(f"error: {error}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
