"""Say in a few words why an HDF5 file cannot be opened."""

import re

_LOCKED = re.compile(r"lock file|file is already open", re.IGNORECASE)


def hdf5_reason(error: BaseException) -> str:
    """Return why h5py could not open or read a file; of one that another program has locked, what to do."""
    if _LOCKED.search(str(error)):
        return "another program has it open for writing; close it there, or wait for it to end"
    return " ".join(str(error).split())
