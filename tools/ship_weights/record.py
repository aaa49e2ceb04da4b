"""The record of weights: a STAC item with the fields of the extension for machine-learning models (MLM)."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
import torch

from glaciersar.models import Network
from glaciersar.models.features import backscatter_features
from glaciersar.models.shipped import ASSET, multihash
from glaciersar.radiometry import RANGES
from glaciersar.simulate.places import bounds_of
from glaciersar.simulate.settings import ArchiveSettings
from glaciersar.training.config import TrainConfig

LICENCE = "GPL-2.0-only"
PAPER = "https://doi.org/10.1109/IGARSS53475.2024.10640676"
EXTENSIONS = [
    "https://stac-extensions.github.io/mlm/v1.6.0/schema.json",
    "https://stac-extensions.github.io/file/v2.1.0/schema.json",
    "https://stac-extensions.github.io/classification/v2.0.0/schema.json",
]
ARCHITECTURES = {"unet3d": "U-Net with 3-D convolutions", "ulstm": "U-Net with convolutional LSTM cells"}
BANDS = [{"name": "HH", "description": "Backscatter γ⁰, dB, simulated in training"}]
"""Of the input. STAC takes them among the properties only where an asset has them, too."""
TASK = "semantic-segmentation"


def make_record(
    name: str, network: Network, weights: Path, config: TrainConfig, settings: ArchiveSettings
) -> dict[str, Any]:
    """Describe shipped weights as a STAC item.

    Args:
        name: Of the weights, such as "unet3d-simulated".
        network: What they hold.
        weights: The file, which is to lie beside the record.
        config: How they were trained.
        settings: Of the simulated archive they were trained on, whose area and years are those of the item.
    """
    outline = _outline(settings)
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": EXTENSIONS,
        "id": name,
        "geometry": shapely.geometry.mapping(outline),
        "bbox": list(outline.bounds),
        "properties": _properties(name, network, config, settings),
        "links": [{"rel": "cite-as", "href": PAPER, "title": "The paper whose networks these are"}],
        "assets": {
            ASSET: {
                "href": f"./{weights.name}",
                "title": f"Weights of {network.name}",
                "type": "application/octet-stream",
                "roles": ["mlm:model", "mlm:weights"],
                "bands": BANDS,
                "mlm:artifact_type": "safetensors.torch.save_file",
                "file:size": weights.stat().st_size,
                "file:checksum": multihash(weights),
            }
        },
    }


def _outline(settings: ArchiveSettings) -> shapely.Polygon:
    """Draw the rectangle in degrees that holds all simulated landscapes."""
    count = settings.landscapes + settings.controls
    corners = [settings.corner(k) for k in range(count)]
    boxes = [shapely.box(*bounds_of(corner, settings.tiles_per_side)) for corner in corners]
    bounds = gpd.GeoSeries(boxes, crs=corners[0].grid.crs).to_crs(4326).total_bounds
    outline: shapely.Polygon = shapely.box(*np.round(bounds, 3).tolist())
    return outline


def _properties(name: str, network: Network, config: TrainConfig, settings: ArchiveSettings) -> dict[str, Any]:
    parameters = sum(weight.numel() for weight in network.parameters())
    return {
        "title": name,
        "description": "Probability of glacier from a year of Sentinel-1 backscatter, trained on simulated radar alone",
        "datetime": None,
        "start_datetime": f"{min(settings.years)}-01-01T00:00:00Z",
        "end_datetime": f"{max(settings.years)}-12-31T23:59:59Z",
        "license": LICENCE,
        "gsd": settings.pixel,
        "bands": BANDS,
        "mlm:name": name,
        "mlm:architecture": ARCHITECTURES[network.name],
        "mlm:tasks": [TASK],
        "mlm:framework": "PyTorch",
        "mlm:framework_version": torch.__version__.partition("+")[0],
        "mlm:memory_size": sum(value.nbytes for value in network.state_dict().values()),
        "mlm:total_parameters": parameters,
        "mlm:pretrained": False,
        "mlm:pretrained_source": None,
        "mlm:accelerator": None,
        "mlm:accelerator_constrained": False,
        "mlm:hyperparameters": _plain(asdict(config)),
        "mlm:input": [_input(network)],
        "mlm:output": [_output()],
    }


def _input(network: Network) -> dict[str, Any]:
    (feature,) = backscatter_features(network)
    low, high = RANGES[feature]
    return {
        "name": "a year of backscatter",
        "description": "15 dates of one orbit, about 24 days apart, were trained on; any number is taken",
        "bands": [band["name"] for band in BANDS],
        "input": {
            "shape": [-1, network.features, -1, -1, -1],
            "dim_order": ["batch", "bands", "time", "height", "width"],
            "data_type": "float32",
        },
        "value_scaling": [{"type": "min-max", "minimum": low, "maximum": high}],
        "resize_type": None,
        "pre_processing_function": {"format": "python", "expression": "glaciersar.radiometry:prepare"},
    }


def _output() -> dict[str, Any]:
    return {
        "name": "logits",
        "description": "softmax over the classes gives the probability of glacier",
        "tasks": [TASK],
        "result": {
            "shape": [-1, 2, -1, -1],
            "dim_order": ["batch", "class", "height", "width"],
            "data_type": "float32",
        },
        "classification:classes": [
            {"value": 0, "name": "background", "description": "land, sea or ice that is no glacier"},
            {"value": 1, "name": "glacier", "description": "glacier"},
        ],
        "post_processing_function": {"format": "python", "expression": "torch.nn.functional:softmax"},
    }


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Turn tuples into lists and leave out empty texts, for JSON."""
    listed = {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}
    return {key: value for key, value in listed.items() if value != ""}
