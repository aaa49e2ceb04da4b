"""The settings of a simulated archive, in one record that is checked before anything is computed."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from glaciersar import grid
from glaciersar.dependencies import files_behind
from glaciersar.errors import InputError
from glaciersar.simulate.backscatter_levels import DEFAULT
from glaciersar.simulate.geometry import INCIDENCE
from glaciersar.simulate.landscape import FIRST_YEAR

CODE = Path(__file__).parent
ARCHIVE = "glaciersar.simulate.archive"
"""The module whose code, with all that it imports, decides what an archive holds."""
FIRST_TILE = (18, 24)  # about the column and row of the first landscape
DAY_OF_FIRST_PASS = {14: 3, 174: 9}
FLOATS = ("pixel", "looks", "missing_share", "shift_db")
PATHS = ("dem", "outlines", "levels")


@dataclass(frozen=True, kw_only=True)
class ArchiveSettings:
    """Everything that determines a simulated archive, checked when the record is made.

    A pixel of 40 m with 10.7 looks is the product EW GRDM, 10 m with 4.4 looks is IW GRDH. Numbers, paths and sequences
    are stored as floats, strings and tuples.

    Raises:
        InputError: A setting is not what is expected.
    """

    landscapes: int = 1
    """Number of landscapes; each lies on its own block of tiles, so that a split by blocks separates landscapes."""
    tiles_per_side: int = 2
    """10 km tiles along each side of a landscape."""
    pixel: float = 40.0
    """Pixel size, metres; must divide 10 km."""
    years: Sequence[int] = (2016, 2020)
    """Years to simulate."""
    relative_orbits: Sequence[int] = (14, 174)
    """Of 14 and 174."""
    looks: float = 10.7
    """Equivalent number of looks of a pixel."""
    repeat_days: int = 12
    """Days between the passes of an orbit."""
    missing_share: float = 0.06
    """Fraction of the passes without an image, 0 to 0.4; never two in a row."""
    seed: int = 1
    """The same seed gives the same pixel values."""
    dem: str | Path | None = None
    """The user's own elevation model, metres, instead of drawn landscapes; needs `outlines`."""
    outlines: str | Path | None = None
    """The user's own glacier outlines."""
    levels: str | Path | None = None
    """Another file in the form of backscatter.yaml."""
    shift_db: float = 0.0
    """Added to the assumed level of every glacier zone, dB; ±3 tests how much a result depends on the levels."""
    pairing: Sequence[Sequence[tuple[int, int]]] | None = None
    """Landscape k is seen in the (year, orbit) pairs of entry k modulo the length; every combination if not given."""
    surge: int = 0
    """Year after which one glacier of each landscape surges; 0 for none. Not with an elevation model."""

    def __post_init__(self) -> None:
        self._convert()
        if self.landscapes < 1 or self.tiles_per_side < 1:
            found = f"landscapes={self.landscapes} and tiles_per_side={self.tiles_per_side}"
            raise InputError(f"{found} found, at least 1 expected of both")
        if self.pixel <= 0 or (grid.TILE_SIZE / self.pixel) % 1:
            raise InputError(
                f"pixel={self.pixel:g} m does not divide a tile of 10 km; expected for example 10, 20 or 40"
            )
        years = self.years
        if not years or min(years) < FIRST_YEAR or len(set(years)) != len(years):
            raise InputError(f"years={years} found, expected at least one, none twice and none before {FIRST_YEAR}")
        _check_orbits(self.relative_orbits)
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
        if self.surge and (self.surge < FIRST_YEAR or self.dem is not None):
            raise InputError(
                f"surge={self.surge} found, a year from {FIRST_YEAR} on expected, or 0; none with an elevation model"
            )
        for pairs in self.pairing or ():
            _check_orbits(tuple(orbit for _, orbit in pairs))
            strange = {year for year, _ in pairs} - set(self.years)
            if strange:
                raise InputError(f"pairing names the years {sorted(strange)}, which are not in years={self.years}")

    def _convert(self) -> None:
        """Store one type for each field, so that equal settings are written as equal JSON."""
        changed: dict[str, object] = {name: float(getattr(self, name)) for name in FLOATS}
        changed |= {name: None if (path := getattr(self, name)) is None else str(path) for name in PATHS}
        changed |= {"years": tuple(self.years), "relative_orbits": tuple(self.relative_orbits)}
        if self.pairing is not None:
            changed["pairing"] = tuple(tuple((year, orbit) for year, orbit in pairs) for pairs in self.pairing)
        for name, value in changed.items():
            object.__setattr__(self, name, value)  # the record is frozen

    def pairs(self, landscape: int) -> tuple[tuple[int, int], ...]:
        """List the (year, orbit) pairs in which a landscape is seen."""
        if self.pairing is not None:
            return tuple(self.pairing[landscape % len(self.pairing)])
        return tuple((year, orbit) for year in self.years for orbit in self.relative_orbits)

    def corner(self, landscape: int) -> grid.Tile:
        """Return the lower left tile of a landscape. Landscapes fill whole blocks of tiles and never touch."""
        columns = 6  # landscapes side by side, a free block between
        side = self.tiles_per_side
        block = (FIRST_TILE[0] // side + 2 * (landscape % columns), FIRST_TILE[1] // side + 2 * (landscape // columns))
        return grid.Tile(column=block[0] * side, row=block[1] * side)

    def as_json(self) -> str:
        """Return the settings as JSON, with a checksum of the code and of every file that the simulator reads.

        The code is that of the simulator and of the modules that it imports, such as `io.rasters`, which rounds values.
        """
        files = [Path(name) for name in (self.dem, self.outlines, self.levels or DEFAULT) if name is not None]
        for path in files:
            if not path.is_file():
                raise InputError(f"{path}: no such file, expected what the settings name")
        digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
        code = hashlib.sha256()
        own = Path(__file__).parent
        others = [path for path in files_behind(ARCHIVE) if path.suffix == ".py" and path.parent != own]
        for path in [*sorted(CODE.glob("*.py")), *others]:
            code.update(path.name.encode() + path.read_bytes())
        return json.dumps({"simulator": code.hexdigest(), **asdict(self), "sha256": digests}, indent=1) + "\n"


def _check_orbits(orbits: Sequence[int]) -> None:
    strange = set(orbits) - set(INCIDENCE)
    if not orbits or strange:
        raise InputError(f"relative orbits {tuple(orbits)} found, expected some of {', '.join(map(str, INCIDENCE))}")
