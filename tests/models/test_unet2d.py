import pytest
import torch

from glaciersar.models.unet2d import DatesAsChannels, MeanOfDates, StatisticsOfDates, UNet2D


def seen_as_image(model, image):
    """The logits of a network's blocks for an image (B, C, H, W), whatever made it."""
    model.reduce, model.dates, model.features = torch.nn.Identity(), None, image.shape[1]
    return model(image[:, :, None])


def test_only_one_date_is_seen():
    model, series = UNet2D(width=4).eval(), torch.rand(1, 1, 15, 16, 16)
    others = torch.rand_like(series)
    others[:, :, 3] = series[:, :, 3]
    assert torch.equal(model(series), model(others))
    others[:, :, 3] += 0.1
    assert not torch.equal(model(series), model(others))


def test_a_shorter_series_shows_its_last_date():
    model, series = UNet2D(width=4).eval(), torch.rand(1, 1, 4, 16, 16)
    assert torch.equal(model(series), model(series[:, :, -1:]))


@torch.no_grad()
def test_the_mean_of_the_dates_is_seen():
    model, series = UNet2D(features=2, width=4, reduce="mean").eval(), torch.rand(1, 2, 6, 16, 16)
    found = model(series)
    torch.testing.assert_close(model(series.flip(2)), found, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found, seen_as_image(model, series.mean(2)), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_four_statistics_of_the_dates_are_seen():
    model, series = UNet2D(features=2, width=4, reduce="statistics").eval(), torch.rand(1, 2, 6, 16, 16)
    found = model(series)
    values = series.numpy()
    expected = [f(axis=2) for f in (values.min, values.max, values.mean, values.std)]
    image = torch.cat([torch.from_numpy(one) for one in expected], dim=1)
    torch.testing.assert_close(found, seen_as_image(model, image), atol=1e-5, rtol=1e-5)


def test_of_a_single_date_the_statistics_are_the_date_three_times_and_zero_with_a_gradient():
    series = torch.rand(1, 1, 1, 4, 4, requires_grad=True)
    low, high, mean, spread = StatisticsOfDates()(series).unbind(1)
    assert all(torch.equal(one, series[:, 0]) for one in (low, high, mean))
    assert not spread.any()
    (low + high + mean + spread).sum().backward()
    assert torch.equal(series.grad, torch.full_like(series, 3))  # and not NaN, from the root of 0


@torch.no_grad()
def test_dates_are_seen_as_channels_in_their_order():
    model, series = UNet2D(features=2, width=4, reduce="channels").eval(), torch.rand(1, 2, 15, 16, 16)
    found = model(series)
    assert not torch.allclose(model(series.flip(2)), found, atol=1e-4)
    planes = [series[:, feature, date] for feature in (0, 1) for date in range(15)]
    image = torch.stack(planes, dim=1)
    torch.testing.assert_close(found, seen_as_image(model, image), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("reduce", "channels"), [(None, 1), ("mean", 1), ("statistics", 4), ("channels", 15)])
def test_each_makes_its_own_number_of_channels_a_feature(reduce, channels):
    model = UNet2D(features=2, width=4, reduce=reduce)
    assert model.reduce(torch.rand(1, 2, 15, 3, 5)).shape == (1, 2 * channels, 1, 3, 5)
    assert model.blocks[0].project.in_channels == 2 * channels


@pytest.mark.parametrize("reduction", [MeanOfDates(), StatisticsOfDates(), DatesAsChannels()])
def test_gradients_agree_with_finite_differences(reduction):
    torch.manual_seed(0)
    series = torch.rand(1, 2, 5, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(reduction, series)
