"""Processes to work side by side in, which end with the one that started them."""

import os
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process


def spawn_pool(workers: int) -> ProcessPoolExecutor:
    """Make ready to start as many processes; spawned, as a fork copies the locks of GDAL and HDF5 as they happen to be.

    What they run should lie in a module that imports little: each of them imports it, and holds it.
    """
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_end_with_parent)


def _end_with_parent() -> None:
    """End this process when the one that started it is gone, even by a kill, instead of waiting for work forever."""
    threading.Thread(target=_watch, daemon=True).start()


def _watch() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
