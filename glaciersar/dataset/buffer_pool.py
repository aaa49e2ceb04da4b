"""Lend memory to batches, and have it back once nobody uses them: fresh pages cost more time than filling them."""

import os
import threading
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Shapes = Sequence[tuple[int, ...]]


@dataclass(frozen=True)
class Buffer:
    """Memory for the float32 tensors of a batch. Sent to another process, it arrives there as these tensors."""

    shapes: Shapes
    memory: Tensor
    """Of all tensors, one after the other."""
    used: Tensor
    """1 until the memory is given back, by whichever process has it."""

    def arrays(self) -> list[NDArray[np.float32]]:
        """Give what the tensors will hold, to be filled."""
        return [part.numpy() for part in self._parts(self.memory)]

    def tensors(self) -> tuple[Tensor, ...]:
        """Give the tensors; the memory is given back once neither they nor parts of them are in use."""
        lent = self.memory.numpy()[...]  # tensors made from this view keep it alive, so that its end is theirs
        weakref.finalize(lent, self._end, os.getpid()).atexit = False
        return self._parts(torch.from_numpy(lent))

    def give_back(self) -> None:
        """Let the memory be lent again."""
        self.used.numpy()[...] = 0  # by NumPy: PyTorch would refuse some tensors here in its inference mode

    def _end(self, process: int) -> None:
        """Give back what tensors used; the copies of a process that was forked meanwhile are not what was lent."""
        if process == os.getpid():
            self.give_back()

    def _parts(self, memory: Tensor) -> tuple[Tensor, ...]:
        parts = memory.split([int(np.prod(shape)) for shape in self.shapes])
        return tuple(part.view(shape) for part, shape in zip(parts, self.shapes, strict=True))

    def __reduce__(self) -> tuple[Callable, tuple]:
        return _arrive, (self.shapes, self.memory, self.used)


def _arrive(shapes: Shapes, memory: Tensor, used: Tensor) -> tuple[Tensor, ...]:
    return Buffer(shapes, memory, used).tensors()


class BufferPool:
    """Lends memory that it lent before, where that has come back, and new memory otherwise; it never has less again.

    Args:
        shared: Let other processes use what is lent, without a copy.
    """

    def __init__(self, *, shared: bool) -> None:
        self.shared = shared
        self._forget()

    def _forget(self) -> None:
        self._loans: list[Buffer] = []
        self._process = os.getpid()
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Callable, tuple]:
        return partial(BufferPool, shared=self.shared), ()

    def lend(self, *shapes: tuple[int, ...]) -> Buffer:
        """Lend memory for tensors of these shapes, whatever it holds."""
        if self._process != os.getpid():  # what was lent before a fork is the other process's
            self._forget()
        with self._lock:
            for loan in self._loans:
                if loan.shapes == shapes and not loan.used.numpy():
                    break
            else:
                loan = self._new(shapes)
                self._loans.append(loan)
            loan.used.numpy()[...] = 1
            return loan

    def _new(self, shapes: Shapes) -> Buffer:
        memory = np.empty(sum(int(np.prod(shape)) for shape in shapes), np.float32)  # by NumPy, in huge pages
        loan = Buffer(shapes, torch.from_numpy(memory), torch.from_numpy(np.zeros((), np.uint8)))
        if self.shared:
            loan.memory.share_memory_()
            loan.used.share_memory_()
        return loan
