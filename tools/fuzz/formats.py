"""The kinds of file that are fuzzed: a small valid one of each, and the function of the package that reads it.

What a reader returns is hashed, so that a change without an error is seen. Each function imports what it needs itself:
a fork takes the longer the more its process has imported.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from odc.geo.geobox import GeoBox

if TYPE_CHECKING:
    from glaciersar.models import Network
    from glaciersar.scenes.scene import Scene

GRID = GeoBox.from_bbox((430_000, 8_780_000, 434_000, 8_784_000), "EPSG:32633", resolution=100.0, tight=True)
START = datetime(2020, 1, 2, 6, 30, tzinfo=UTC)
GROUP = "SVAL-10-38_2020_ro14"


@dataclass(frozen=True, kw_only=True)
class Format:
    """A kind of file."""

    file: str
    """Its name on disk."""
    write: Callable[[Path, np.random.Generator], None]
    """Writes a valid one."""
    read: Callable[[Path], Any]
    """Reads it as the package does; returns everything that was read."""
    checked: bool = False
    """It carries a checksum of all that is read, so that no change may pass without an error."""


def digest(value: Any) -> str:
    """Hash what a reader returned: arrays by type, shape and bytes, anything else by its text."""
    if isinstance(value, np.ndarray):
        return hashlib.sha256(f"{value.dtype}{value.shape}".encode() + value.tobytes()).hexdigest()
    if isinstance(value, Mapping):
        return digest([[str(name), digest(inner)] for name, inner in value.items()])
    if isinstance(value, list | tuple):
        return hashlib.sha256("".join(digest(inner) for inner in value).encode()).hexdigest()
    return hashlib.sha256(f"{type(value).__name__} {value!r}".encode()).hexdigest()


def _write_geotiff(path: Path, rng: np.random.Generator) -> None:
    from glaciersar.io.rasters import write_cog

    write_cog(path, (0.1 * rng.gamma(4, 1 / 4, GRID.shape)).astype(np.float32), GRID)


def _read_geotiff(path: Path) -> Any:
    from glaciersar.scenes.reader import read_series
    from glaciersar.scenes.search import find_scenes

    series = read_series(find_scenes(path), GRID, "HH")
    return [series.power, series.times]


def _write_map(path: Path, rng: np.random.Generator) -> None:
    from glaciersar.io.rasters import write_cog

    write_cog(path, rng.random(GRID.shape).astype(np.float32), GRID, exact=True)


def _read_map(path: Path) -> Any:
    from glaciersar.io import rasters

    with rasters.open_map(path) as file:
        windows = [rasters.read_window(file, window) for window in rasters.iter_windows(file)]
        return [rasters.geobox_of(file), windows]


def _write_dataset(path: Path, rng: np.random.Generator) -> None:
    import h5py

    from glaciersar.dataset.planes import write_array

    with h5py.File(path, "w") as file:
        group = file.create_group(GROUP)
        glacier = rng.random((24, 24)) > 0.5
        arrays = {"grd": rng.random((16, 24, 24, 1)), "outlines": np.stack([~glacier, glacier], -1)}
        for name, values in arrays.items():
            write_array(group, name, values.shape, np.float32)[()] = values
        sizes = {"height": 24, "width": 24, "orig_height": 24, "orig_width": 24, "pad_height": 0, "pad_width": 0}
        group.attrs.update(sizes | {"grd_base_time_idx": np.arange(15)})


def _read_dataset(path: Path) -> Any:
    from glaciersar.dataset.hdf5 import list_groups
    from glaciersar.dataset.lazy_file import LazyFile
    from glaciersar.recipe import CORRECTED

    entries, file, read = list_groups(path), LazyFile(path), []
    for entry in entries:
        shape = entry.height, entry.width
        series, labels = np.empty((1, 15, *shape), np.float32), np.empty((2, *shape), np.float32)
        window = slice(0, shape[0]), slice(0, shape[1])
        file.read(entry, [np.array(entry.base["grd"])], window, CORRECTED, series=series, labels=labels)
        read += [series, labels]
    return [entries, read]


def _write_outlines(path: Path, rng: np.random.Generator) -> None:
    import geopandas as gpd
    import shapely

    from glaciersar.io.geopackage import write_layer

    corners = 430_000 + 4000 * rng.random((3, 2))
    shapes = [shapely.box(x, 8_780_000 + y, x + 500, 8_780_000 + y + 700) for x, y in corners]
    frame = gpd.GeoDataFrame({"year": [2019, 2020, 2021]}, geometry=shapes, crs="EPSG:32633")
    write_layer(frame, path)


def _read_outlines(path: Path) -> Any:
    import shapely

    from glaciersar import outlines

    found = outlines.read_outlines(path)
    shapes = [shapely.to_wkb(shape) for shape in found.geometry]
    return [str(found.crs), shapes, found.drop(columns="geometry").to_csv(), outlines.years(found).to_numpy()]


def _scenes(folder: Path) -> "list[Scene]":
    import shapely

    from glaciersar.scenes.scene import FileChecksum, Scene

    box = shapely.box(15, 78, 16, 79)
    return [
        Scene(
            id=f"scene{k}",
            time=START + timedelta(days=12 * k),
            relative_orbit=14,
            orbit_state="ascending",
            hrefs={"HH": (str(folder / f"{k}_HH.tif"),), "HV": (f"https://archive.example/{k}_HV.tif",)},
            outline=box,
            checksums={str(folder / f"{k}_HH.tif"): FileChecksum(size=3, checksum="1220ab")},
        )
        for k in range(3)
    ]


def _write_manifest(path: Path, rng: np.random.Generator) -> None:
    from glaciersar.scenes.manifest import write_manifest

    write_manifest(_scenes(path.parent), path)


def _write_stac(path: Path, rng: np.random.Generator) -> None:
    import shapely.geometry

    features = [
        {
            "type": "Feature",
            "stac_version": "1.0.0",
            "id": scene.id,
            "geometry": shapely.geometry.mapping(shapely.box(15, 78, 16, 79)),
            "bbox": [15, 78, 16, 79],
            "properties": {
                "datetime": scene.time.isoformat(),
                "sat:relative_orbit": 14,
                "sat:orbit_state": "ascending",
                "sar:product_type": "GRD",
                "proj:transform": [10, 0, 0, 0, -10, 0],
                "proj:epsg": 32633,
            },
            "links": [],
            "assets": {
                kind.lower(): {
                    "href": href.removeprefix(f"{path.parent}/"),
                    "type": "image/tiff",
                    "raster:bands": [{"unit": "1"}],
                    "file:size": 3,
                }
                for kind, (href,) in scene.hrefs.items()
            },
        }
        for scene in _scenes(path.parent)
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")


def _write_weights(path: Path, rng: np.random.Generator) -> None:
    from glaciersar.models import pretrained

    pretrained.save(_network(), path, feature_names="grd", trained_on="simulated radar")


def _network() -> "Network":
    import torch

    from glaciersar import models

    torch.set_num_threads(1)  # threads do not survive a fork
    torch.manual_seed(1)
    return models.build("unet3d", width=2)


def _read_weights(path: Path) -> Any:
    from glaciersar.models import pretrained

    model = pretrained.load(path)
    state = {key: value.numpy() for key, value in model.state_dict().items()}
    return [model.name, model.features, model.width, model.dropout, sorted(model.metadata.items()), state]


def _write_keras(path: Path, rng: np.random.Generator) -> None:
    import h5py

    from glaciersar.models.keras import weight_order

    state = _network().state_dict()
    with h5py.File(path, "w") as file:
        layers = [f"layer_{number}" for number, _ in enumerate(weight_order("unet3d"))]
        for layer, keys in zip(layers, weight_order("unet3d"), strict=True):
            group = file.create_group(layer)
            for key in keys:
                weight = state[key].numpy()
                if weight.ndim > 1:
                    weight = weight.reshape(weight.shape[:2]).T if weight[0, 0].size == 1 else weight
                    weight = np.moveaxis(weight, (0, 1), (-1, -2)) if weight.ndim > 2 else weight
                group[f"{key}:0"] = weight
            group.attrs["weight_names"] = np.array([f"{key}:0" for key in keys], "S")
        file.attrs["layer_names"] = np.array(layers, "S")


def _write_calibration(path: Path, rng: np.random.Generator) -> None:
    from glaciersar.inference import calibration

    at = tuple(np.sort(rng.normal(size=20)).tolist())
    value = tuple(np.sort(rng.random(20)).tolist())
    calibration.write_calibration(path, calibration.IsotonicCalibration(at=at, value=value), fitted_on="val.h5")


def _write_levels(path: Path, rng: np.random.Generator) -> None:
    from glaciersar.simulate.backscatter_levels import DEFAULT

    path.write_bytes(DEFAULT.read_bytes())


def _read_scenes(path: Path) -> Any:
    from glaciersar.scenes.search import find_scenes

    return find_scenes(path)


def _read_manifest(path: Path) -> Any:
    from glaciersar.scenes.manifest import read_manifest

    return read_manifest(path)


def _read_calibration(path: Path) -> Any:
    from glaciersar.inference.calibration import read_calibration

    return read_calibration(path)


def _read_levels(path: Path) -> Any:
    from glaciersar.simulate.backscatter_levels import read_levels

    return vars(read_levels(path))


FORMATS: Mapping[str, Format] = {
    "GeoTIFF": Format(file="S1_ro14_20200102T063005Z_HH.tif", write=_write_geotiff, read=_read_geotiff),
    "map": Format(file="probability.tif", write=_write_map, read=_read_map),
    "HDF5 dataset": Format(file="train.h5", write=_write_dataset, read=_read_dataset),
    "GeoPackage": Format(file="outlines.gpkg", write=_write_outlines, read=_read_outlines),
    "STAC JSON": Format(file="items.json", write=_write_stac, read=_read_scenes),
    "manifest": Format(file="scenes.json", write=_write_manifest, read=_read_manifest, checked=True),
    "safetensors": Format(file="weights.safetensors", write=_write_weights, read=_read_weights, checked=True),
    "Keras h5": Format(file="weights.h5", write=_write_keras, read=_read_weights),
    "calibration": Format(file="calibration.json", write=_write_calibration, read=_read_calibration, checked=True),
    "YAML": Format(file="backscatter.yaml", write=_write_levels, read=_read_levels),
}
"""By name, as the table has them."""
