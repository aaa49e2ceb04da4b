"""glaciersar.io.process_pool; that they end with a killed parent is tested in tests/dataset/test_build_parallel.py"""

import os

from glaciersar.io import process_pool


def test_work_is_done_in_other_processes_that_begin_empty():
    with process_pool.spawn_pool(2) as pool:
        assert pool.submit(os.getpid).result() != os.getpid()
        assert not pool.submit(eval, "'torch' in __import__('sys').modules").result()  # as in this one
