"""Dataset files of tiles whose left part is glacier."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import h5py
import numpy as np

from glaciersar import radiometry
from glaciersar.grid import Tile

SIDE, PIXEL = 20, 500.0
START = datetime(2020, 1, 10, tzinfo=UTC)
TIMES = [START + timedelta(days=12 * k) for k in range(30)]
BASE = np.arange(0, 30, 2)


def write_tiles(path: Path, tiles: Mapping[Tile, float], *, glacier_db: float = -12.0, land_db: float = -8.0) -> None:
    """Write tiles, each with its fraction of glacier, at levels that fall by 0.1 dB a date; no radar in the top row."""
    with h5py.File(path, "w") as file:
        file.attrs["kind"] = "simulated radar"
        for tile, fraction in tiles.items():
            glacier = np.zeros((SIDE, SIDE), bool)
            glacier[:, : round(fraction * SIDE)] = True
            level = np.where(glacier, glacier_db, land_db) - 0.1 * np.arange(30)[:, None, None]
            labels = np.stack([~glacier, glacier], -1).astype(np.float32)
            labels[0] = 0
            group = file.create_group(f"{tile.name}_2020_ro14")
            group["grd"] = radiometry.scale(level)[..., None]
            group["outlines"] = labels
            sides = {"height": SIDE, "width": SIDE, "orig_height": SIDE, "orig_width": SIDE}
            left, _, _, top = tile.bounds
            group.attrs.update(
                sides | {"pad_height": 0, "pad_width": 0, "grd_base_time_idx": BASE, "filled_share": 0.01}
            )
            group.attrs["grd_times"] = np.array([f"{t:%Y-%m-%dT%H:%M:%SZ}" for t in TIMES], dtype="S20")
            group.attrs["transform"] = (PIXEL, 0, left, 0, -PIXEL, top)
