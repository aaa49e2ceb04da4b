"""glaciersar.io.atomic"""

import subprocess
import sys

import pytest

from glaciersar.errors import InputError
from glaciersar.io.atomic import atomic_write, require_file, write_json


def test_a_file_appears_whole_under_its_own_name(tmp_path):
    path = tmp_path / "new" / "table.csv"
    with atomic_write(path) as temporary:
        temporary.write_text("a,b\n")
        assert not path.exists()
        assert temporary.suffix == ".csv"
    assert path.read_text() == "a,b\n"
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "card.json"
    write_json(path, {"tiles": 3})

    def write_half():
        with atomic_write(path) as temporary:
            temporary.write_text("{")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        write_half()
    assert path.read_text() == '{\n  "tiles": 3\n}\n'
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_file_is_told_with_the_notebook_that_makes_it(tmp_path):
    with pytest.raises(InputError, match=r"train\.h5: not there yet; notebooks/02-dataset\.ipynb makes it"):
        require_file(tmp_path / "train.h5", made_by="02-dataset")


def test_a_full_disk_is_told_in_a_sentence_and_the_old_file_stays(tmp_path, full_disk):
    path = tmp_path / "card.json"
    write_json(path, {"tiles": 3})
    with (
        full_disk(room=4096),
        pytest.raises(InputError, match=r"card\.json: cannot be written \(.*space for it expected"),
    ):
        write_json(path, {"tiles": "3" * 10_000})
    assert path.read_text() == '{\n  "tiles": 3\n}\n'
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_may_not_be_written_is_told_in_a_sentence(tmp_path, read_only):
    folder = tmp_path / "closed"
    folder.mkdir()
    for path in (folder / "card.json", folder / "new" / "card.json"):
        with read_only(folder), pytest.raises(InputError, match=r"card\.json: cannot be written \(Permission denied\)"):
            write_json(path, {"tiles": 3})
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="a folder that can be written to expected"):
        write_json(tmp_path / "file" / "card.json", {})
    assert not list(folder.iterdir())


def test_other_errors_of_the_system_are_not_taken_for_a_full_disk(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_write(tmp_path / "a.txt"):
        (tmp_path / "absent").read_text()


WRITER = """
import os, signal, sys, time
from glaciersar.io.atomic import atomic_write
with atomic_write(sys.argv[1]) as temporary:
    temporary.write_text("half")
    print("begun", flush=True)
    time.sleep(600)
"""


def test_what_a_killed_process_left_is_removed_by_the_next_that_writes_the_file(tmp_path):
    path = tmp_path / "table.csv"
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    try:
        assert [writer.stdout.readline() for writer in writers] == ["begun\n"] * 2
        writers[0].kill()
        writers[0].wait()
        (tmp_path / ".table-of-mine.csv").touch()
        write_json(path, {})
        left = [found.name for found in tmp_path.iterdir() if found.name.startswith(".table-")]
        assert len(left) == 2  # of the process that still writes, and the user's own
        assert any(f"-{writers[1].pid}-" in name for name in left)
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
            writer.stdout.close()
    write_json(path, {})
    assert sorted(found.name for found in tmp_path.iterdir()) == [".table-of-mine.csv", "table.csv"]
