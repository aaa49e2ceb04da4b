"""The choices that hold for every tile of a dataset."""

from collections.abc import Sequence
from dataclasses import dataclass

from glaciersar import radiometry
from glaciersar.scenes.coregistration import MAX_OFFSET


@dataclass(frozen=True, kw_only=True)
class DatasetConfig:
    """Which years and orbits a dataset has, and how its tiles are made; the defaults are those of the published one."""

    years: Sequence[int]
    """Calendar years."""
    relative_orbits: Sequence[int]
    """1 to 175; each orbit and year of a tile is a group of its own."""
    polarisation: str = "HH"
    """ "HH", "HV", "VV" or "VH"; or "HH+HV" or "VV+VH": then the co-polarised series is the feature "grd" (or "rtc"),
    and the cross-polarised one stands beside it as "grd_cross" (or "rtc_cross")."""
    pixel: float = 10.0
    """Side of a pixel, metres."""
    features: Sequence[str] = ("grd",)
    """Of "grd", "rtc" and "insar", with "grd" or "rtc" at least: names and scalings of the series."""
    dates: int = 15
    """How many dates stand for a year."""
    spacing_days: float = 24.0
    """Between two of these dates, days."""
    fill_dates: int = 0
    """How many of these dates may be missing in the archive. The mean in dB of the passes before and after fills them;
    the attribute filled_dates counts them."""
    max_offset: float = MAX_OFFSET
    """How far the dates of a tile may lie from one another, pixels; infinity allows anything."""
    backscatter: str = ""
    """ "gamma0" or "sigma0"; empty takes what the names of the rasters say, which must not contradict it."""
    year_column: str = "year"
    """Column of the outlines with their year. Without such a column, every year takes all outlines."""

    @property
    def backscatter_feature(self) -> str:
        """Name of the series that the scenes become: "grd", or "rtc" without it."""
        return next(feature for feature in radiometry.OF_POWER if feature in self.features)
