"""glaciersar.processes; that they end with a killed parent is shown in tests/dataset/test_working.py"""

import os

from glaciersar import processes


def test_work_is_done_in_other_processes_that_begin_empty():
    with processes.pool(2) as pool:
        assert pool.submit(os.getpid).result() != os.getpid()
        assert not pool.submit(eval, "'torch' in __import__('sys').modules").result()  # as in this one
