"""glaciersar.training.schedule"""

import math

import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts

from glaciersar.errors import InputError
from glaciersar.training.schedule import adam_epsilon, learning_rate


def test_the_rate_agrees_with_torchs_warm_restarts():
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=5e-4)
    theirs = CosineAnnealingWarmRestarts(optimizer, T_0=10 * 3, T_mult=2)  # cycles of 10, 20, 40, 80 epochs
    for step in range(150 * 3):
        assert learning_rate(step, steps_per_epoch=3) == pytest.approx(theirs.get_last_lr()[0], abs=1e-15)
        optimizer.step()
        theirs.step()


def test_after_the_last_restart_the_rate_stays_at_its_start():
    assert {learning_rate(step, steps_per_epoch=2, start=0.1) for step in (300, 301, 9999)} == {0.1}


def test_a_short_run_scales_the_restarts():
    restarts = (0.5, 1.5, 3.5)  # epochs of 4 steps: steps 2, 6, 14
    rates = [learning_rate(step, steps_per_epoch=4, start=1, restarts=restarts) for step in range(14)]
    assert [step for step, rate in enumerate(rates) if rate == 1] == [0, 2, 6]
    assert rates[6:] == sorted(rates[6:], reverse=True)
    assert rates[13] == pytest.approx((1 + math.cos(math.pi * 7 / 8)) / 2)
    assert rates[13] > 0


def test_in_the_warm_up_the_rate_rises_to_the_schedule_and_then_follows_it():
    plain, warm = (
        [learning_rate(step, steps_per_epoch=4, start=1, restarts=[5], warmup=steps) for step in range(20)]
        for steps in (0, 6)
    )
    assert warm[6:] == plain[6:]
    assert [late / full for late, full in zip(warm[:6], plain, strict=False)] == pytest.approx(
        [1 / 6 * k for k in range(1, 7)]
    )


@pytest.mark.parametrize("restarts", [(10, 10), (30, 10), (0, 10), (-1,)])
def test_restarts_that_do_not_rise_are_refused(restarts):
    with pytest.raises(InputError, match="rising epochs above 0 expected"):
        learning_rate(0, steps_per_epoch=5, restarts=restarts)


def test_adam_with_this_epsilon_takes_the_steps_of_keras_adam():
    gradients = torch.tensor([[1e-7, 3e-6, 1.0], [2e-7, -1e-6, 0.5], [-1e-7, 1e-6, 0.1]], dtype=torch.float64)
    weight = torch.nn.Parameter(torch.zeros(3, dtype=torch.float64))
    optimizer = torch.optim.Adam([weight], lr=0.01)
    m = v = expected = torch.zeros(3, dtype=torch.float64)
    for step, gradient in enumerate(gradients):
        optimizer.param_groups[0]["eps"] = adam_epsilon(step)
        weight.grad = gradient
        optimizer.step()
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        rate = 0.01 * math.sqrt(1 - 0.999 ** (step + 1)) / (1 - 0.9 ** (step + 1))
        expected = expected - rate * m / (v.sqrt() + 1e-7)
    torch.testing.assert_close(weight.data, expected, atol=1e-12, rtol=1e-9)
