"""What an HDF5 file from elsewhere may ask for: arrays that lie in the file itself, of a bounded size."""

import math

import h5py

from glaciersar.errors import InputError
from glaciersar.io.limits import check_limit, check_ratio

DAMAGED = (OSError, RuntimeError, KeyError, TypeError, ValueError, AttributeError, MemoryError)
"""What h5py raises of a file whose structures are damaged; an InputError is one too, and passes on first."""


def check_array(dataset: object, file: h5py.File, where: str) -> None:
    """Refuse what is no array, whose values lie in another file, or whose header asks for more than a limit.

    Args:
        dataset: A member of the file, not read yet.
        file: The file.
        where: File and array, as the message names them.

    Raises:
        InputError: It is refused.
    """
    if not isinstance(dataset, h5py.Dataset):
        raise InputError(f"{where}: a group or another object found, an array expected")
    if dataset.external or dataset.is_virtual or dataset.file.filename != file.filename:
        raise InputError(f"{where}: values in another file found, values in this one expected")
    check_limit(dataset.nbytes, "ARRAY_BYTES", f"{where}: an array of shape {dataset.shape} by its header")
    if dataset.chunks:
        size = math.prod(dataset.chunks) * dataset.dtype.itemsize
        check_limit(size, "BLOCK_BYTES", f"{where}: chunks of shape {dataset.chunks} by its header")
    check_ratio(dataset.nbytes, dataset.id.get_storage_size(), where)
