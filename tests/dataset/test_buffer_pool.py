"""glaciersar.dataset.buffer_pool"""

import pickle
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import torch.multiprocessing

from glaciersar.dataset.buffer_pool import BufferPool

SHAPES = (2, 3, 5), (2, 4)


def address(buffer):
    return buffer.memory.data_ptr()


def test_tensors_hold_what_the_arrays_were_filled_with():
    buffer = BufferPool(shared=False).acquire(*SHAPES)
    for k, array in enumerate(buffer.arrays()):
        array[...] = k + 1
    ones, twos = buffer.tensors()
    assert (ones.shape, twos.shape) == SHAPES
    assert ones.dtype == twos.dtype == torch.float32
    assert ones.eq(1).all()
    assert twos.eq(2).all()


def test_memory_is_used_again_when_neither_tensors_nor_parts_of_them_are_in_use():
    pool = BufferPool(shared=False)
    first = pool.acquire(*SHAPES)
    ones, twos = first.tensors()
    part = twos[1, 2:]
    del ones
    assert address(pool.acquire(*SHAPES)) != address(first)
    del twos
    assert address(pool.acquire(*SHAPES)) != address(first)
    del part
    assert address(pool.acquire(*SHAPES)) == address(first)


def test_memory_is_used_for_smaller_shapes_and_never_for_larger_ones():
    pool = BufferPool(shared=False)
    first = pool.acquire(*SHAPES)
    first.tensors()
    larger = pool.acquire((2, 3, 6), (2, 4))
    assert address(larger) != address(first)
    smaller = pool.acquire((2, 1, 5), (2, 4))
    assert address(smaller) == address(first)
    assert [tensor.shape for tensor in smaller.tensors()] == [(2, 1, 5), (2, 4)]
    assert address(pool.acquire(*SHAPES)) == address(first)  # which the smaller one has released


def test_a_pool_goes_to_another_process_without_its_buffers():
    pool = BufferPool(shared=True)
    pool.acquire(*SHAPES).tensors()
    copy = pickle.loads(pickle.dumps(pool))
    assert copy.shared
    assert copy.acquire(*SHAPES).in_use.is_shared()
    assert address(copy.acquire(*SHAPES)) != address(pool.acquire(*SHAPES))


class SlowFlag:
    """A flag that takes so long to look at that two threads would do it at once."""

    def __init__(self, flag):
        self.flag = flag

    def numpy(self):
        time.sleep(0.1)
        return self.flag.numpy()


def test_two_threads_never_get_the_same_memory():
    pool = BufferPool(shared=False)
    buffer = pool.acquire(*SHAPES)
    buffer.release()
    object.__setattr__(buffer, "in_use", SlowFlag(buffer.in_use))
    with ThreadPoolExecutor(2) as threads:
        one, other = threads.map(lambda _: pool.acquire(*SHAPES), range(2))
    assert buffer in (one, other)
    assert address(one) != address(other)


def test_inference_mode_changes_nothing():
    pool = BufferPool(shared=True)
    with torch.inference_mode():
        first = pool.acquire(*SHAPES)
        tensors = first.tensors()
    assert address(pool.acquire(*SHAPES)) != address(first)
    del tensors
    assert address(pool.acquire(*SHAPES)) == address(first)


def test_a_forked_process_releases_and_uses_no_buffer_of_the_other_one():
    pool = BufferPool(shared=True)
    first, second = pool.acquire(*SHAPES), pool.acquire(*SHAPES)
    held = [first.tensors()]
    second.release()
    context = torch.multiprocessing.get_context("fork")
    addresses = context.Queue()

    def child():
        held.clear()
        addresses.put(address(pool.acquire(*SHAPES)))

    process = context.Process(target=child, daemon=True)
    process.start()
    assert addresses.get(timeout=60) not in {address(first), address(second)}
    process.join(60)
    assert address(pool.acquire(*SHAPES)) == address(second)  # the first is still in use, the second not yet
    assert len(held) == 1


def answer(questions, answers):
    """Own a pool in another process: "send" a buffer full of its number, "look" where the next would lie."""
    pool, sent = BufferPool(shared=True), []
    while (question := questions.get()) != "end":
        buffer = pool.acquire(*SHAPES)
        if question == "send":
            sent.append(address(buffer))
            for array in buffer.arrays():
                array[...] = len(sent)
            answers.put(buffer)
        else:
            answers.put(sent.index(address(buffer)) if address(buffer) in sent else None)
            buffer.tensors()  # released at once


@pytest.mark.slow
def test_a_buffer_in_another_process_is_released_when_that_has_no_tensor_left():
    context = torch.multiprocessing.get_context("spawn")
    questions, answers = context.Queue(), context.Queue()

    def ask(question):
        questions.put(question)
        return answers.get(timeout=60)

    process = context.Process(target=answer, args=(questions, answers), daemon=True)
    process.start()
    first, second = ask("send"), ask("send")
    assert [tuple(tensor.shape) for tensor in first] == list(SHAPES)
    assert ask("look") is None  # both are in use
    part = second[0][1]
    del second
    assert ask("look") is None
    assert part.eq(2).all()
    del part
    assert ask("look") == 1
    assert ask("send")[0].eq(3).all()  # in the place of the second, which is released at once
    assert all(tensor.eq(1).all() for tensor in first)
    questions.put("end")
    process.join(60)
    assert process.exitcode == 0
    assert all(tensor.eq(1).all() for tensor in first)  # it outlives the process that made it
