import platform
import subprocess
import sys

import pytest

from rl import memory

FAULTS = """
import resource, sys
import numpy
from rl.memory import keep_freed_memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

if sys.argv[1] == "kept":
    assert keep_freed_memory()
blocks = [numpy.ones(2**20) for _ in range(8)]  # 8 MiB each
del blocks
before = faults()
for _ in range(10):
    blocks = [numpy.ones(2**20) for _ in range(8)]
    del blocks
print(faults() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_memory_that_is_kept_is_not_handed_out_page_by_page_again():
    given, kept = (
        int(subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, check=True).stdout)
        for how in ("given back", "kept")
    )
    assert kept < given / 10


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(memory.platform, "libc_ver", lambda: ("", ""))
    monkeypatch.setattr(memory.ctypes, "CDLL", None)
    assert not memory.keep_freed_memory()
