"""glaciersar.models.memory"""

import pytest
import torch
import torch.nn.functional as F
from torch.profiler import ProfilerActivity, profile

from glaciersar import models
from glaciersar.models.memory import STATES, peak_bytes

SIZES = {"dates": 3, "side": 48, "batch": 2}


def weights(network, *, training):
    return 4 * STATES[training] * sum(weight.numel() for weight in network.parameters())


def allocated(run):
    """The most bytes that PyTorch held of those that a call asked it for."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        run()
    events = [event for event in recorded.profiler.kineto_results.events() if event.name() == "[memory]"]
    held = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        held += event.nbytes()
        peak = max(peak, held)
    return peak


@pytest.mark.slow
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", ["unet3d", "ulstm"])
def test_a_cpu_takes_what_is_computed_within_a_fifth(name, training):
    network = models.build(name, width=8).train(training)
    shape = (SIZES["batch"], 1, SIZES["dates"], SIZES["side"], SIZES["side"])

    def step():
        with torch.set_grad_enabled(training):
            logits = network(torch.rand(shape))
        if training:
            F.binary_cross_entropy_with_logits(logits, torch.zeros_like(logits)).backward()

    found = peak_bytes(network, **SIZES, training=training) - weights(network, training=training)
    assert found == pytest.approx(allocated(step), rel=0.2)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["unet3d", "ulstm"])
def test_memory_grows_with_pixels_and_patches_and_16_bits_take_half_in_training(name):
    network = models.build(name, width=2).train()

    def needed(**changed):
        settings = SIZES | changed
        return peak_bytes(network, **settings) - weights(network, training=settings.get("training", False))

    assert needed(side=96) == pytest.approx(4 * needed(), rel=0.02)
    assert needed(batch=4) == pytest.approx(2 * needed(), rel=0.02)
    assert needed(training=True) > 1.5 * needed()
    half = needed(training=True, precision="bf16")
    assert half == needed(training=True, precision="fp16") == pytest.approx(needed(training=True) / 2, rel=0.2)
    assert needed(precision="bf16") < needed()
    assert network.training
    assert all(weight.grad is None for weight in network.parameters())
