import torch

from glaciersar.models.unet2d import UNet2D


def test_only_one_date_is_seen():
    model, series = UNet2D(width=4).eval(), torch.rand(1, 1, 15, 16, 16)
    others = torch.rand_like(series)
    others[:, :, 9] = series[:, :, 9]
    assert torch.equal(model(series), model(others))
    others[:, :, 9] += 0.1
    assert not torch.equal(model(series), model(others))


def test_a_shorter_series_shows_its_last_date():
    model, series = UNet2D(width=4).eval(), torch.rand(1, 1, 4, 16, 16)
    assert torch.equal(model(series), model(series[:, :, -1:]))
