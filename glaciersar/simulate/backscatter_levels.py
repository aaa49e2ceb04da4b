"""Read the backscatter levels that the simulator assumes, by zone and state of the surface."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glaciersar.errors import InputError
from glaciersar.io.limits import read_yaml
from glaciersar.simulate.zones import GLACIER, Zone

DEFAULT = Path(__file__).with_name("backscatter.yaml")
POLARISATIONS = ("HH", "HV")
STATES = ("dry", "wet", "bare")
ZONE_FIELDS = {*STATES, "texture", "slope", "persistence", "sources"}


@dataclass(frozen=True, kw_only=True)
class Levels:
    """Backscatter by zone. Tables are indexed by the code of `Zone`; index 0 is unused."""

    reference_incidence: float
    """Incidence at which the levels hold, degrees."""
    level: NDArray[np.float32]
    """(zone, state, polarisation) gamma nought, dB."""
    slope: NDArray[np.float32]
    """(zone, state) dB per degree of incidence."""
    texture: NDArray[np.float32]
    """(zone,) standard deviation beyond speckle, dB."""
    persistence: NDArray[np.float32]
    """(zone,) correlation of speckle between dates, 0 to 1."""
    melange: tuple[float, float]
    """Brash ice, HH and HV, dB."""
    melange_texture: float
    """Its standard deviation, dB."""
    noise: tuple[float, float]
    """Noise floor (noise-equivalent level), HH and HV, dB."""
    noise_error: float
    """Relative error of the noise subtraction."""
    calibration: float
    """Standard deviation of the calibration between dates, dB."""
    wind: float
    """Standard deviation of open water between dates, as the wind changes, dB."""
    snow_pack: float
    """Standard deviation of dry snow-covered ground between dates, dB."""
    ice_layers: float
    """Added to dry snow-covered ground by each rain of the winter, dB."""
    between_dates: NDArray[np.float32]
    """(zone,) standard deviation between dates, dB; 0 but on the land of negative controls."""
    between_landscapes: NDArray[np.float32]
    """(zone,) standard deviation of a zone's level between landscapes, dB."""


def read_levels(path: str | Path | None = None, *, shift_db: float = 0.0) -> Levels:
    """Read the levels, by default from the package's backscatter.yaml.

    Args:
        path: A YAML file in the form of backscatter.yaml.
        shift_db: Added to every zone of the glaciers in every state and polarisation, but not to land and water;
            it changes the assumed contrast between glacier and land.
    """
    path = DEFAULT if path is None else Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file, expected backscatter levels like {DEFAULT.name}")
    try:
        content = read_yaml(path)
        return _levels(content, path, shift_db)
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{path}: {type(error).__name__} {error} found, expected the fields of {DEFAULT.name}"
        ) from error


def _levels(content: dict[str, Any], path: Path, shift_db: float) -> Levels:
    zones = content["zones"]
    names = [zone.name for zone in Zone]
    if set(zones) != set(names):
        raise InputError(f"{path}: zones {sorted(zones)} found, {sorted(names)} expected")
    for name in names:
        if set(zones[name]) != ZONE_FIELDS:
            raise InputError(f"{path}: fields {sorted(zones[name])} of {name} found, {sorted(ZONE_FIELDS)} expected")
    level = np.zeros((len(Zone) + 1, len(STATES), len(POLARISATIONS)), np.float32)
    slope = np.zeros((len(Zone) + 1, len(STATES)), np.float32)
    texture, persistence = np.zeros((2, len(Zone) + 1), np.float32)
    for zone in Zone:
        fields = zones[zone.name]
        level[zone] = [fields[state] for state in STATES]
        slope[zone], texture[zone], persistence[zone] = fields["slope"], fields["texture"], fields["persistence"]
    level[list(GLACIER)] += shift_db
    sensor, ground = content["sensor"], content["ground"]
    return Levels(
        reference_incidence=float(content["reference_incidence"]),
        level=level,
        slope=slope,
        texture=texture,
        persistence=persistence,
        melange=tuple(content["melange"]["level"]),
        melange_texture=float(content["melange"]["texture"]),
        noise=tuple(sensor["noise"]),
        noise_error=float(sensor["noise_error"]),
        calibration=float(sensor["calibration"]),
        wind=float(sensor["wind"]),
        snow_pack=float(ground["snow_pack"]),
        ice_layers=float(ground["ice_layers"]),
        between_dates=_by_zone(ground["between_dates"]),
        between_landscapes=_by_zone(ground["between_landscapes"]),
    )


def _by_zone(values: dict[str, float]) -> NDArray[np.float32]:
    """Spread values by zone, with "others" for the zones not named, over a (zone,) table."""
    table = np.zeros(len(Zone) + 1, np.float32)
    table[1:] = values.get("others", 0.0)
    for name in set(values) - {"others"}:
        table[Zone[name]] = values[name]
    return table
