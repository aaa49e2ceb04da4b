"""Variations of a training sample: jittered dates, flips, turns, crop-and-scale, gamma and shift.

A sample is a series (F, T, H, W), scaled, with labels (2, H, W): shares of background and glacier, both 0 where radar
never sees the pixel. `jitter_dates` and `draw` draw; a `Variation` does what was drawn, plane by plane (H, W), so that
a plane is read, turned, scaled and toned while the processor's cache holds it. OpenCV does that two to three times as
fast as NumPy and PyTorch.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from glaciersar.errors import InputError
from glaciersar.recipe import CORRECTED, Recipe

SMALLEST_CROP = 0.8  # of the side
GAMMAS = (0.8, 1.2)
SHIFT = 0.025  # standard deviation in scaled units, 4.7 dB of "grd"

FLIPS = {(True, False): 0, (False, True): 1, (True, True): -1}  # vertically, horizontally: what OpenCV calls them

cv2.setNumThreads(0)  # samples are shared out among threads, and OpenCV's own would not survive a fork


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


def _scale_scrambled(series: NDArray[np.float32], crop: tuple[int, int, int]) -> NDArray[np.float32]:
    """Crop and scale a series (F, T, side, side) as the authors' code does, whose features get scrambled.

    It reshapes (T, size, size, F) to (size, size, T·F) without moving the axes, so T·F neighbouring values of a row
    pose as channels while the image is resized, and reshapes back.
    """
    features, dates, side, _ = series.shape
    size, top, left = crop
    cut = series[..., top : top + size, left : left + size].transpose(1, 2, 3, 0)  # (T, size, size, F)
    posing = np.moveaxis(cut.reshape(size, size, dates * features), -1, 0)  # (T·F, size, size)
    resized = np.stack([cv2.resize(np.ascontiguousarray(plane), (side, side)) for plane in posing], axis=-1)
    return resized.reshape(dates, side, side, features).transpose(3, 0, 1, 2)


def _power(plane: NDArray[np.float32], exponent: float) -> None:
    """Raise a plane to a power in its place, by logarithms: in half the time of `np.power`, equal to 1e-7."""
    cv2.threshold(plane, 0, 0, cv2.THRESH_TOZERO, dst=plane)  # as np.maximum does, in a quarter of the time
    with np.errstate(divide="ignore"):  # the logarithm of 0 is −∞, and its power 0 again
        np.log2(plane, out=plane)
    plane *= np.float32(exponent)
    np.exp2(plane, out=plane)


def _seen_or_not(labels: NDArray[np.float32]) -> None:
    """Let resized labels (2, H, W) sum to 1 again where at least half of a pixel is seen, and be 0 elsewhere."""
    mass = labels.sum(axis=0)  # (H, W)
    labels /= np.where(mass >= 0.5, mass, np.inf)


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What becomes of a sample, in this order; by default nothing."""

    flipped_vertically: bool = False
    flipped_horizontally: bool = False
    quarters: int = 0
    """Clockwise quarter turns, 0 to 3."""
    crop: tuple[int, int, int] | None = None
    """Side, top and left of the square that is scaled back to the sample's side, pixels."""
    exponents: tuple[float, ...] | None = None
    """Of gamma, one a feature; values below 0 have no power and become 0, as released."""
    offsets: tuple[float, ...] | None = None
    """Added, one a feature."""

    def place(
        self,
        plane: NDArray[np.float32],
        out: NDArray[np.float32],
        recipe: Recipe = CORRECTED,
        *,
        feature: int | None = None,
    ) -> None:
        """Vary a square plane on its way into `out`, (side, side), which lies in one piece.

        Args:
            plane: Of a series or of labels, (side, side).
            out: Filled.
            recipe: Where it scrambles the crop of a series, `finish` crops, and gamma and shift come after that.
            feature: Which one of the series it shows; labels, which show none, have no gamma and shift.
        """
        transposed, flip = self._turn
        later = self.crop is not None and recipe.scrambled_crop and feature is not None
        crop = None if later else self.crop
        if crop:
            plane = plane[self._square(crop, len(plane))]  # before it is turned: what is cut away need not be read
        moved = np.empty(plane.shape, np.float32) if crop else out
        if transposed:
            plane = cv2.transpose(plane, dst=moved)
        if flip is not None:
            plane = cv2.flip(plane, flip, dst=moved)  # in place where transposed, as OpenCV itself turns
        if crop:
            cv2.resize(plane, out.shape[::-1], dst=out)  # bilinear between centres, unsmoothed; labels become soft
        elif not transposed and flip is None:
            np.copyto(out, plane)
        if feature is not None and not later:
            self._tone(out, feature)

    def _square(self, crop: tuple[int, int, int], side: int) -> tuple[slice, slice]:
        """Tell where a crop lies in a plane that is still to be flipped and turned."""
        size, top, left = crop
        transposed, flip = self._turn
        if flip in (0, -1):
            top = side - size - top
        if flip in (1, -1):
            left = side - size - left
        if transposed:
            top, left = left, top
        return slice(top, top + size), slice(left, left + size)

    @cached_property
    def _turn(self) -> tuple[bool, int | None]:
        """Flips and turns as a transposition and the flip after it, by OpenCV's name: in one or two passes."""
        transposed = self.quarters % 2 == 1
        down, right = self.flipped_vertically, self.flipped_horizontally
        if transposed:
            down, right = right, down
        return transposed, FLIPS.get((down != (self.quarters > 1), right != (self.quarters in (1, 2))))

    def _tone(self, plane: NDArray[np.float32], feature: int) -> None:
        if self.exponents is not None:
            _power(plane, self.exponents[feature])
        if self.offsets is not None:
            plane += np.float32(self.offsets[feature])

    def finish(self, series: NDArray[np.float32], labels: NDArray[np.float32], recipe: Recipe = CORRECTED) -> None:
        """Finish, in its own memory, a sample whose planes are placed: sums of cropped labels, the crop as released."""
        if self.crop is None:
            return
        if recipe.scrambled_crop:
            series[...] = _scale_scrambled(series, self.crop)
            for feature, planes in enumerate(series):
                for plane in planes:
                    self._tone(plane, feature)
        _seen_or_not(labels)

    def vary(
        self, series: NDArray[np.float32], labels: NDArray[np.float32], recipe: Recipe = CORRECTED
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Vary a sample as a whole: new series (F, T, side, side) and labels (2, side, side).

        Raises:
            InputError: The sample is not square.
        """
        side, width = series.shape[-2:]
        if side != width:
            raise InputError(
                f"a sample of {side} × {width} pixels found, a square expected: quarter turns swap its sides"
            )
        new, new_labels = np.empty_like(series, order="C"), np.empty_like(labels, order="C")
        for feature, (planes, news) in enumerate(zip(series, new, strict=True)):
            for plane, out in zip(planes, news, strict=True):
                self.place(plane, out, recipe, feature=feature)
        for plane, out in zip(labels, new_labels, strict=True):
            self.place(plane, out, recipe)
        self.finish(new, new_labels, recipe)
        return new, new_labels


def draw_augmentation(
    rng: np.random.Generator, *, side: int, features: int, recipe: Recipe = CORRECTED
) -> Augmentation:
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
    return Augmentation(
        flipped_vertically=flipped_vertically,
        flipped_horizontally=flipped_horizontally,
        quarters=quarters,
        crop=crop,
        exponents=exponents,
        offsets=offsets,
    )
