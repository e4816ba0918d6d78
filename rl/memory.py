"""What the C library does with memory that is freed."""

import ctypes
import platform

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""As malloc.h numbers them."""
LARGEST_KEPT = 2**25
"""The library's own limit up to which blocks are cut from memory that it keeps."""
KEPT = 2**31 - 1


def keep_freed_memory() -> bool:
    """Have this process keep what it frees, up to 2 GiB, for what it allocates next.

    Each pass through a model takes and frees the same blocks of megabytes. By itself, glibc gives them back
    to the system, which hands them out anew page by page, zeroed: on small models a tenth of the time and
    more. The most memory in use at a time stays what it is.

    Returns:
        Whether it does; False where the library is not glibc.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    library = ctypes.CDLL(None)
    # The first by itself would leave the second at 128 KiB.
    wanted = ((MMAP_THRESHOLD, LARGEST_KEPT), (TRIM_THRESHOLD, KEPT))
    return all(library.mallopt(name, value) == 1 for name, value in wanted)
