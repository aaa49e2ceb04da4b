"""Describe a dataset for machines: a card in the form Croissant 1.1 (JSON-LD), read from the attributes of its files.

Croissant is the format of MLCommons, http://mlcommons.org/croissant/1.1; its package `mlcroissant` reads and validates
a card. `docs/datasets.md` describes the same datasets for people.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import shapely

from glaciersar import __version__
from glaciersar.dataset.hdf5 import check_labels, list_groups, open_dataset
from glaciersar.dataset.summary import dataset_source, features_in, pixel_size, summarize_dataset
from glaciersar.grid import SUBSETS, Group, Tile, outline_tiles
from glaciersar.io.atomic import atomic_write
from glaciersar.radiometry import RANGES

CONFORMS_TO = "http://mlcommons.org/croissant/1.1"
NAMES = (
    "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field", "fileProperty",
    "fileObject", "fileSet", "format", "includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5", "path",
    "parentField", "recordSet", "references", "regex", "repeated", "replace", "samplingRate", "separator", "source",
    "subField", "transform",
)  # fmt: skip
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    **{name: f"cr:{name}" for name in NAMES},
}
"""What the names of a card mean, as the specification has it."""
FIELDS = {
    "name": ("sc:Text", "Tile, year and relative orbit, which is the name of the HDF5 group"),
    "subset": ("sc:Text", "Subset, which is the file"),
    "year": ("sc:Integer", "Year of the radar"),
    "relative_orbit": ("sc:Integer", "Relative orbit of Sentinel-1"),
    "dates": ("sc:Integer", "Dates stored, of which 15 stand for the year"),
    "glacier": ("sc:Float", "Share of glacier among the pixels that radar sees"),
    "polarisation": ("sc:Text", "Polarisation of the backscatter; empty where the file does not say"),
    "outlines_from": ("sc:Text", "Years of the reference outlines; empty where the file does not say"),
}
SIMULATED = "No satellite took these images: radar and outlines are computed from a seed."
LIMITS = "Scores on simulated radar say that a workflow runs. They say nothing about real glaciers or real radar."


def write_card(folder: str | Path, path: str | Path | None = None) -> Path:
    """Write the card of a dataset as JSON-LD, whole or not at all; the same files give the same bytes.

    Args:
        folder: With train.h5, val.h5 and test.h5, which are read whole for their checksums.
        path: The card; croissant.json beside the files if not given.
    """
    path = Path(path or Path(folder) / "croissant.json")
    text = json.dumps(describe_dataset(folder), indent=1, ensure_ascii=False, allow_nan=False)
    with atomic_write(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
    return path


def describe_dataset(folder: str | Path) -> dict[str, Any]:
    """Describe a dataset: its files with checksums, its subsets, a record a group, ranges, place and years.

    Raises:
        InputError: What `summary.summarize_dataset` refuses.
    """
    folder = Path(folder)
    summary, records = summarize_dataset(folder), _records(folder)
    kind, features = dataset_source(folder / f"{SUBSETS[0]}.h5"), features_in(folder / f"{SUBSETS[0]}.h5")
    years = [row["groups/year"] for row in records]
    limits = {"rai:dataCollection": SIMULATED, "rai:dataLimitations": LIMITS} if "simulated" in kind else {}
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": f"glaciersar-{kind.lower().replace(' ', '-')}",
        "description": _describe(kind, summary, pixel_size(folder / f"{SUBSETS[0]}.h5")),
        "conformsTo": CONFORMS_TO,
        "version": __version__,
        "creator": {"@type": "sc:Organization", "name": "The glaciersar developers"},
        "keywords": ["glacier", "Sentinel-1", "SAR", "time series", "segmentation", kind],
        "isLiveDataset": False,
        "temporalCoverage": f"{min(years)}/{max(years)}",
        "spatialCoverage": _place([Group.parse(row["groups/name"]).tile for row in records]),
        "variableMeasured": [_variable(feature, summary, alone=len(features) == 1) for feature in features],
        **limits,
        "distribution": [_file(folder / f"{subset}.h5") for subset in SUBSETS],
        "recordSet": [_subsets(), _groups(records)],
    }


def _describe(kind: str, summary: pd.DataFrame, pixel: float) -> str:
    counts = ", ".join(f"{subset} {int(summary.loc[subset, 'groups'])}" for subset in summary.index)
    told = f" {SIMULATED} {LIMITS}" if "simulated" in kind else ""
    return (
        f"Series of {kind} with glacier outlines, to train networks that map glaciers: tiles of 10 km with pixels of "
        f"{pixel:g} m, a group for each tile, year and relative orbit ({counts}).{told}"
    )


def _variable(feature: str, summary: pd.DataFrame, *, alone: bool) -> dict[str, Any]:
    suffix, (low, high) = "" if alone else f", {feature}", RANGES[feature]
    return {
        "@type": "sc:PropertyValue",
        "name": feature,
        "description": f"HDF5 dataset {feature} of a group, (dates, H, W, 1), stored as (v - {low:g}) / {high - low:g}",
        "unitText": "1" if feature == "insar" else "dB",
        "minValue": round(float(summary[f"low{suffix}"].min()), 3),
        "maxValue": round(float(summary[f"high{suffix}"].max()), 3),
    }


def _place(tiles: Sequence[Tile]) -> dict[str, Any]:
    """Give the rectangle in degrees that holds all tiles, as schema.org has it: south west north east."""
    corners = np.concatenate([shapely.get_coordinates(outline_tiles([tile]).to_crs(4326)) for tile in tiles])
    (west, south), (east, north) = corners.min(0), corners.max(0)
    if east - west > 180:  # over 180° the western end has the larger number
        west, east = corners[corners[:, 0] > 0, 0].min(), corners[corners[:, 0] < 0, 0].max()
    west, south, east, north = np.round((west, south, east, north), 3).tolist()
    return {"@type": "sc:Place", "geo": {"@type": "sc:GeoShape", "box": f"{south} {west} {north} {east}"}}


def _file(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "@type": "cr:FileObject",
        "@id": path.name,
        "name": path.name,
        "description": f"HDF5 file of the subset {path.stem}, in the layout of the published dataset",
        "contentUrl": path.name,
        "contentSize": f"{path.stat().st_size} B",
        "encodingFormat": "application/x-hdf5",
        "sha256": checksum,
    }


def _subsets() -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": "subsets",
        "name": "subsets",
        "description": "Subsets; no tile is in two of them",
        "dataType": "cr:Split",
        "key": {"@id": "subsets/name"},
        "field": [{"@type": "cr:Field", "@id": "subsets/name", "name": "name", "dataType": "sc:Text"}],
        "data": [{"subsets/name": subset} for subset in SUBSETS],
    }


def _groups(records: list[dict[str, Any]]) -> dict[str, Any]:
    fields: list[dict[str, Any]] = [
        {"@type": "cr:Field", "@id": f"groups/{name}", "name": name, "description": told, "dataType": kind}
        for name, (kind, told) in FIELDS.items()
    ]
    for field in fields:
        if field["name"] == "subset":
            field["references"] = {"field": {"@id": "subsets/name"}}
    return {
        "@type": "cr:RecordSet",
        "@id": "groups",
        "name": "groups",
        "description": "A record for each tile, year and relative orbit",
        "key": {"@id": "groups/name"},
        "field": fields,
        "data": records,
    }


def _records(folder: Path) -> list[dict[str, Any]]:
    """Read what the card says of each group."""
    feature, *_ = features_in(folder / f"{SUBSETS[0]}.h5")
    records = []
    for subset in SUBSETS:
        path = folder / f"{subset}.h5"
        entries = list_groups(path, features=(feature,))
        with open_dataset(path) as file:
            for entry in entries:
                group = Group.parse(entry.name)
                labels = file[entry.name]["outlines"][entry.inner]  # (H, W, 2)
                check_labels(labels, f"{path}: {entry.name}: dataset outlines")
                row = {
                    "name": entry.name,
                    "subset": subset,
                    "year": group.year,
                    "relative_orbit": group.relative_orbit,
                    "dates": entry.dates[feature],
                    "glacier": round(float(labels[..., 1].sum() / max(labels.sum(), 1)), 4),
                }
                row |= {name: _text(file[entry.name], name) for name in ("polarisation", "outlines_from")}
                records.append({f"groups/{name}": value for name, value in row.items()})
    return records


def _text(group: h5py.Group, name: str) -> str:
    return str(group.attrs.get(name, ""))
