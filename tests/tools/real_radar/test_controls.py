"""tools.real_radar.controls"""

import numpy as np
import pytest
import torch
from torch import nn

from glaciersar import models, radiometry
from glaciersar.errors import InputError
from tools.real_radar import controls
from tools.real_radar.controls import Control


class Bright(nn.Module):
    """Call glacier what is brighter than -10 dB in the first date."""

    def forward(self, x):  # (B, F, T, H, W) -> (B, 2, H, W)
        return torch.stack([torch.zeros_like(x[:, 0, 0]), x[:, 0, 0] - float(radiometry.scale(np.float32(-10)))], 1)


def network():
    model = models.build("unet3d", width=2)
    model.forward = Bright().forward
    return model


def land(name, share, place="here"):
    """Twelve dates of 10 × 10 pixels, a share of them at -5 dB, the others at -15 dB; the last row without a value."""
    decibel = np.full((12, 10, 10), -15.0, np.float32)
    decibel[:, :, : int(10 * share)] = -5
    decibel[:, 9] = np.nan
    return Control(place=place, name=name, power=radiometry.to_power(decibel), months=tuple(range(1, 13)))


def test_the_share_is_of_the_pixels_with_radar():
    assert controls.glacier_counts(network(), land("a", 0.3)) == (27, 90)


def test_each_place_has_its_samples_and_their_pooled_share():
    table = controls.false_shares({"m": network()}, [land("a", 0.2), land("b", 0.4), land("c", 0, place="there")])
    assert table["name"].tolist() == ["a", "b", "all", "c", "all"]
    assert table["m"].str[:5].tolist() == ["0.200", "0.400", "0.300", "0.000", "0.000"]
    assert table["m"][2] == "0.300 (0.200 to 0.400)"


def test_forests_are_read_in_decibels_in_calendar_order_with_gaps_as_no_value(tmp_path):
    series = np.zeros((12, 4, 4, 4), np.float32)
    series[:] = -np.arange(1, 13)[:, None, None, None]
    series[0, 0, 0, 0] = controls.NODATA
    names = np.array([*controls.MONTHS[8:], *controls.MONTHS[:8]])  # from September
    np.savez(tmp_path / "sample_0.npz", s1=series, months=names)
    (control,) = controls.read_forests(tmp_path)
    assert control.months == tuple(range(1, 13))
    decibel = radiometry.to_decibel(control.power[:, 1, 1])
    np.testing.assert_allclose(decibel, [-5, -6, -7, -8, -9, -10, -11, -12, -1, -2, -3, -4], rtol=1e-5)
    assert np.argwhere(np.isnan(control.power)).tolist() == [[8, 0, 0]]  # September


def test_twelve_months_become_fifteen_dates_in_order_that_begin_and_end_with_the_year():
    land_of_months = land("a", 0.5)
    land_of_months.power[:] *= np.arange(1, 13)[:, None, None]  # each month by its own level
    spread = controls.spread_over_year(land_of_months)
    assert (spread.months[0], spread.months[-1], len(spread.months)) == (1, 12, 15)
    assert set(np.diff(spread.months)) == {0, 1}  # every month once at least
    level = spread.power[:, 0, 0] / land_of_months.power[0, 0, 0]
    np.testing.assert_allclose(level, spread.months, rtol=1e-6)


def test_a_folder_without_forests_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"no file sample_\*.npz found"):
        controls.read_forests(tmp_path)
