"""`python -m benchmark`: one message and an exit code for every error a person can cause."""

import atexit
import signal
import sys

from benchmark.errors import BenchmarkError, LostProcess, UsageError
from benchmark.utils import torchrun
from benchmark.utils.escape import printable
from benchmark.utils.paths import provide_home


def main() -> None:
    try:
        if torchrun.is_running() and sys.argv[1:2] != ["run"]:
            raise UsageError("torchrun starts several processes, which `run` alone shares out")
        from benchmark.cli import app

        provide_home()
        app()
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except BenchmarkError as error:
        if _speaks(error):
            print(f"error: {printable(str(error))}", file=sys.stderr)
        sys.exit(2 if isinstance(error, UsageError) else 1)
    finally:
        # one more Ctrl-C would be a traceback of what the interpreter does at its end
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)


def _speaks(error: BenchmarkError) -> bool:
    """Whether this process tells of an error: others of torchrun's may have the same."""
    if not isinstance(error, LostProcess):
        return not torchrun.is_silent()
    from benchmark.distributed.world import is_first_to_say

    return is_first_to_say()


if __name__ == "__main__":
    main()
