"""Worker processes that end when the process that started them ends."""

import os
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process


def spawn_pool(workers: int) -> ProcessPoolExecutor:
    """Return a pool of worker processes. They are spawned: a fork would copy locks that GDAL and HDF5 hold.

    The functions that they run should lie in a module that imports little, because each worker imports it anew.
    """
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_end_with_parent)


def _end_with_parent() -> None:
    """End this process when its parent has ended, also by a kill, instead of waiting for work forever."""
    threading.Thread(target=_watch, daemon=True).start()


def _watch() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
