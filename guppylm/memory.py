"""Keep the memory that an update needs for the next one.

The C library of most Linux systems gives large blocks back to the kernel after each use and gets them anew, empty, page
by page: 55,000 page faults an update, a fifteenth of its time (docs/performance.md).
"""

from __future__ import annotations

import ctypes
import sys

# https://man7.org/linux/man-pages/man3/mallopt.3.html
TRIM_THRESHOLD, MMAP_MAX = -1, -4
NEVER = 2**31 - 1


def keep_memory() -> None:
    """Let freed blocks stay with this process. Does nothing where the C library has no such switch."""
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "mallopt"):
        library.mallopt(MMAP_MAX, 0)
        library.mallopt(TRIM_THRESHOLD, NEVER)
