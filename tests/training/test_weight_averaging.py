"""glaciersar.training.weight_averaging"""

import copy

import pytest
import torch

from glaciersar import models
from glaciersar.training.weight_averaging import average_weights, copy_average

OFF = torch.autocast("cpu", enabled=False)


@pytest.fixture
def network():
    torch.manual_seed(3)
    return models.build("unet3d", width=4, dropout=0.5)


def series(seed, spread):
    """Some batches (B, F, T, P, P)."""
    generator = torch.Generator().manual_seed(seed)
    return [0.6 + spread * torch.randn(2, 1, 5, 16, 16, generator=generator) for _ in range(6)]


def test_the_average_of_the_weights_is_the_exponential_one(network):
    average = average_weights(network, decay=0.75)
    name, expected = "decoder.head.weight", None
    for step in range(5):
        with torch.no_grad():
            network.get_parameter(name).fill_(float(step))
        average.update_parameters(network)
        expected = float(step) if expected is None else 0.75 * expected + 0.25 * step
    torch.testing.assert_close(
        average.module.get_parameter(name), torch.full_like(network.get_parameter(name), expected)
    )


def test_an_average_of_trained_weights_starts_from_them(network):
    name = "decoder.head.weight"
    with torch.no_grad():
        network.get_parameter(name).fill_(8.0)
    average = average_weights(network, decay=0.75, trained=True)
    with torch.no_grad():
        network.get_parameter(name).fill_(4.0)
    average.update_parameters(network)
    expected = torch.full_like(network.get_parameter(name), 0.75 * 8 + 0.25 * 4)
    torch.testing.assert_close(average.module.get_parameter(name), expected)


def test_recomputed_statistics_are_those_of_the_series_that_the_first_normalisation_meets(network):
    given = series(1, 0.1)
    copied = copy_average(average_weights(network, decay=0.9), given, OFF)
    convolved = torch.stack([network.blocks[0].first[0](batch) for batch in given])  # (N, B, C, T, P, P)
    norm = copied.blocks[0].first[1]
    torch.testing.assert_close(norm.running_mean, convolved.mean(dim=(0, 1, 3, 4, 5)), atol=1e-5, rtol=1e-4)
    variance = torch.stack([batch.movedim(1, 0).flatten(1).var(dim=1) for batch in convolved]).mean(dim=0)
    torch.testing.assert_close(norm.running_var, variance, atol=1e-6, rtol=1e-3)


def test_recomputing_forgets_the_old_statistics_drops_nothing_and_leaves_the_average_as_it_was(network):
    average = average_weights(network, decay=0.9)
    before = copy.deepcopy(average.state_dict())
    once = copy_average(average, series(1, 0.1), OFF).state_dict()
    for name, module in average.module.named_modules():
        if name.endswith("first.1"):
            module.running_mean.fill_(9.0)
    torch.manual_seed(99)  # dropout would see it
    again = copy_average(average, series(1, 0.1), OFF).state_dict()
    assert all(torch.equal(once[name], again[name]) for name in once)
    average.load_state_dict(before)
    other = copy_average(average, series(2, 0.3), OFF).state_dict()
    assert not torch.equal(once["blocks.0.first.1.running_var"], other["blocks.0.first.1.running_var"])
    assert torch.equal(once["decoder.head.weight"], other["decoder.head.weight"])
