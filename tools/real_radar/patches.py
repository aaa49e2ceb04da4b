"""The labelled X-band patches of CaFFe: their codes, and how grey takes the place of "grd".

The radar is X-band, one date, 8 bit: amplitude stretched for the eye, not calibrated. It is no backscatter: grey 0 to
255 lie where -25 to 0 dB of Sentinel-1 would.
"""

from collections.abc import Iterable
from pathlib import Path

from glaciersar.dataset import labelled_patches
from glaciersar.dataset.label_codes import LabelCodes
from glaciersar.dataset.labelled_patches import Patch

CODES = LabelCodes(glacier=(2,), unknown=(0,), other=(1, 3))
"""Rock is 1, ocean and mélange are 3; 0 is no data."""
GREY_AS_DB = (-25.0, 0.0)
"""Where the scale of "grd" puts grey 0 and grey 255."""
SHRINK = 4
"""Pixels averaged along each side: from 6 or 6.7 m to 24 or 27 m, nearer to the 40 m of the simulated archive."""


def read_patches(folder: str | Path) -> list[Patch]:
    """Read the patches that index.csv of a folder lists, by glacier, date and id; 128 × 128 pixels each."""
    return labelled_patches.read_patches(folder, CODES, shrink=SHRINK)


def write_dataset(path: str | Path, groups: Iterable[tuple[str, Patch]]) -> None:
    """Write patches as a dataset file; the one date stands fifteen times, as the layout wants a year of fifteen."""
    labelled_patches.write_patches(
        path, groups, kind="X-band amplitude, one date, 8 bit", grey=(0, 255), as_decibels=GREY_AS_DB
    )
