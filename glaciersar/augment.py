"""Variations of a training sample: jittered dates, flips, turns, crop-and-scale, gamma and shift.

A sample is a series (F, T, H, W), scaled, with labels (2, H, W): shares of background and glacier, both 0 where radar
never sees the pixel. Each transform takes its draw as an argument; `jitter_dates` and `draw` draw.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from glaciersar.errors import InputError
from glaciersar.recipe import CORRECTED, Recipe

SMALLEST_CROP = 0.8  # of the side
GAMMAS = (0.8, 1.2)
SHIFT = 0.025  # standard deviation in scaled units, 4.7 dB of "grd"


def jitter_dates(
    indices: NDArray[np.integer], rng: np.random.Generator, *, dates: int, probability: float = 0.25
) -> NDArray[np.integer]:
    """Move each index to the date before or after it at random; two may then be equal, or swap places.

    Args:
        indices: Dates of the series, any shape, 0 … dates − 1.
        rng: Where the draws come from.
        dates: Dates on file; results are clipped to them.
        probability: Of being moved, half of it each way.
    """
    half = probability / 2
    steps = rng.choice((-1, 0, 1), size=np.shape(indices), p=(half, 1 - probability, half))
    return np.clip(indices + steps, 0, dates - 1)


def flip_vertically(x: Tensor) -> Tensor:  # (…, H, W)
    return x.flip(-2)


def flip_horizontally(x: Tensor) -> Tensor:  # (…, H, W)
    return x.flip(-1)


def turn(x: Tensor, quarters: int) -> Tensor:
    """Turn (…, H, W) clockwise by quarter turns."""
    return torch.rot90(x, -quarters, dims=(-2, -1))


def crop_and_scale(series: Tensor, labels: Tensor, *, size: int, top: int, left: int) -> tuple[Tensor, Tensor]:
    """Cut out a square and resize it bilinearly to the side it came from; labels become soft at edges."""
    window = (..., slice(top, top + size), slice(left, left + size))
    side = series.shape[-1]
    return _resize(series[window], side), _seen_or_not(_resize(labels[window], side))


def crop_and_scale_scrambled(
    series: Tensor, labels: Tensor, *, size: int, top: int, left: int
) -> tuple[Tensor, Tensor]:
    """Crop and scale as the authors' code does, whose features get scrambled.

    It reshapes (T, size, size, F) to (size, size, T·F) without moving the axes, so T·F neighbouring values of a row
    pose as channels while the image is resized, and reshapes back.
    """
    features, dates, side, _ = series.shape
    window = (..., slice(top, top + size), slice(left, left + size))
    cut = series[window].permute(1, 2, 3, 0)  # (T, size, size, F)
    posing = cut.reshape(size, size, dates * features).permute(2, 0, 1)  # (T·F, size, size)
    resized = _resize(posing, side).permute(1, 2, 0)  # (side, side, T·F)
    scrambled = resized.reshape(dates, side, side, features).permute(3, 0, 1, 2)
    return scrambled, _seen_or_not(_resize(labels[window], side))


def _resize(x: Tensor, side: int) -> Tensor:
    """Resize (…, h, w) to (…, side, side): bilinear between pixel centres, without smoothing, like OpenCV."""
    flat = x.reshape(1, -1, *x.shape[-2:])
    return F.interpolate(flat, size=(side, side), mode="bilinear", align_corners=False).reshape(
        *x.shape[:-2], side, side
    )


def _seen_or_not(labels: Tensor) -> Tensor:
    """Let resized labels (2, H, W) sum to 1 again where at least half of a pixel is seen, and be 0 elsewhere."""
    mass = labels.sum(dim=0, keepdim=True)  # (1, H, W)
    return torch.where(mass >= 0.5, labels / mass, 0)


def gamma(series: Tensor, exponents: Sequence[float], *, out: Tensor | None = None) -> Tensor:
    """Raise (F, T, H, W) to one power a feature; values below 0 have none and become 0, as released."""
    powered = torch.clamp(series, min=0, out=out)
    for values, exponent in zip(powered.numpy(), exponents, strict=True):  # (T, H, W)
        np.power(values, np.float32(exponent), out=values)  # in half the time of torch's
    return powered


def shift(series: Tensor, offsets: Sequence[float], *, out: Tensor | None = None) -> Tensor:
    """Add one offset a feature to (F, T, H, W)."""
    return torch.add(series, series.new_tensor(offsets).view(-1, 1, 1, 1), out=out)


@dataclass(frozen=True, kw_only=True)
class Variation:
    """What becomes of a sample, in this order; by default nothing."""

    flipped_vertically: bool = False
    flipped_horizontally: bool = False
    quarters: int = 0
    """Clockwise quarter turns."""
    crop: tuple[int, int, int] | None = None
    """Side, top and left of the square that is scaled back to the sample's side, pixels."""
    exponents: tuple[float, ...] | None = None
    """Of gamma, one a feature."""
    offsets: tuple[float, ...] | None = None
    """Added, one a feature."""

    def place(self, x: NDArray) -> NDArray:
        """Flip and turn (…, H, W) as a view: the copy that a reader makes anyway is then the only one."""
        if self.flipped_vertically:
            x = x[..., ::-1, :]
        if self.flipped_horizontally:
            x = x[..., ::-1]
        return np.rot90(x, -self.quarters, axes=(-2, -1))

    def change(self, series: Tensor, labels: Tensor, recipe: Recipe = CORRECTED) -> tuple[Tensor, Tensor]:
        """Crop, gamma and shift a sample, in its own memory but for the crop: the sample given is lost."""
        if self.crop is not None:
            size, top, left = self.crop
            crop = crop_and_scale_scrambled if recipe.scrambled_crop else crop_and_scale
            series, labels = crop(series, labels, size=size, top=top, left=left)
        if self.exponents is not None:
            series = gamma(series, self.exponents, out=series)
        if self.offsets is not None:
            series = shift(series, self.offsets, out=series)
        return series, labels


def draw(rng: np.random.Generator, *, side: int, features: int, recipe: Recipe = CORRECTED) -> Variation:
    """Draw a variation as the authors do, in their order.

    Flip vertically (probability 1/2), flip horizontally (1/2), turn by 1, 2 or 3 quarters (3/4), crop a square of 0.8
    to 1 of the side and scale it back (1/4), gamma of 0.8 to 1.2 a feature (1/4), shift of N(0, 0.025) a feature (1/4).

    Args:
        rng: Where every draw comes from.
        side: Of the sample, pixels.
        features: How many it has.
        recipe: Whether the crop may lie at the last offset.
    """
    flipped_vertically = rng.random() < 0.5
    flipped_horizontally = rng.random() < 0.5
    quarters = int(rng.integers(1, 4)) if rng.random() < 0.75 else 0
    crop = exponents = offsets = None
    if rng.random() < 0.25:
        size = int(rng.uniform(SMALLEST_CROP, 1) * side)
        ends = side - size + (1 if recipe.last_offset_drawn else 0)
        top, left = (int(offset) for offset in rng.integers(0, ends, size=2))
        crop = size, top, left
    if rng.random() < 0.25:
        exponents = tuple(rng.uniform(*GAMMAS, size=features).tolist())
    if rng.random() < 0.25:
        offsets = tuple(rng.normal(0, SHIFT, size=features).tolist())
    return Variation(
        flipped_vertically=flipped_vertically,
        flipped_horizontally=flipped_horizontally,
        quarters=quarters,
        crop=crop,
        exponents=exponents,
        offsets=offsets,
    )


def augment(
    series: Tensor, labels: Tensor, rng: np.random.Generator, recipe: Recipe = CORRECTED
) -> tuple[Tensor, Tensor]:
    """Vary a sample by a variation that is drawn.

    Args:
        series: (F, T, side, side) scaled features.
        labels: (2, side, side).
        rng: Where every draw comes from.
        recipe: Whether the crop is scrambled, and whether it may lie at the last offset.

    Returns:
        New series and labels of the same shapes; the inputs stay as they are.

    Raises:
        InputError: The sample is not square.
    """
    features, _, side, width = series.shape
    if side != width:
        raise InputError(f"a sample of {side} × {width} pixels found, a square expected: quarter turns swap its sides")
    variation = draw(rng, side=side, features=features, recipe=recipe)
    placed, placed_labels = (torch.from_numpy(variation.place(x.numpy()).copy()) for x in (series, labels))
    series, labels = variation.change(placed, placed_labels, recipe)
    return series.contiguous(), labels.contiguous()
