"""Seeded random streams and random fields: all randomness of the simulator comes from here."""

import zlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from glaciersar.simulate.rounding import norm, rounded

Field = NDArray[np.float32]
Transfer = Callable[[NDArray[np.float64]], NDArray[np.float64]]  # from frequency, cycles a pixel, to gain


def random_stream(seed: int, *keys: int | str) -> np.random.Generator:
    """Open the random stream that belongs to `keys`; streams of different keys are independent.

    Landscape, year and orbit are keys, so the draws of one never shift those of another.
    """
    words = [zlib.crc32(key.encode()) if isinstance(key, str) else key for key in keys]
    return np.random.default_rng(np.random.SeedSequence([seed, *words]))


def smooth_field(shape: tuple[int, int], length: float, rng: np.random.Generator) -> Field:
    """Draw a Gaussian field with a Gaussian autocorrelation.

    Args:
        shape: (H, W).
        length: Distance, in pixels, over which the autocorrelation falls to 1/e; 0 gives white noise.
        rng: Random stream.

    Returns:
        (H, W) field with the expected mean 0 and variance 1.
    """
    return _filtered_noise(shape, lambda f: np.exp(-((np.pi * length * f) ** 2) / 2), pad=3 * length, rng=rng)


def fractal_field(shape: tuple[int, int], longest: float, rng: np.random.Generator, *, exponent: float = 3.2) -> Field:
    """Draw a Gaussian field whose power falls as frequency to the minus `exponent`, flat beyond the longest wavelength.

    Args:
        shape: (H, W).
        longest: Wavelength in pixels beyond which the spectrum is flat.
        rng: Random stream.
        exponent: Spectral exponent; 3 to 3.5 looks like terrain.

    Returns:
        (H, W) field with the expected mean 0 and variance 1.
    """
    corner = 1 / longest
    return _filtered_noise(shape, lambda f: np.maximum(f / corner, 1) ** (-exponent / 2), pad=longest, rng=rng)


def _filtered_noise(shape: tuple[int, int], transfer: Transfer, *, pad: float, rng: np.random.Generator) -> Field:
    """Filter white noise in the frequency domain, on a padded grid so that opposite edges are unrelated."""
    height, width = (fft.next_fast_len(int(n + min(pad, n)), real=True) for n in shape)
    white = rng.standard_normal((height, width), dtype=np.float32)
    gain = transfer(norm(fft.fftfreq(height)[:, None], fft.rfftfreq(width)[None, :]))
    gain[0, 0] = 0 if pad > 1 else gain[0, 0]
    full = np.concatenate([gain, gain[:, 1 : (width + 1) // 2]], axis=1)  # the half that rfft leaves out
    field = fft.irfft2(fft.rfft2(white.astype(np.float64)) * gain, s=(height, width))
    scaled: NDArray[np.float64] = field[: shape[0], : shape[1]] / np.sqrt(np.mean(full**2))
    return rounded(scaled).astype(np.float32)


def streaks(direction: tuple[Field, Field], length: float, rng: np.random.Generator, *, width: float = 1.0) -> Field:
    """Smear white noise along a vector field, by line integral convolution (Cabral and Leedom 1993).

    Args:
        direction: Row and column component of the field, each (H, W); its size does not matter.
        length: Length of a streak in pixels.
        rng: Random stream.
        width: Width of a streak in pixels.

    Returns:
        (H, W) field of mean 0 and variance 1, with streaks along the vector field.
    """
    size = norm(*direction) + np.float32(1e-6)
    step = np.stack([part / size for part in direction]).astype(np.float32)  # (2, H, W)
    noise = smooth_field(step.shape[1:], max(width, 1), rng)
    total = noise.copy()
    start = np.indices(noise.shape, dtype=np.float32)  # (2, H, W)
    stride = max(1.0, length / 24)
    for sign in (1.0, -1.0):
        place = start.copy()
        for _ in range(int(length / 2 / stride)):
            nearest = np.clip(np.rint(place).astype(np.int32), 0, np.array(noise.shape)[:, None, None] - 1)
            place += sign * stride * step[:, nearest[0], nearest[1]]
            total += ndimage.map_coordinates(noise, place, order=1, mode="nearest")
    total = total.astype(np.float64)
    scaled: NDArray[np.float64] = (total - total.mean()) / (total.std() + 1e-6)
    return rounded(scaled).astype(np.float32)
