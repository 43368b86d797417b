"""Memory that is freed is kept for the next block of the same work."""

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
NEVER = 2**31 - 1


def keep_freed_memory() -> None:
    """Tells glibc's allocator not to hand large blocks back to the system, as it does by default.

    A training step, and the encoding of a block of rows, allocates the same blocks again and again; mapping them anew
    costs a page fault per 4 KiB. Blocks that are there already stay as they are. Does nothing where the C library is
    another.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(M_MMAP_THRESHOLD, NEVER)
    mallopt(M_TRIM_THRESHOLD, NEVER)
