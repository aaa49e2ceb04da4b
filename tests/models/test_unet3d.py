import pytest
import torch
import torch.nn.functional as F

from glaciersar.models.unet3d import TemporalGate, UNet3D, WeightedDown, WeightedMean


@pytest.mark.parametrize("weighted", [False, True])
def test_the_encoder_gives_one_map_a_level_without_time(weighted):
    maps = UNet3D(width=4, weighted=weighted).eval().encode(torch.rand(1, 1, 15, 16, 32))
    assert [tuple(m.shape) for m in maps] == [(1, 4, 16, 32), (1, 8, 8, 16), (1, 16, 4, 8), (1, 32, 2, 4)]


@pytest.mark.parametrize("dates", range(1, 10))
def test_weighted_pooling_is_average_pooling_of_gated_dates_that_counts_no_padding(dates):
    pool, x = WeightedDown(4), torch.rand(1, 4, dates, 6, 8)
    gated = TemporalGate.forward(pool, F.max_pool3d(x, (1, 2, 2)))
    expected = F.avg_pool3d(gated, (min(2, dates), 1, 1), stride=(2, 1, 1), ceil_mode=True)
    torch.testing.assert_close(pool(x), expected)


def test_the_gate_lies_between_zero_and_one_and_is_one_number_a_date_and_channel():
    gate, x = TemporalGate(4), torch.rand(2, 4, 5, 3, 3) + 0.1
    share = gate(x) / x  # (2, 4, 5, 3, 3)
    assert ((share > 0) & (share < 1)).all()
    torch.testing.assert_close(share, share[..., :1, :1].expand_as(share))


def test_an_open_gate_leaves_the_plain_mean():
    pool, x = WeightedMean(4), torch.rand(1, 4, 5, 3, 3)
    with torch.no_grad():
        pool.excite.weight.zero_()
        pool.excite.bias.fill_(100.0)
    torch.testing.assert_close(pool(x), x.mean(2))
