"""glaciersar.dataset.buffer_pool"""

import pickle
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import torch.multiprocessing

from glaciersar.dataset.buffer_pool import BufferPool

SHAPES = (2, 3, 5), (2, 4)


def place(loan):
    return loan.memory.data_ptr()


def test_tensors_hold_what_the_arrays_were_filled_with():
    loan = BufferPool(shared=False).lend(*SHAPES)
    for k, array in enumerate(loan.arrays()):
        array[...] = k + 1
    ones, twos = loan.tensors()
    assert (ones.shape, twos.shape) == SHAPES
    assert ones.dtype == twos.dtype == torch.float32
    assert ones.eq(1).all()
    assert twos.eq(2).all()


def test_memory_is_lent_again_when_neither_tensors_nor_parts_of_them_are_in_use():
    lender = BufferPool(shared=False)
    first = lender.lend(*SHAPES)
    ones, twos = first.tensors()
    part = twos[1, 2:]
    del ones
    assert place(lender.lend(*SHAPES)) != place(first)
    del twos
    assert place(lender.lend(*SHAPES)) != place(first)
    del part
    assert place(lender.lend(*SHAPES)) == place(first)


def test_memory_is_not_lent_for_other_shapes():
    lender = BufferPool(shared=False)
    first = lender.lend(*SHAPES)
    first.tensors()
    assert place(lender.lend(*reversed(SHAPES))) != place(first)
    assert place(lender.lend(*SHAPES)) == place(first)


def test_a_lender_travels_to_another_process_without_what_it_lent():
    lender = BufferPool(shared=True)
    lender.lend(*SHAPES).tensors()
    copy = pickle.loads(pickle.dumps(lender))
    assert copy.shared
    assert copy.lend(*SHAPES).used.is_shared()
    assert place(copy.lend(*SHAPES)) != place(lender.lend(*SHAPES))


class SlowFlag:
    """A flag that takes so long to look at that two threads would do it at once."""

    def __init__(self, flag):
        self.flag = flag

    def numpy(self):
        time.sleep(0.1)
        return self.flag.numpy()


def test_two_threads_never_get_the_same_memory():
    lender = BufferPool(shared=False)
    loan = lender.lend(*SHAPES)
    loan.give_back()
    object.__setattr__(loan, "used", SlowFlag(loan.used))
    with ThreadPoolExecutor(2) as threads:
        one, other = threads.map(lambda _: lender.lend(*SHAPES), range(2))
    assert loan in (one, other)
    assert place(one) != place(other)


def test_inference_mode_changes_nothing():
    lender = BufferPool(shared=True)
    with torch.inference_mode():
        first = lender.lend(*SHAPES)
        tensors = first.tensors()
    assert place(lender.lend(*SHAPES)) != place(first)
    del tensors
    assert place(lender.lend(*SHAPES)) == place(first)


def test_a_forked_process_gives_nothing_back_and_lends_nothing_of_the_other_one():
    lender = BufferPool(shared=True)
    first, second = lender.lend(*SHAPES), lender.lend(*SHAPES)
    held = [first.tensors()]
    second.give_back()
    context = torch.multiprocessing.get_context("fork")
    places = context.Queue()

    def child():
        held.clear()
        places.put(place(lender.lend(*SHAPES)))

    process = context.Process(target=child, daemon=True)
    process.start()
    assert places.get(timeout=60) not in {place(first), place(second)}
    process.join(60)
    assert place(lender.lend(*SHAPES)) == place(second)  # the first is still in use, the second not yet
    assert len(held) == 1


def answer(questions, answers):
    """Lend in a process of its own: "send" a loan full of its number, "look" where the next would lie."""
    lender, lent = BufferPool(shared=True), []
    while (question := questions.get()) != "end":
        loan = lender.lend(*SHAPES)
        if question == "send":
            lent.append(place(loan))
            for array in loan.arrays():
                array[...] = len(lent)
            answers.put(loan)
        else:
            answers.put(lent.index(place(loan)) if place(loan) in lent else None)
            loan.tensors()  # given back


@pytest.mark.slow
def test_memory_lent_to_another_process_comes_back_when_that_has_no_tensor_left():
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
    assert ask("send")[0].eq(3).all()  # in the place of the second, which is given back at once
    assert all(tensor.eq(1).all() for tensor in first)
    questions.put("end")
    process.join(60)
    assert process.exitcode == 0
    assert all(tensor.eq(1).all() for tensor in first)  # it outlives the process that made it
