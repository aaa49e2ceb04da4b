"""glaciersar.training.memory"""

import platform
import subprocess
import sys

import pytest

from glaciersar.training.memory import keep_freed_memory

# 64 MiB, above what the C library ever keeps by itself; in a process of its own, whose memory nobody used before
RESIDENT_AROUND_A_FREED_ARRAY = """
import resource, numpy as np
from glaciersar.training.memory import keep_freed_memory

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() / 2**20

before = resident()
with keep_freed_memory():
    array = np.ones(2**23)
    del array
    inside = resident()
print(inside - before, resident() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_freed_memory_stays_inside_the_block_and_goes_back_at_its_end():
    command = [sys.executable, "-c", RESIDENT_AROUND_A_FREED_ARRAY]
    inside, after = map(float, subprocess.run(command, capture_output=True, check=True, text=True).stdout.split())
    assert inside > 60  # MiB
    assert after < 10


def test_an_error_inside_the_block_comes_through():
    with pytest.raises(ZeroDivisionError), keep_freed_memory():
        _ = 1 / 0
