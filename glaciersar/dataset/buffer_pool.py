"""Memory for batches that is used again once no tensor needs it: new pages cost more time than filling them."""

import math
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
    in_use: Tensor
    """1 until the buffer is released, by whichever process holds it."""

    def arrays(self) -> list[NDArray[np.float32]]:
        """Return the memory of each tensor as an array, to be filled."""
        return [part.numpy() for part in self._parts(self.memory)]

    def tensors(self) -> tuple[Tensor, ...]:
        """Return the tensors; the buffer is released once neither they nor parts of them are in use."""
        view = self.memory.numpy()[...]  # tensors made from this view keep it alive, so that it ends with the last
        weakref.finalize(view, self._release_in, os.getpid()).atexit = False
        return self._parts(torch.from_numpy(view))

    def release(self) -> None:
        """Make the memory available for another batch."""
        self.in_use.numpy()[...] = 0  # by NumPy: PyTorch would refuse some tensors here in its inference mode

    def _release_in(self, process: int) -> None:
        """Release, but not from a process that was forked meanwhile: its tensors are copies."""
        if process == os.getpid():
            self.release()

    def _parts(self, memory: Tensor) -> tuple[Tensor, ...]:
        parts = memory.split([int(np.prod(shape)) for shape in self.shapes])
        return tuple(part.view(shape) for part, shape in zip(parts, self.shapes, strict=True))

    def __reduce__(self) -> tuple[Callable[..., tuple[Tensor, ...]], tuple[Shapes, Tensor, Tensor]]:
        return _received, (self.shapes, self.memory, self.in_use)


def _received(shapes: Shapes, memory: Tensor, in_use: Tensor) -> tuple[Tensor, ...]:
    return Buffer(shapes, memory, in_use).tensors()


class BufferPool:
    """Buffers that are used again after their release; the pool grows when none is free, and never shrinks.

    Args:
        shared: Let other processes use the buffers, without a copy.
    """

    def __init__(self, *, shared: bool) -> None:
        self.shared = shared
        self._forget()

    def _forget(self) -> None:
        self._buffers: list[Buffer] = []
        self._process = os.getpid()
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Callable[[], "BufferPool"], tuple[()]]:
        return partial(BufferPool, shared=self.shared), ()

    def acquire(self, *shapes: tuple[int, ...]) -> Buffer:
        """Return a buffer for tensors of these shapes, of memory that holds them or more; its values are arbitrary."""
        if self._process != os.getpid():  # buffers from before a fork belong to the other process
            self._forget()
        size = sum(math.prod(shape) for shape in shapes)
        with self._lock:
            for buffer in self._buffers:
                if len(buffer.memory) >= size and not buffer.in_use.numpy():
                    break
            else:
                buffer = self._new(shapes)
                self._buffers.append(buffer)
            buffer.in_use.numpy()[...] = 1
            if buffer.shapes != shapes:
                return Buffer(shapes, buffer.memory[:size], buffer.in_use)
            return buffer

    def _new(self, shapes: Shapes) -> Buffer:
        memory = np.empty(sum(int(np.prod(shape)) for shape in shapes), np.float32)  # by NumPy, in huge pages
        buffer = Buffer(shapes, torch.from_numpy(memory), torch.from_numpy(np.zeros((), np.uint8)))
        if self.shared:
            buffer.memory.share_memory_()
            buffer.in_use.share_memory_()
        return buffer
