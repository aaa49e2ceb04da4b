"""glaciersar.models.memory"""

import pytest
import torch
import torch.nn.functional as F
from torch.profiler import ProfilerActivity, profile

from glaciersar import models
from glaciersar.models.memory import STATES, peak_bytes
from tests.support.processors import needs_avx2

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
@pytest.mark.parametrize(
    "name", [pytest.param("unet3d", marks=needs_avx2("a 3D convolution unfolds its neighbourhoods")), "ulstm"]
)
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


def needed(network, **changed):
    settings = SIZES | changed
    return peak_bytes(network, **settings) - weights(network, training=settings.get("training", False))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["unet3d", "ulstm"])
def test_memory_grows_with_pixels_and_patches(name):
    network = models.build(name, width=2).train()
    assert needed(network, side=96) == pytest.approx(4 * needed(network), rel=0.02)
    assert needed(network, batch=4) == pytest.approx(2 * needed(network), rel=0.02)
    assert needed(network, training=True) > 1.5 * needed(network)
    assert needed(network, precision="bf16") < needed(network)
    assert network.training
    assert all(weight.grad is None for weight in network.parameters())


def pooled(name, width):
    """Cubes that are pooled in a step: of each the place of its largest value is kept, 8 bytes in any precision."""
    halvings = {"unet3d": 3, "ulstm": 2}[name]
    dates = [-(-SIZES["dates"] // 2**k) if name == "unet3d" else SIZES["dates"] for k in range(1, halvings + 1)]
    return sum(SIZES["batch"] * (width << k) * count * (SIZES["side"] >> k + 1) ** 2 for k, count in enumerate(dates))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["unet3d", "ulstm"])
def test_training_in_16_bits_takes_half_but_for_the_places_of_what_is_pooled_and_the_loss(name):
    network = models.build(name, width=8).train()
    places, full = 8 * pooled(name, 8), needed(network, training=True)
    half = needed(network, training=True, precision="bf16")
    assert half == needed(network, training=True, precision="fp16")
    assert half == pytest.approx((full - places) / 2 + places, rel=0.02)  # the loss, in float32, is a hundredth
