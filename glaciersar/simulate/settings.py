"""The settings of a simulated archive, in one record that is checked before anything is computed."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from glaciersar.dependencies import files_behind
from glaciersar.errors import InputError
from glaciersar.geodesy import check_scale
from glaciersar.grid import SVAL, TILE_SIZE, Grid, Tile
from glaciersar.simulate.backscatter_levels import DEFAULT
from glaciersar.simulate.climates import find_climate
from glaciersar.simulate.geometry import INCIDENCE, orbits_that_see, scene_incidence
from glaciersar.simulate.landscape import FIRST_YEAR
from glaciersar.simulate.places import list_places, list_places_around

CODE = Path(__file__).parent
ARCHIVE = "glaciersar.simulate.archive"
"""The module whose code, with all that it imports, decides what an archive holds."""
DAY_OF_FIRST_PASS = {14: 3, 174: 9}
FLOATS = ("pixel", "looks", "missing_share", "shift_db", "label_error")
PAIRINGS = ("every", "one_orbit", "one_series")
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
    pairing: str = "every"
    """ "every": each landscape in every year from every orbit that sees it; "one_orbit": in every year from the same
    one; "one_series": in one year from one orbit, in turn."""
    label_error: float = 35.0
    """Mean distance between two annotators' outlines, metres; their other mistakes grow with it. 0 draws the truth."""
    controls: int = 0
    """Further landscapes without a glacier, of land that Svalbard lacks: forest, dry hills, fields and towns."""
    surge: int = 0
    """Year after which one glacier of each landscape surges; 0 for none. Not with an elevation model."""

    place: str = ""
    """Longitude and latitude of the first landscape, such as "86.9,28.0"; the others lie around. Empty: Svalbard."""
    crs: str = ""
    """System of the tile grid, of a place or an elevation model; empty takes its UTM zone, or a polar one."""
    climate: str = "arctic"
    """Of the landscapes with glaciers: "arctic", or "maritime", with a higher firn line and a longer melt."""

    def __post_init__(self) -> None:
        self._convert()
        if self.landscapes < 1 or self.tiles_per_side < 1:
            found = f"landscapes={self.landscapes} and tiles_per_side={self.tiles_per_side}"
            raise InputError(f"{found} found, at least 1 expected of both")
        if self.pixel <= 0 or (TILE_SIZE / self.pixel) % 1:
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
        if self.pairing not in PAIRINGS:
            raise InputError(f"pairing={self.pairing!r} found, one of {', '.join(PAIRINGS)} expected")
        if not 0 <= self.label_error <= 200:
            raise InputError(f"label_error={self.label_error:g} m found, 0 to 200 expected")
        find_climate(self.climate)
        if self.climate != ArchiveSettings.climate and self.dem is not None:
            raise InputError(f"climate={self.climate!r} with an elevation model found, whose climate is arctic")
        self._check_places()

    def _check_places(self) -> None:
        """Refuse more landscapes than there are places for them, and a system that is not true to scale there."""
        if self.controls < 0 or (self.controls and self.dem is not None):
            raise InputError(f"controls={self.controls} found, 0 or more expected; none with an elevation model")
        if self.place and self.dem is not None:
            raise InputError(
                f"place={self.place!r} with an elevation model found, which has its own place; one expected"
            )
        if self.crs and not self.place and self.dem is None:
            raise InputError(f"crs={self.crs!r} without place or dem found; Svalbard has the published grid")
        places = len(self._places())
        if self.landscapes + self.controls > places:
            raise InputError(
                f"{self.landscapes} landscapes and {self.controls} controls of {self.tiles_per_side} tiles a side "
                f"found; the orbits {self.relative_orbits} see {places} places at 30 to 46 degrees, no more expected"
            )
        if self.place:
            check_scale([self.corner(0), self.corner(self.landscapes + self.controls - 1)], remedy="give another crs")

    def _convert(self) -> None:
        """Store one type for each field, so that equal settings are written as equal JSON."""
        changed: dict[str, object] = {name: float(getattr(self, name)) for name in FLOATS}
        changed |= {name: None if (path := getattr(self, name)) is None else str(path) for name in PATHS}
        changed |= {"years": tuple(self.years), "relative_orbits": tuple(self.relative_orbits)}
        for name, value in changed.items():
            object.__setattr__(self, name, value)  # the record is frozen

    def pairs(
        self, landscape: int, bounds: tuple[float, float, float, float], grid: Grid = SVAL
    ) -> tuple[tuple[int, int], ...]:
        """List the (year, orbit) pairs in which a landscape is seen.

        Args:
            landscape: Its number.
            bounds: Left, bottom, right, top, metres; on Svalbard an orbit that does not see it all is left out.
            grid: Of the landscape.

        Raises:
            InputError: No orbit sees it.
        """
        orbits = orbits_that_see(bounds, self.relative_orbits, grid)
        if not orbits:
            middle = (bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2
            angles = ", ".join(
                f"orbit {orbit} at {scene_incidence(orbit, *middle):.0f}" for orbit in self.relative_orbits
            )
            raise InputError(f"landscape around {middle}: seen from {angles} degrees, 30 to 46 expected all over it")
        one = orbits[landscape % len(orbits)]
        if self.pairing == "one_series":
            return ((self.years[landscape // len(self.relative_orbits) % len(self.years)], one),)
        chosen = (one,) if self.pairing == "one_orbit" else orbits
        return tuple((year, orbit) for year in self.years for orbit in chosen)

    def _places(self) -> tuple[Tile, ...]:
        if not self.place:
            return list_places(self.tiles_per_side, self.relative_orbits)
        try:
            longitude, latitude = (float(part) for part in self.place.split(","))
        except ValueError as error:
            raise InputError(f"place={self.place!r} found, lon,lat in degrees such as 86.9,28.0 expected") from error
        if not (abs(longitude) <= 180 and abs(latitude) <= 90):
            raise InputError(f"place={self.place!r} found, longitude and latitude in degrees expected")
        return list_places_around(longitude, latitude, self.tiles_per_side, crs=self.crs)

    def corner(self, landscape: int) -> Tile:
        """Return the lower left tile of a landscape. Landscapes fill whole blocks of tiles and never touch.

        Controls, which are counted after the others, take the last places.
        """
        places = self._places()
        return places[landscape if landscape < self.landscapes else self.landscapes - 1 - landscape]

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
