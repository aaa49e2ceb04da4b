"""The climates of landscapes with glaciers: Svalbard's, and a milder one to carry what was learned there to."""

from dataclasses import dataclass

from glaciersar.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Climate:
    """What differs from Svalbard."""

    firn_line: float = 0.0
    """Metres by which the equilibrium line, and with it the firn line, lies higher above the glaciers' tongues."""
    melt_days: float = 0.0
    """Days that melt begins earlier and frost comes later."""
    sea_ice: bool = True
    """Whether fjords and lakes freeze."""


GLACIAL = {"arctic": Climate(), "maritime": Climate(firn_line=120.0, melt_days=35.0, sea_ice=False)}
"""By name. The values of "maritime" are assumed: a coast near the polar circle, where firn has become little."""


def find_climate(name: str) -> Climate:
    """Find a climate by its name.

    Raises:
        InputError: There is none of this name.
    """
    if name not in GLACIAL:
        raise InputError(f"climate={name!r} found, one of {', '.join(GLACIAL)} expected")
    return GLACIAL[name]
