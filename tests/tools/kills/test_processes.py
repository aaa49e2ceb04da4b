"""tools.kills.processes"""

import subprocess
import sys
import time
from pathlib import Path

from tools.image.memory import family
from tools.kills.processes import command_line, kill_all, start

TREE = """
import subprocess, sys, time
code = "import time; print('begun', flush=True); time.sleep(600)"
children = [subprocess.Popen([sys.executable, "-c", code], start_new_session=apart) for apart in (False, True)]
time.sleep(600)
"""


def test_all_that_came_from_a_process_are_killed_and_nothing_else(tmp_path):
    beside = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    process = start([sys.executable, "-c", TREE], cwd=tmp_path, log=tmp_path / "log")
    try:
        wait_for(lambda: (tmp_path / "log").read_text().count("begun") == 2)
        pids = family(process.pid)  # one of them in a session of its own, as Jupyter starts its kernels
        assert len(pids) == 3
        assert all(command_line(pid) for pid in pids)
    finally:
        commands = kill_all(process)
    assert len(commands) == 3
    assert not any(running(pid) for pid in pids)
    assert beside.poll() is None
    beside.kill()
    beside.wait()


def test_a_process_that_has_ended_is_no_error(tmp_path):
    process = start([sys.executable, "-c", "print('said')"], cwd=tmp_path, log=tmp_path / "log")
    wait_for(lambda: (tmp_path / "log").read_text() == "said\n")
    kill_all(process)
    assert process.poll() is not None


def running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
