"""tools.image.memory"""

import os
import subprocess
import sys

import pytest

from tools.image.memory import PeakMemory, family

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's /proc")

HOLD = "import sys; held = bytearray(100_000_000); held[::4096] = b'1' * len(held[::4096]); print(flush=True); input()"
TWICE = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {HOLD!r}])"


def start(code):
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdout.readline()
    return process


def end(process):
    process.communicate(b"\n")


@pytest.mark.parametrize("code", [HOLD, TWICE], ids=["itself", "a process that it starts"])
def test_what_a_program_holds_is_counted(code):
    process = start(code)
    with PeakMemory(process.pid, interval=0.01) as memory:
        end(process)
        process.wait()
    assert 100e6 < memory.together < 200e6
    assert memory.together <= memory.apart


def test_a_family_is_a_process_and_what_it_started():
    process = start(TWICE)
    pids = family(process.pid)
    assert process.pid in pids
    assert len(pids) == 2
    assert pids < family(os.getpid())
    end(process)
    assert family(process.pid) == {process.pid}
