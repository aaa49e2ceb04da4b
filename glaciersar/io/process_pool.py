"""Worker processes that end when the process that started them ends, and whose death is always noticed.

Written by hand: where a worker of Python's ProcessPoolExecutor dies while the next one starts, the pool may wait
forever, as it ends the workers that it knows of and then waits for all. Here each worker has a pipe of its own and
shares no lock, so that the end of the pipe tells of its death at any moment.
"""

import os
import pickle
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from itertools import islice
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

R = TypeVar("R")


class WorkerDiedError(Exception):
    """A worker ended without an answer, as by a kill; `job` is the number of what it did."""

    def __init__(self, job: int) -> None:
        super().__init__(f"the process of job {job} ended without an answer")
        self.job = job


def run_all(
    function: Callable[..., R], jobs: Sequence[tuple[Any, ...]], *, workers: int
) -> Generator[tuple[int, R], None, None]:
    """Call a function with each tuple of arguments in worker processes; give number and result as they are finished.

    Workers are spawned: a fork would copy locks that GDAL and HDF5 hold. The function should lie in a module that
    imports little, because each worker imports it anew. Close the generator (`contextlib.closing`) where its end is not
    reached: workers then finish what they do, start nothing more and end.

    Args:
        function: Can be pickled, as its arguments and results can.
        jobs: The arguments of each call.
        workers: Processes side by side, at most as many as there are jobs.

    Raises:
        WorkerDiedError: A worker was ended from outside.
        Exception: What the function raises.
    """
    crew = _Crew(function)
    waiting = iter(enumerate(jobs))
    try:
        for job in islice(waiting, workers):
            crew.start(job)
        while crew.busy:
            for connection in wait(list(crew.busy)):
                yield crew.take(connection)
                for job in islice(waiting, 1):
                    crew.hand(connection, job)
    finally:
        crew.end()


class _Crew:
    """Workers, each at the other end of a pipe."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._workers: dict[Connection, Any] = {}
        self.busy: dict[Any, int] = {}
        """Connection and number of the job, of those that have one."""

    def start(self, job: tuple[int, tuple[Any, ...]]) -> None:
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        with theirs:  # closed here once it is the worker's alone, or its death would not end the pipe
            worker = context.Process(target=_serve, args=(theirs,))
            worker.start()
        self._workers[ours] = worker
        self.hand(ours, job)

    def hand(self, connection: Any, job: tuple[int, tuple[Any, ...]]) -> None:
        number, arguments = job
        self.busy[connection] = number
        with suppress(BrokenPipeError, ConnectionResetError):  # it is dead, which `take` will find
            connection.send((self._function, arguments))

    def take(self, connection: Any) -> tuple[int, Any]:
        """Take the answer to a job, the number first."""
        number = self.busy.pop(connection)
        try:
            good, answer = pickle.loads(connection.recv_bytes())
        except (EOFError, OSError) as error:
            raise WorkerDiedError(number) from error
        if not good:
            raise answer
        return number, answer

    def end(self) -> None:
        """Close the pipes, which ends each worker once it has finished what it does, and wait for that."""
        for connection in self._workers:
            connection.close()
        for worker in self._workers.values():
            worker.join()


def _serve(connection: Connection) -> None:
    """Do one job after another, until the pipe ends."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, BrokenPipeError, ConnectionResetError, KeyboardInterrupt):
        while True:
            connection.send_bytes(_answer(connection))


def _answer(connection: Connection) -> bytes:
    """Do the next job; gives whether all went well, and the result or the error, pickled."""
    try:
        function, arguments = connection.recv()
        return pickle.dumps((True, function(*arguments)))
    except EOFError:  # the pipe has ended
        raise
    except Exception as error:
        try:
            answer = pickle.dumps((False, error))
            pickle.loads(answer)
        except Exception:  # an error of its own kind, which cannot be sent
            answer = pickle.dumps((False, RuntimeError(repr(error))))
        return answer


def _end_with_parent() -> None:
    """End this process when its parent has ended, also by a kill, instead of finishing what nobody waits for."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
