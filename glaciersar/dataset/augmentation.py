"""Augmentation of a training sample: jittered dates, flips, quarter turns, crop-and-scale, gamma and shift.

A sample is a series (F, T, H, W), scaled, with labels (2, H, W): the fractions of background and of glacier, both 0
where radar never sees the pixel. `jitter_dates` and `draw_augmentation` draw; `Augmentation.apply` does what was drawn,
and `apply_as_released` does it with the defect of the released code. Each plane (H, W) is read, turned, scaled and
toned before the next, while the processor's cache holds it. OpenCV does that two to three times as fast as NumPy and
PyTorch.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from glaciersar.errors import InputError
from glaciersar.recipe import CORRECTED, Recipe

SMALLEST_CROP = 0.8  # of the side
GAMMAS = (0.8, 1.2)
SHIFT = 0.025  # standard deviation in scaled units, 4.7 dB of "grd"

AUGMENTATIONS = ("jitter", "flip", "turn", "crop", "gamma", "shift")
"""What is done to a training sample: `jitter_dates`, and the parts of an `Augmentation`."""

FLIPS = {(True, False): 0, (False, True): 1, (True, True): -1}  # vertically, horizontally: OpenCV's codes

cv2.setNumThreads(0)  # each sample has a thread of its own, and OpenCV's threads would not survive a fork

Plane = NDArray[np.float32]
"""(H, W) of a series or of labels."""


def jitter_dates(
    indices: NDArray[np.integer], rng: np.random.Generator, *, dates: int, probability: float = 0.25
) -> NDArray[np.integer]:
    """Move each index to the date before or after it at random; two may then be equal, or swap places.

    Args:
        indices: Dates of the series, any shape, 0 … dates − 1.
        rng: Random numbers.
        dates: How many the file holds; results are clipped to them.
        probability: Of being moved, half of it each way.
    """
    half = probability / 2
    steps = rng.choice((-1, 0, 1), size=np.shape(indices), p=(half, 1 - probability, half))
    moved: NDArray[np.integer] = np.clip(indices + steps, 0, dates - 1)
    return moved


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What is done to a sample, in this order; by default nothing."""

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

    def keep(self, wanted: Collection[str]) -> "Augmentation":
        """Leave out what is not among the `wanted` names of `AUGMENTATIONS`."""
        return Augmentation(
            flipped_vertically=self.flipped_vertically and "flip" in wanted,
            flipped_horizontally=self.flipped_horizontally and "flip" in wanted,
            quarters=self.quarters if "turn" in wanted else 0,
            crop=self.crop if "crop" in wanted else None,
            exponents=self.exponents if "gamma" in wanted else None,
            offsets=self.offsets if "shift" in wanted else None,
        )

    def apply(
        self, series: NDArray[np.float32], labels: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Augment a sample: new series (F, T, side, side) and labels (2, side, side).

        Raises:
            InputError: The sample is not square.
        """
        out, out_labels = _new_sample(series, labels)
        self.apply_by_plane(series, labels, out, out_labels)
        return out, out_labels

    def apply_by_plane(
        self,
        series: Iterable[Iterable[Plane]],
        labels: Iterable[Plane],
        out: NDArray[np.float32],
        out_labels: NDArray[np.float32],
    ) -> None:
        """Augment a sample whose planes come one by one, from a file for instance.

        Args:
            series: The planes of each date, of each feature; square unless nothing is done to them.
            labels: The two planes of labels.
            out: Filled (F, T, side, side); contiguous.
            out_labels: Filled (2, side, side); contiguous.
        """
        for feature, (planes, targets) in enumerate(zip(series, out, strict=True)):
            for plane, target in zip(planes, targets, strict=True):
                self._move(plane, target)
                self._tone(target, feature)
        self._move_labels(labels, out_labels)

    def _move_labels(self, labels: Iterable[Plane], out: NDArray[np.float32]) -> None:
        for plane, target in zip(labels, out, strict=True):
            self._move(plane, target)
        if self.crop:
            _normalise_labels(out)

    def _move(self, plane: Plane, out: Plane) -> None:
        """Flip, turn, crop and scale a plane into `out`."""
        transposed, flip = self._turn
        if self.crop:
            plane = plane[self._crop_before_turn(len(plane))]  # what is cut away need not be read
        moved = np.empty(plane.shape, np.float32) if self.crop else out
        if transposed:
            plane = cv2.transpose(plane, dst=moved)
        if flip is not None:
            plane = cv2.flip(plane, flip, dst=moved)  # in place where transposed, as OpenCV itself turns
        if self.crop:
            cv2.resize(plane, out.shape[::-1], dst=out)  # bilinear between centres, unsmoothed; labels become fractions
        elif not transposed and flip is None:
            np.copyto(out, plane)

    def _tone(self, plane: Plane, feature: int) -> None:
        """Apply gamma and shift of a feature in place."""
        if self.exponents is not None:
            _power(plane, self.exponents[feature])
        if self.offsets is not None:
            plane += np.float32(self.offsets[feature])

    @cached_property
    def _turn(self) -> tuple[bool, int | None]:
        """Flips and turns as a transposition and OpenCV's code of the flip after it: one or two passes."""
        transposed = self.quarters % 2 == 1
        down, right = self.flipped_vertically, self.flipped_horizontally
        if transposed:
            down, right = right, down
        return transposed, FLIPS.get((down != (self.quarters > 1), right != (self.quarters in (1, 2))))

    def _crop_before_turn(self, side: int) -> tuple[slice, slice]:
        """Return rows and columns of the crop in a plane of this side that is not yet flipped and turned."""
        assert self.crop is not None
        size, top, left = self.crop
        transposed, flip = self._turn
        if flip in (0, -1):
            top = side - size - top
        if flip in (1, -1):
            left = side - size - left
        if transposed:
            top, left = left, top
        return slice(top, top + size), slice(left, left + size)


def check_augmentations(names: Collection[str]) -> None:
    """Refuse a name that is not in `AUGMENTATIONS`."""
    for name in names:
        if name not in AUGMENTATIONS:
            raise InputError(f"augmentation {name!r} found, some of {', '.join(AUGMENTATIONS)} expected")


def apply_as_released(
    augmentation: Augmentation, series: NDArray[np.float32], labels: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Augment a sample as `Augmentation.apply` does, but with the released crop, which scrambles a series.

    Raises:
        InputError: The sample is not square.
    """
    out, out_labels = _new_sample(series, labels)
    apply_by_plane_as_released(augmentation, series, labels, out, out_labels)
    return out, out_labels


def apply_by_plane_as_released(
    augmentation: Augmentation,
    series: Iterable[Iterable[Plane]],
    labels: Iterable[Plane],
    out: NDArray[np.float32],
    out_labels: NDArray[np.float32],
) -> None:
    """Do what `Augmentation.apply_by_plane` does, but with the released crop, which scrambles a series."""
    if augmentation.crop is None:
        augmentation.apply_by_plane(series, labels, out, out_labels)
        return
    turn = replace(augmentation, crop=None, exponents=None, offsets=None)
    for planes, targets in zip(series, out, strict=True):
        for plane, target in zip(planes, targets, strict=True):
            turn._move(plane, target)
    out[...] = _scale_scrambled(out, augmentation.crop)
    for feature, targets in enumerate(out):
        for target in targets:
            augmentation._tone(target, feature)
    augmentation._move_labels(labels, out_labels)


def _scale_scrambled(series: NDArray[np.float32], crop: tuple[int, int, int]) -> NDArray[np.float32]:
    """Crop and scale a series (F, T, side, side) as the released code does, which scrambles its values.

    It reshapes (T, size, size, F) to (size, size, T·F) without moving the axes, so that T·F neighbouring values of a
    row are taken for channels while the image is resized, and reshapes back.
    """
    features, dates, side, _ = series.shape
    size, top, left = crop
    cut = series[..., top : top + size, left : left + size].transpose(1, 2, 3, 0)  # (T, size, size, F)
    channels = np.moveaxis(cut.reshape(size, size, dates * features), -1, 0)  # (T·F, size, size)
    resized = np.stack([cv2.resize(np.ascontiguousarray(plane), (side, side)) for plane in channels], axis=-1)
    return resized.reshape(dates, side, side, features).transpose(3, 0, 1, 2)


def _new_sample(
    series: NDArray[np.float32], labels: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    side, width = series.shape[-2:]
    if side != width:
        raise InputError(f"a sample of {side} × {width} pixels found, a square expected: quarter turns swap its sides")
    return np.empty_like(series, order="C"), np.empty_like(labels, order="C")


def _power(plane: Plane, exponent: float) -> None:
    """Raise a plane to a power in place, by logarithms: in half the time of `np.power`, equal to 1e-7."""
    cv2.threshold(plane, 0, 0, cv2.THRESH_TOZERO, dst=plane)  # as np.maximum does, in a quarter of the time
    with np.errstate(divide="ignore"):  # the logarithm of 0 is −∞, and its power 0 again
        np.log2(plane, out=plane)
    plane *= np.float32(exponent)
    np.exp2(plane, out=plane)


def _normalise_labels(labels: NDArray[np.float32]) -> None:
    """Make resized labels (2, H, W) sum to 1 again where radar sees at least half of a pixel, and be 0 elsewhere."""
    total = labels.sum(axis=0)  # (H, W)
    labels /= np.where(total >= 0.5, total, np.inf)


def draw_augmentation(
    rng: np.random.Generator, *, side: int, features: int, recipe: Recipe = CORRECTED
) -> Augmentation:
    """Draw an augmentation as the authors do, in their order.

    Flip vertically (probability 1/2), flip horizontally (1/2), turn by 1, 2 or 3 quarters (3/4), crop a square of 0.8
    to 1 of the side and scale it back (1/4), gamma of 0.8 to 1.2 a feature (1/4), shift of N(0, 0.025) a feature (1/4).

    Args:
        rng: Random numbers.
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
