"""What makes a simulated archive: every choice in one record, checked before any work is done."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from glaciersar import grid
from glaciersar.errors import InputError
from glaciersar.simulate.geometry import INCIDENCE
from glaciersar.simulate.landscape import EPOCH
from glaciersar.simulate.levels import DEFAULT

CODE = Path(__file__).parent
FIRST_TILE = (18, 24)  # about the column and row of the first landscape
DAY_OF_FIRST_PASS = {14: 3, 174: 9}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All that determines an archive."""

    landscapes: int
    """How many."""
    tiles_per_side: int
    """Each landscape covers the square of this many 10 km tiles."""
    pixel: float
    """Pixel size, metres."""
    years: tuple[int, ...]
    relative_orbits: tuple[int, ...]
    looks: float
    """Equivalent number of looks."""
    repeat_days: int
    """Days between passes."""
    missing_share: float
    """Share of the dates without an image, 0 to 0.4."""
    seed: int
    dem: str | None
    """A user's elevation model, instead of drawn landscapes."""
    outlines: str | None
    """The user's glacier outlines."""
    levels: str | None
    """Another backscatter.yaml."""
    shift_db: float
    """Added to the assumed level of all glacier zones, dB."""
    pairing: tuple[tuple[tuple[int, int], ...], ...] | None
    """Landscape k is seen in the (year, orbit) pairs of entry k modulo the length; every combination if not given."""
    surge: int = 0
    """Year after which a glacier of each landscape surges; 0 for none."""

    def __post_init__(self) -> None:
        if self.landscapes < 1 or self.tiles_per_side < 1:
            found = f"landscapes={self.landscapes} and tiles_per_side={self.tiles_per_side}"
            raise InputError(f"{found} found, at least 1 expected of both")
        if self.pixel <= 0 or (grid.TILE_SIZE / self.pixel) % 1:
            raise InputError(
                f"pixel={self.pixel:g} m does not divide a tile of 10 km; expected for example 10, 20 or 40"
            )
        if not self.years or min(self.years) < EPOCH or len(set(self.years)) != len(self.years):
            raise InputError(f"years={self.years} found, expected at least one, none twice and none before {EPOCH}")
        _known(self.relative_orbits)
        if self.looks < 1:
            raise InputError(f"looks={self.looks:g} found, at least 1 expected, for example 4.4 or 10.7")
        if not 1 <= self.repeat_days <= 90:
            raise InputError(f"repeat_days={self.repeat_days} found, 1 to 90 expected; one satellite repeats in 12")
        if not 0 <= self.missing_share <= 0.4:
            raise InputError(f"missing_share={self.missing_share:g} found, 0 to 0.4 expected")
        if (self.dem is None) != (self.outlines is None):
            raise InputError(f"dem={self.dem} and outlines={self.outlines} found, expected both or none")
        if self.dem is not None and self.landscapes != 1:
            raise InputError(f"landscapes={self.landscapes} with an elevation model found, 1 expected")
        if self.surge and (self.surge < EPOCH or self.dem is not None):
            raise InputError(
                f"surge={self.surge} found, a year from {EPOCH} on expected, or 0; none with an elevation model"
            )
        for pairs in self.pairing or ():
            _known(tuple(orbit for _, orbit in pairs))
            strange = {year for year, _ in pairs} - set(self.years)
            if strange:
                raise InputError(f"pairing names the years {sorted(strange)}, which are not in years={self.years}")

    def pairs(self, landscape: int) -> tuple[tuple[int, int], ...]:
        """List the (year, orbit) pairs in which a landscape is seen."""
        if self.pairing is not None:
            return self.pairing[landscape % len(self.pairing)]
        return tuple((year, orbit) for year in self.years for orbit in self.relative_orbits)

    def corner(self, landscape: int) -> grid.Tile:
        """Place a landscape: its lower left tile. Landscapes fill whole blocks of tiles and never touch."""
        columns = 6  # landscapes side by side, a free block between
        side = self.tiles_per_side
        block = (FIRST_TILE[0] // side + 2 * (landscape % columns), FIRST_TILE[1] // side + 2 * (landscape // columns))
        return grid.Tile(column=block[0] * side, row=block[1] * side)

    def as_json(self) -> str:
        """Write the record down, with a digest of the simulator's code and of every file that it reads."""
        files = [Path(name) for name in (self.dem, self.outlines, self.levels or DEFAULT) if name is not None]
        for path in files:
            if not path.is_file():
                raise InputError(f"{path}: no such file, expected what the settings name")
        digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
        code = hashlib.sha256()
        for path in sorted(CODE.glob("*.py")):
            code.update(path.name.encode() + path.read_bytes())
        return json.dumps({"simulator": code.hexdigest(), **asdict(self), "sha256": digests}, indent=1) + "\n"


def _known(orbits: Sequence[int]) -> None:
    strange = set(orbits) - set(INCIDENCE)
    if not orbits or strange:
        raise InputError(f"relative orbits {tuple(orbits)} found, expected some of {', '.join(map(str, INCIDENCE))}")
