"""glaciersar.models.receptive_field"""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from glaciersar import models
from glaciersar.models.receptive_field import receptive_field


class MiddleDate(nn.Module):
    """Run a stack of layers and keep the date in the middle."""

    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x):  # (B, F, T, H, W) -> (B, C, H, W)
        return self.layers(x)[:, :, x.shape[2] // 2]


ODD = st.sampled_from([1, 3, 5])


@settings(max_examples=20)
@given(st.lists(st.tuples(ODD, ODD, ODD, st.integers(1, 2)), min_size=1, max_size=3))
def test_a_stack_of_convolutions_sees_one_and_the_sum_of_dilation_times_kernel_less_one(stack):
    layers, channels = [], 2
    for *kernel, dilation in stack:
        layers.append(nn.Conv3d(channels, 3, kernel, dilation=dilation, padding="same"))
        channels = 3
    found = receptive_field(MiddleDate(*layers), features=2, dates=25, side=32)
    dates, height, width = (1 + sum(layer[3] * (layer[axis] - 1) for layer in stack) for axis in range(3))
    assert (found.dates, found.height, found.width) == (dates, height, width)


def test_all_that_a_maximum_may_choose_is_seen():
    stack = MiddleDate(nn.Conv3d(1, 2, 1), nn.MaxPool3d((3, 5, 5), stride=1, padding=(1, 2, 2)))
    found = receptive_field(stack, dates=9, side=32)
    assert (found.dates, found.height, found.width, found.whole_patch) == (3, 5, 5, False)


def test_a_mean_over_the_patch_sees_the_whole_patch():
    class Centred(nn.Module):
        def forward(self, x):
            return x[:, :, 0] - x.mean(dim=(2, 3, 4), keepdim=True)[:, :, 0]

    found = receptive_field(Centred(), dates=4, side=32)
    assert (found.dates, found.height, found.width, found.whole_patch) == (4, 32, 32, True)


def reach(levels, around):
    """Follow the rows that one pixel depends on back through a U-Net; `around` rows each way at a level's series."""

    def at(level, low, high):
        """The rows that the decoder's output at a level depends on, as rows of that level's encoder: level -> span."""
        low, high = low - 2, high + 2  # two convolutions
        if level == levels - 1:
            deeper = {levels: (low // 2, (high + 1) // 2)}  # 2 × 2 kernel: a row further down; nearest neighbour
        else:
            deeper = at(level + 1, low // 2, (high + 1) // 2)
        return deeper | {level: (low, high)}

    spans = at(0, 96, 96)
    low, high = spans[levels]
    for level in range(levels, 0, -1):
        low, high = 2 * (low - around), 2 * (high + around) + 1  # pooling by two
        low, high = min(low, spans[level - 1][0]), max(high, spans[level - 1][1])
    return high + around - (low - around) + 1


@pytest.mark.parametrize(
    ("name", "dates", "levels", "around"),
    [
        ("unet3d", 15, 3, 2),  # two convolutions
        ("unet2d", 3, 3, 2),
        ("ulstm", 15, 2, 2 + 14),  # two convolutions, and one for each step of the recurrence
        ("ulstm", 4, 2, 2 + 3),
    ],
)
def test_a_network_sees_as_far_as_its_layers_reach(name, dates, levels, around):
    torch.manual_seed(3)
    found = receptive_field(models.build(name, width=2), dates=dates, side=320)
    assert found.height == found.width == reach(levels, around)
    assert found.dates == (1 if name == "unet2d" else dates)
    assert not found.whole_patch


def test_the_weighted_network_sees_its_patch_and_the_other_no_more_of_a_larger_one():
    assert receptive_field(models.build("unet3d_weighted", width=2), dates=5, side=192).whole_patch
    small, large = (receptive_field(models.build("unet3d", width=2), dates=5, side=side) for side in (192, 256))
    assert small == large


def test_the_network_and_its_mode_are_left_as_they_were():
    network = models.build("unet3d", width=2).train()
    before = network.checksum()
    receptive_field(network, dates=2, side=32)
    assert network.training
    assert network.checksum() == before
