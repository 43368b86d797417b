"""What torchrun tells the processes that it starts."""

import os


def is_running() -> bool:
    """Whether this process is one of several that torchrun started."""
    size = os.environ.get("WORLD_SIZE", "")
    return size.isdecimal() and int(size) > 1 and "RANK" in os.environ


def is_silent() -> bool:
    """Whether another process prints and writes for this one."""
    return is_running() and os.environ.get("RANK") != "0"


def local_rank() -> int:
    """The number of this process on its machine, which is that of its GPU."""
    return int(os.environ.get("LOCAL_RANK", "0"))
