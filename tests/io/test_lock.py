"""glaciersar.io.lock; two builds in one folder are tested in tests/dataset/test_build_parallel.py"""

import errno
import fcntl
import signal
import subprocess
import sys

import pytest

from glaciersar.errors import InputError
from glaciersar.io import lock
from glaciersar.io.lock import exclusive_lock

HOLD = """
import sys, time
from pathlib import Path
from glaciersar.io.lock import exclusive_lock
with exclusive_lock(Path(sys.argv[1])):
    print("at work", flush=True)
    time.sleep(600)
"""


def test_a_second_process_is_refused_until_the_first_has_ended_even_by_a_kill(tmp_path):
    folder = tmp_path / "data"
    with subprocess.Popen([sys.executable, "-c", HOLD, folder], stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout.readline() == "at work\n"
        with (
            pytest.raises(InputError, match=r"data: another process writes there, one at a time expected"),
            exclusive_lock(folder),
        ):
            pass
        first.send_signal(signal.SIGKILL)
    assert list(folder.iterdir())  # the lock of the killed process
    with exclusive_lock(folder):
        pass
    assert not list(folder.iterdir())


def test_nothing_of_a_lock_is_left_whatever_happens(tmp_path):
    def fail():
        with exclusive_lock(tmp_path / "new"), exclusive_lock(tmp_path / "new"):
            pass

    with pytest.raises(InputError, match="another process writes there"):
        fail()
    assert not list(tmp_path.iterdir())
    (tmp_path / "old").mkdir()
    with exclusive_lock(tmp_path / "old"):
        (tmp_path / "old" / "table.csv").write_text("a,b\n")
    assert [path.name for path in (tmp_path / "old").iterdir()] == ["table.csv"]


def test_a_lock_that_was_taken_away_between_opening_and_locking_is_none(tmp_path, monkeypatch):
    plain, calls = fcntl.flock, []

    def flock(file, how):
        if not calls:
            (tmp_path / lock.LOCK).unlink()  # the process before has ended meanwhile
        calls.append(how)
        plain(file, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    with exclusive_lock(tmp_path):
        assert (tmp_path / lock.LOCK).exists()
        assert len(calls) == 2


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_disk_without_locks_is_written_all_the_same(number, tmp_path, monkeypatch):
    def flock(file, how):
        raise OSError(number, "no locks here")

    monkeypatch.setattr(fcntl, "flock", flock)
    with exclusive_lock(tmp_path):
        (tmp_path / "table.csv").write_text("a,b\n")
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


def test_where_no_lock_can_be_made_the_folder_is_named(tmp_path, read_only):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "data"):
        sentence = rf"{folder.name}: cannot be written .*, a folder that can be written to expected"
        with read_only(tmp_path), pytest.raises(InputError, match=sentence), exclusive_lock(folder):
            pass
