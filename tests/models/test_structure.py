"""glaciersar.models.structure"""

import pytest
import torch

from glaciersar import models
from glaciersar.errors import InputError
from glaciersar.models.structure import LAST_STATES, POOLS, REDUCTIONS, trace, visit_blocks
from tests.support.networks import dates_for


@pytest.mark.parametrize("name", models.NAMES)
def test_every_weight_belongs_to_just_one_block(name):
    network = models.build(name, width=4, features=2)
    blocks = trace(network, dates=dates_for(network, 5), side=16)
    assert sum(block.parameters for block in blocks) == sum(weight.numel() for weight in network.parameters())


@pytest.mark.parametrize("name", models.NAMES)
def test_a_pass_without_numbers_meets_the_blocks_of_a_real_one(name):
    network = models.build(name, width=4).eval()
    dates, found = dates_for(network, 7), []
    visit_blocks(network, torch.rand(1, 1, dates, 16, 16), lambda block, output: found.append((block, output.shape)))
    assert trace(network, dates=dates, side=16) == [block for block, _ in found]
    assert all(block.shape == tuple(shape) for block, shape in found)


SERIES_32 = [(32, 15, 384, 384), (64, 8, 192, 192), (128, 4, 96, 96), (256, 2, 48, 48)]
PARAMETERS_32 = [28_864, 168_576, 673_024, 2_689_536]  # of the authors' model, running statistics counted as well
DECODER_32 = [131_584, 476_416, 33_024, 119_424, 8_320, 30_016, 66]


def test_the_network_of_3d_convolutions_has_the_authors_shapes_and_parameters():
    blocks = trace(models.build("unet3d"))
    residual = [block for block in blocks if block.kind == "residual block" and not block.in_decoder]
    assert [block.shape for block in residual] == SERIES_32
    running = [4 * block.shape[0] for block in residual]  # mean and variance of two normalisations
    assert [b.parameters + statistics for b, statistics in zip(residual, running, strict=True)] == PARAMETERS_32
    assert [block.shape for block in blocks if block.kind in POOLS] == [
        (32, 8, 192, 192), (64, 4, 96, 96), (128, 2, 48, 48)
    ]  # fmt: skip
    assert [block.shape for block in blocks if block.kind in REDUCTIONS] == [(c, h, w) for c, _, h, w in SERIES_32]
    decoder = [block for block in blocks if block.in_decoder]
    statistics = [2 * 128, 4 * 128, 2 * 64, 4 * 64, 2 * 32, 4 * 32, 0]
    assert [b.parameters + found for b, found in zip(decoder, statistics, strict=True)] == DECODER_32
    assert decoder[-1].shape == (2, 384, 384)


def test_the_weighted_one_counts_its_gates():
    blocks = trace(models.build("unet3d_weighted"), side=64)
    assert [block.parameters for block in blocks if block.kind in POOLS] == [3_120, 12_384, 49_344]
    assert [block.parameters for block in blocks if block.kind in REDUCTIONS] == [3_120, 12_384, 49_344, 196_992]


def test_the_network_of_lstms_keeps_all_dates_and_has_the_authors_shapes_and_parameters():
    blocks = trace(models.build("ulstm"))
    lstms = [block for block in blocks if block.kind == "ConvLSTM"]
    assert [block.shape for block in lstms] == [(32, 15, 384, 384), (64, 15, 192, 192), (128, 15, 96, 96)]
    assert [block.parameters for block in lstms] == [55_424, 221_440, 885_248]
    last = [block for block in blocks if block.kind == LAST_STATES]
    assert [block.shape for block in last] == [(32, 384, 384), (64, 192, 192), (128, 96, 96)]
    assert [block.parameters for block in blocks if block.kind == "projection"] == [2_048, 8_192]
    assert [block.shape for block in blocks if block.kind in POOLS] == [(32, 15, 192, 192), (64, 15, 96, 96)]


@pytest.mark.parametrize("name", ["unet3d", "ulstm", "unet3d_weighted"])
@pytest.mark.parametrize(("dates", "side"), [(1, 8), (2, 13), (15, 100)])
def test_levels_are_counted_for_any_number_of_dates_and_pixels(name, dates, side):
    network = models.build(name, width=2)
    blocks = trace(network, dates=dates, side=side)
    padded = -(-side // network.size_divisor) * network.size_divisor
    assert all(block.shape[-1] == padded >> block.level for block in blocks)
    assert {block.level for block in blocks} == set(range(network.size_divisor.bit_length()))


def test_a_network_is_left_as_it_was():
    network = models.build("ulstm", width=2).train()
    before = network.checksum()
    trace(network, side=16)
    visit_blocks(network.eval(), torch.rand(1, 1, 3, 8, 8), lambda block, output: None)
    assert network.checksum() == before
    assert not any(module._forward_hooks for module in network.modules())


def test_hooks_are_removed_also_when_a_visit_fails():
    def fail(block, output):
        raise KeyError(block.name)

    network = models.build("unet3d", width=2)
    with pytest.raises(KeyError, match=r"blocks\.0"):
        visit_blocks(network, torch.rand(1, 1, 3, 8, 8), fail)
    assert not any(module._forward_hooks for module in network.modules())


def test_a_batch_is_refused():
    network = models.build("unet3d", width=2)
    with pytest.raises(InputError, match="unet3d: 2 samples found, one expected"):
        visit_blocks(network, torch.rand(2, 1, 3, 8, 8), lambda block, output: None)
