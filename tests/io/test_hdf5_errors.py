"""glaciersar.io.hdf5_errors"""

import subprocess
import sys

import h5py
import pytest

from glaciersar.dataset.hdf5 import open_dataset
from glaciersar.errors import InputError
from glaciersar.io.hdf5_errors import hdf5_reason
from glaciersar.models.keras import from_keras

HOLD = "import h5py, sys; file = h5py.File(sys.argv[1], 'a'); print('held', flush=True); sys.stdin.read()"


@pytest.fixture
def held(tmp_path):
    """A file that another program has open for writing."""
    path = tmp_path / "held.h5"
    with h5py.File(path, "w") as file:
        file["a"] = 1
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    try:
        h5py.File(path).close()
        pytest.skip("this file system has no locks")
    except OSError:
        yield path
    finally:
        holder.communicate("")


def test_a_file_that_another_program_holds_is_told_as_that(held):
    sentence = r"held\.h5: cannot .*another program has it open for writing; close it there"
    with pytest.raises(InputError, match=sentence), open_dataset(held):
        pass
    with pytest.raises(InputError, match=sentence):
        from_keras(held)


def test_other_reasons_are_given_as_they_are():
    assert hdf5_reason(OSError("truncated file:  eof = 96")) == "truncated file: eof = 96"
