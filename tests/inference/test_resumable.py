import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from glaciersar.errors import InputError
from glaciersar.inference import resumable
from tests.support.streams import SHARPER, Source, contents, give_up, run

KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import torch
from tests.support import streams
torch.set_num_threads(1)  # as here: the number changes the last bits
source = streams.Source(fail_at=9, fail=lambda: os.kill(os.getpid(), signal.SIGKILL))
streams.run(Path({path!r}), source=source, calibration=streams.SHARPER)
"""


def killed(path):
    """Map in a process that is killed while the ninth window, of the second row, is read."""
    code = KILLED.format(tests=str(Path(__file__).parents[2]), path=str(path))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.slow
def test_a_map_that_was_killed_goes_on_and_is_the_same_to_the_byte(tmp_path, capsys):
    run(tmp_path / "whole" / "probability.tif", calibration=SHARPER)
    killed(tmp_path / "killed" / "probability.tif")
    left = sorted(path.name for path in (tmp_path / "killed").iterdir())
    assert left == [
        ".probability-unfinished",
        ".probability.tif.lock",
    ]  # which locks nothing now
    source = Source()
    run(tmp_path / "killed" / "probability.tif", source=source, calibration=SHARPER)
    assert "1 rows of it kept" in capsys.readouterr().out
    assert source.reads == 20 - 5
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


@pytest.mark.parametrize("fail_at", [1, 5, 6, 12, 20])
def test_a_map_that_stopped_at_an_error_goes_on_and_is_the_same_to_the_byte(tmp_path, fail_at):
    run(tmp_path / "whole" / "probability.tif", dtype="uint8")
    path = tmp_path / "stopped" / "probability.tif"
    with pytest.raises(InputError, match="cannot be read"):
        run(path, source=Source(fail_at=fail_at, fail=give_up), dtype="uint8")
    assert not path.exists()
    run(path, dtype="uint8")
    assert contents(tmp_path / "stopped") == contents(tmp_path / "whole")


@pytest.mark.parametrize(
    "other",
    [
        {"inputs": {"weights": "b"}},
        {"overlap": 0.5},
        {"sigma": 0.3},
        {"halo": 2},
        {"dtype": "uint8"},
        {"dates": "2021"},
    ],
)
def test_an_unfinished_map_of_other_settings_is_started_anew(tmp_path, capsys, other):
    path = tmp_path / "probability.tif"
    with pytest.raises(InputError):
        run(path, source=Source(fail_at=12, fail=give_up))
    source = Source()
    run(path, source=source, **other)
    assert "of other settings found" in capsys.readouterr().out
    run(tmp_path / "whole" / "probability.tif", **other)
    assert path.read_bytes() == (tmp_path / "whole" / "probability.tif").read_bytes()


def test_a_folder_that_cannot_be_written_to_is_refused_before_anything_is_read(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    source = Source()
    with pytest.raises(InputError, match=r"probability\.tif: cannot be written \(File exists\)"):
        run(tmp_path / "file" / "probability.tif", source=source)

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(InputError, match=r"probability\.tif: cannot be written \(Permission denied\)"):
        run(tmp_path / "probability.tif", source=source)
    assert not source.reads


def test_a_map_that_is_being_written_is_not_written_by_another(tmp_path):
    path, refused = tmp_path / "probability.tif", []

    def meet():
        with pytest.raises(InputError, match=r"probability\.tif: another process writes there") as refusal:
            run(path)
        refused.append(refusal)
        run(tmp_path / "other.tif")

    run(path, source=Source(fail_at=12, fail=meet))
    assert refused
    assert not list(tmp_path.glob(".*"))
    run(tmp_path / "alone" / "probability.tif")
    assert path.read_bytes() == (tmp_path / "alone" / "probability.tif").read_bytes()


def test_a_disk_without_room_is_told_before_anything_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 100_000}))
    source = Source()
    with pytest.raises(InputError, match=r"0\.0001 GB free found, 0\.000655 GB expected for a map of 100 × 130 pixels"):
        run(tmp_path / "probability.tif", source=source)
    assert not source.reads
    assert not list(tmp_path.iterdir())


FULL = """
import resource, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import torch
from tests.support import streams
torch.set_num_threads(1)
from glaciersar.errors import InputError
full = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, ({bytes}, resource.RLIM_INFINITY))
source = streams.Source(fail_at={read}, fail=full)
if not {read}:
    full()
try:
    streams.run(Path({path!r}), source=source)
except InputError as error:
    print(error)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("bytes", "read"), [(200_000, 0), (20_000, 20)])  # at the start, and while it is mapped
def test_a_disk_that_is_full_is_one_sentence_and_no_broken_file(tmp_path, bytes, read):
    path = tmp_path / "probability.tif"
    code = FULL.format(tests=str(Path(__file__).parents[2]), bytes=bytes, read=read, path=str(path))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "cannot be written" in done.stdout
    assert done.stdout.count("\n") == 1
    assert [found.name for found in tmp_path.iterdir()] == ([".probability-unfinished"] if read else [])
    run(path)  # with room
    run(tmp_path / "whole" / "probability.tif")
    assert path.read_bytes() == (tmp_path / "whole" / "probability.tif").read_bytes()


@pytest.mark.parametrize("left", [["settings.json"], ["settings.json", "state.npz"], ["settings.json", "glacier.tif"]])
def test_a_folder_whose_rasters_are_gone_is_started_anew(tmp_path, left):
    path = tmp_path / "probability.tif"
    with pytest.raises(InputError):
        run(path, source=Source(fail_at=12, fail=give_up))
    for found in (tmp_path / ".probability-unfinished").iterdir():
        if found.name not in left:
            found.unlink()
    run(path)
    run(tmp_path / "whole" / "probability.tif")
    assert path.read_bytes() == (tmp_path / "whole" / "probability.tif").read_bytes()


def test_what_is_removed_cannot_be_gone_on_with_even_if_killed_on_the_way(tmp_path, monkeypatch):
    folder = tmp_path / "unfinished"
    folder.mkdir()
    (folder / resumable.SETTINGS).write_text("{}")
    (folder / "glacier.tif").write_text("")
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)  # killed before anything else goes
    resumable.remove_unfinished(folder)
    assert [path.name for path in folder.iterdir()] == ["glacier.tif"]


def test_a_disk_that_fills_up_for_real_is_told(tmp_path):
    (tmp_path / "small").mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(tmp_path / "small")]
    if not shutil.which("mount") or subprocess.run(mounted, capture_output=True, check=False).returncode:
        pytest.skip("a tmpfs needs the right to mount one")
    try:
        (tmp_path / "small" / "else").write_bytes(b"0" * 250_000)
        with pytest.raises(InputError, match=r"room|free found"):
            run(tmp_path / "small" / "probability.tif")
        assert [path.name for path in (tmp_path / "small").iterdir()] == ["else"]
    finally:
        subprocess.run(["umount", str(tmp_path / "small")], check=True)


@pytest.mark.parametrize("content", [b"", b"PK\3\4 damaged", b"\x93NUMPY\1\0v\0{'descr': '<f8', 'shape': (9,)}"])
def test_a_damaged_state_is_told_in_a_sentence(tmp_path, content):
    (tmp_path / resumable.STATE).write_bytes(content)
    fresh = resumable.Progress(rows=0, carry=np.zeros(1), counts=np.zeros(1, int))
    with pytest.raises(InputError, match=r"state\.npz: cannot be read .*, remove .* to start anew"):
        resumable.load_progress(tmp_path, fresh)


def test_damaged_settings_are_those_of_no_map(tmp_path):
    (tmp_path / resumable.SETTINGS).write_text('{"a": 1')
    assert not resumable.is_unfinished(tmp_path, {"a": 1})
