"""tools.finetuning.plan"""

from dataclasses import replace

from tools.finetuning.plan import DECODER_FIRST, FULL_RATE, PLAN, SCRATCH, TENTH_RATE, TUNED


def test_fine_tuning_differs_from_scratch_by_start_rate_and_fewer_steps_alone():
    arms = PLAN.arms(1)
    assert list(arms) == [SCRATCH, TUNED]
    tuned, fresh = arms[TUNED], arms[SCRATCH]
    assert tuned.weights == PLAN.start
    assert tuned.steps_per_epoch < fresh.steps_per_epoch
    assert replace(tuned, weights="", learning_rate=fresh.learning_rate, steps_per_epoch=fresh.steps_per_epoch) == fresh


def test_rates_and_the_decoder_first_are_compared_at_one_number_of_tiles_with_as_many_steps():
    arms = PLAN.arms(PLAN.rates_at)
    rate = arms[SCRATCH].learning_rate
    assert [arms[name].learning_rate for name in (FULL_RATE, TUNED, TENTH_RATE)] == [rate, rate / 3, rate / 10]
    steps = {arms[name].epochs * arms[name].steps_per_epoch for name in (FULL_RATE, TUNED, TENTH_RATE, DECODER_FIRST)}
    assert steps == {PLAN.tuned_steps}
    assert arms[DECODER_FIRST].decoder_first == arms[DECODER_FIRST].epochs - 1
