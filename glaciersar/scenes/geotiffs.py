"""Find GeoTIFFs in a folder, and read the scenes of each: from its name, and from the names of its bands."""

import glob
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import takewhile
from pathlib import Path
from typing import TypeVar

from rasterio.errors import RasterioError

from glaciersar.errors import InputError
from glaciersar.io.atomic import visible
from glaciersar.io.open_raster import open_raster
from glaciersar.scenes import filenames, layover_shadow
from glaciersar.scenes.coherence import COHERENCE
from glaciersar.scenes.scene import POLARISATIONS, Scene, band_href, local_file

_COMPANION = re.compile(
    r"_(dem|ls_map|inc_map|inc_map_ell|area|rgb|water_mask|mask|layover_shadow_mask|number_of_looks|BROWSE"
    r"|amp|conncomp|(?:unw|wrapped)_phase|(?:los|vert)_disp|lv_(?:phi|theta)"  # of HyP3's pairs of passes
    r"|BorderMask|rtc_anf\w*|(?:local_|ellipsoid_)?incidence_angle|local_inc\w*)$",
    re.IGNORECASE,
)
_STATIC = re.compile(r"OPERA_L2_RTC-S1-STATIC_")
T = TypeVar("T")
_OTHER_ANGLE = re.compile(r"((?:ellips|projected)\w*)", re.IGNORECASE)


def list_geotiffs(source: str) -> dict[Path, tuple[str, ...]]:
    """List the GeoTIFFs of a folder, a glob or a single path, by name, without those that belong to others.

    Each comes with the names of the folders below the given one, or below the part of a glob without wildcards, in
    which it lies.

    Left out, and counted by kind in what is printed: what HyP3, OPERA and S1Tiling put beside their backscatter, and
    coherence with what comes with it. Files
    that macOS leaves beside others (._NAME.tif) and half-written ones are hidden, and left out, too.

    Raises:
        InputError: None is left.
    """
    if Path(source).is_dir():
        top = Path(source)
        paths = [path for path in top.rglob("*") if path.suffix.lower() in (".tif", ".tiff")]
    else:
        plain = takewhile(lambda part: part == glob.escape(part), Path(source).parent.parts)
        top = Path(*plain)
        paths = [Path(path) for path in glob.glob(source, recursive=True)]
    paths = visible(paths)
    beside = Counter(kind for path in paths if (kind := companion_kind(path)) and not layover_shadow.is_mask(path.name))
    kept = {p.resolve(): p.relative_to(top).parent.parts for p in paths if companion_kind(p) is None}
    if not kept:
        only = f" but {_listed(beside)}" if beside else ""
        raise InputError(
            f"{source}: no GeoTIFF found{only}, expected a STAC JSON, a folder or a glob of backscatter, or a file"
        )
    if beside:
        print(f"{source}: {beside.total()} files beside the backscatter left out ({_listed(beside)})")
    return dict(sorted(kept.items()))


def companion_kind(path: Path) -> str | None:
    """Name what a file holds that an archive puts beside its backscatter; None for backscatter and incidence.

    A file of incidence in the name's own words belongs to a scene unless it is OPERA's, whose static layers have a date
    of their own.
    """
    if COHERENCE.search(path.stem) and filenames.holds_time(path.stem):
        return "coherence"
    static = bool(_STATIC.search(path.stem))
    found = _COMPANION.search(path.stem) or _OTHER_ANGLE.search(path.stem)
    if found is None or not filenames.holds_time(path.stem):
        return "static layer" if static else None
    if filenames.asset_kind(found[1]) == "incidence" and not static:
        return None
    return found[1].lower()


def _listed(kinds: Counter[str]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))


def scenes_from_file(
    path: Path, *, units: str | None, polarisation: str | None = None, folders: Sequence[str] = ()
) -> list[Scene]:
    """Read the scenes of a GeoTIFF: fields from its bands' names and unit, then from its name, then from the arguments.

    Direction and orbit, where neither bands nor name tell them, are those that folders say. Bands that hold neither
    backscatter nor incidence are left out, and this is printed.

    Args:
        path: Of one band, or of several polarisations or dates with bands whose names tell which.
        units: "linear" or "db"; if not given, what band or name say, or else linear.
        polarisation: Where no name tells.
        folders: Names of those in which it lies, as `list_geotiffs` gives them.

    Returns:
        A scene for each date.

    Raises:
        InputError: No date or no polarisation, two bands of the same, folders that contradict one another, or
            amplitude, of which no series is made.
    """
    bands = _bands(path)
    scenes: dict[datetime, Scene] = {}
    without = []
    for number, (band, unit) in enumerate(bands, 1):
        kind = _kind(path, band, polarisation, alone=len(bands) == 1)
        if kind is None:
            without.append(band)
            continue
        href = str(path) if len(bands) == 1 else band_href(path, number)
        scene = _scene(path, band, unit, {kind: (href,)}, units=units, folders=folders)
        scenes[scene.time] = _join_bands(path, scenes.get(scene.time), scene)
    if not scenes:
        raise InputError(_what_is_missing(path, without))
    if without:
        print(f"{path}: bands {', '.join(map(repr, without))} left out, which hold no backscatter by their names")
    return list(scenes.values())


def _bands(path: Path) -> list[tuple[str, str]]:
    """Read the name and the unit of each band; empty where there are none."""
    try:
        with open_raster(path) as file:
            return [(name or "", unit or "") for name, unit in zip(file.descriptions, file.units, strict=True)]
    except RasterioError:
        return [("", "")]  # the error is reported when the raster is read


def _kind(path: Path, band: str, polarisation: str | None, *, alone: bool) -> str | None:
    """Return what a band holds; the name of a file of several bands, and the user's word, hold for unnamed ones only.

    A name with a date alone is that of a date of one polarisation.
    """
    if kind := filenames.asset_kind(band):
        return kind
    if alone or filenames.time_of_name(band, path):
        return filenames.asset_kind(path.stem) or polarisation
    return None


def _scene(
    path: Path, band: str, unit: str, hrefs: dict[str, tuple[str, ...]], *, units: str | None, folders: Sequence[str]
) -> Scene:
    name = path.stem
    time = filenames.time_of_name(band, path) or filenames.time_of_name(name, path)
    if time is None:
        raise InputError(
            f"{path}: no date (such as 20231203T015910Z) found in the name, expected one; "
            f"a glob can leave this file out"
        )
    return Scene(
        id=filenames.without_polarisation(name),
        time=time,
        relative_orbit=_told(filenames.orbit_of_name, path, band, folders),
        orbit_state=_told(filenames.direction_of_name, path, band, folders or (path.parent.name,)),
        hrefs=hrefs,
        units=units or filenames.units_of_name(f"{name} {band} {unit}", path) or "linear",  # the user's word goes first
        platform=filenames.platform_of_name(band) or filenames.platform_of_name(name),
        processed=filenames.processing_time_of_name(name),
    )


def _told(read: Callable[[str, object], T | None], path: Path, band: str, folders: Sequence[str]) -> T | None:
    """Read what the name of a band says, or else that of its file, or else those of the folders, which must agree."""
    if (own := read(band, path) or read(path.stem, path)) is not None:
        return own
    found = {folder: said for folder in folders if (said := read(folder, f"{path}, folder {folder}")) is not None}
    if len(set(found.values())) > 1:
        listed = " and ".join(f"{folder} ({said})" for folder, said in found.items())
        raise InputError(f"{path}: folders {listed} found, of one orbit and direction expected")
    return next(iter(found.values()), None)


def _join_bands(path: Path, before: Scene | None, scene: Scene) -> Scene:
    """Add a band to those of the same time; its units must be theirs unless one is the incidence."""
    if before is None:
        return scene
    (kind,) = scene.hrefs
    if kind in before.hrefs:
        raise InputError(f"{path}: two bands of {kind} at {scene.time:%Y-%m-%dT%H:%M:%S} found, one expected")
    radar = [one for one in (before, scene) if set(one.hrefs) & set(POLARISATIONS)]
    if len({one.units for one in radar}) > 1:
        raise InputError(f"{path}: bands in linear and db units found by their names, one kind expected; pass units")
    return replace(radar[0] if radar else before, hrefs={**before.hrefs, **scene.hrefs})


def _what_is_missing(path: Path, bands: list[str]) -> str:
    if len(bands) > 1:
        found = ", ".join(band or "no name" for band in bands)
        return (
            f"{path}: {len(bands)} bands found ({found}), names that tell polarisation or date (VV, 20231203_VV) "
            f"expected; gdal_edit.py or rasterio can name them, gdal_translate -b takes one out"
        )
    return (
        f"{path}: no polarisation (HH, HV, VV, VH) found in the name, expected one; pass polarisation, or a glob that "
        f"leaves this file out"
    )


def with_masks(scenes: Iterable[Scene], source: object) -> list[Scene]:
    """Add the masks of layover and shadow that lie beside the rasters of scenes, and print of how many there are."""
    found = [_with_masks(scene) for scene in scenes]
    masked = sum("layover_shadow" in scene.hrefs for scene in found)
    if masked:
        print(f"{source}: layover and shadow of {masked} of {len(found)} scenes are masked, as files beside them tell")
    return found


def _with_masks(scene: Scene) -> Scene:
    names = {
        str(path.with_name(name))
        for kind, hrefs in scene.hrefs.items()
        if kind in POLARISATIONS
        for href in hrefs
        if (path := local_file(href)) and (name := layover_shadow.mask_name(path.name))
    }
    masks = tuple(sorted(name for name in names if Path(name).is_file()))
    return replace(scene, hrefs={**scene.hrefs, "layover_shadow": masks}) if masks else scene
