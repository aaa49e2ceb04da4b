"""glaciersar.models.costs"""

from math import prod

import pytest
import torch
from torch import nn

from glaciersar import models
from glaciersar.models.costs import (
    compare_costs,
    compare_speed,
    count_flop,
    measure_seconds,
    peak_memory,
    tabulate_blocks,
)
from glaciersar.models.structure import trace


def test_mapping_holds_the_largest_two_neighbours_and_training_all():
    stack = nn.Sequential(*(nn.Conv3d(i, o, 3, padding=1) for i, o in ((1, 4), (4, 8), (8, 2))))
    plane = 4 * 5 * 16 * 16  # bytes of a channel
    assert peak_memory(stack, dates=5, side=16) == (1 + 4 + 8) * plane
    assert peak_memory(stack, dates=5, side=16, training=True) == (1 + 4 + 8 + 2) * plane


def test_views_and_weights_take_no_memory():
    class Turned(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(()))

        def forward(self, x):
            return x.transpose(3, 4)[:, :, :1] * self.weight.detach().view(1)

    assert peak_memory(Turned(), dates=2, side=10) == 4 * (2 + 1) * 100  # the series, and the product of one date


@pytest.mark.parametrize("name", ["unet3d", "ulstm"])
def test_memory_grows_with_the_pixels_and_training_takes_more(name):
    network = models.build(name, width=4)
    small, large = (peak_memory(network, dates=5, side=side) for side in (32, 64))
    assert large / small == pytest.approx(4, rel=0.01)
    assert peak_memory(network, dates=5, side=32, training=True) > 1.5 * small


def test_the_authors_networks_take_as_many_multiply_adds_as_counted_by_hand():
    first_date = sum(2 * 9 * f * 4 * f * side**2 for f, side in ((16, 384), (32, 192), (64, 96)))  # of zero states
    assert count_flop(models.build("unet3d")) / 2e9 == pytest.approx(167, abs=0.5)
    assert count_flop(models.build("ulstm")) / 2e9 == pytest.approx(401 - first_date / 1e9, abs=0.5)


def test_flop_are_two_for_each_weight_of_a_kernel_at_each_place():
    network = models.build("unet3d", width=4, features=2)
    expected = 0
    for block in trace(network, dates=5, side=24):
        kernels = [m for m in network.get_submodule(block.name).modules() if isinstance(m, nn.Conv2d | nn.Conv3d)]
        expected += 2 * sum(kernel.weight.numel() for kernel in kernels) * prod(block.shape[1:])
    assert count_flop(network, dates=5, side=24) == expected


@pytest.mark.slow
def test_the_table_has_a_row_for_each_network_and_draws_no_random_numbers():
    networks = [models.build(name, width=4, features=2) for name in ("unet3d", "ulstm", "unet3d_weighted")]
    state = torch.get_rng_state()
    table = compare_costs(networks, dates=5, side=32)
    assert torch.equal(torch.get_rng_state(), state)
    assert list(table.index) == ["unet3d", "ulstm", "unet3d_weighted"]
    assert list(table["parameters"]) == [sum(w.numel() for w in network.parameters()) for network in networks]
    assert list(table["sees (dates)"]) == [5, 5, 5]
    assert table.loc["unet3d_weighted", "sees (pixels)"] == "whole patch"
    assert (table["memory to train (MiB)"] > table["memory to map (MiB)"]).all()
    assert table.loc["ulstm", "GFLOP"] > table.loc["unet3d", "GFLOP"] / 2


def test_blocks_are_rows_in_their_order():
    blocks = trace(models.build("unet3d", width=2), dates=3, side=8)
    table = tabulate_blocks(blocks)
    assert list(table.index) == [block.name for block in blocks]
    assert table.loc["blocks.1", "shape"] == "4 × 2 × 4 × 4"
    assert table["parameters"].sum() == sum(block.parameters for block in blocks)


def test_a_pass_takes_time_and_leaves_no_gradient():
    network = models.build("unet3d", width=2)
    assert measure_seconds(network, dates=2, side=8, repeats=1) > 0
    assert all(weight.grad is None for weight in network.parameters())


def test_the_rate_is_the_arithmetic_over_the_seconds():
    table = compare_speed([models.build(name, width=2) for name in ("unet3d", "ulstm")], dates=2, side=8)
    assert list(table.index) == ["unet3d", "ulstm"]
    seconds, gflop, rate = (table[name] for name in table)
    assert (seconds > 0).all()
    assert (rate * seconds).to_list() == pytest.approx(gflop.to_list())
    assert gflop["ulstm"] == count_flop(models.build("ulstm", width=2), dates=2, side=8) / 1e9
