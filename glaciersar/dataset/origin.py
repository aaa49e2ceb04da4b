"""What a dataset comes from: scenes and outlines that it is built of, or three files that are there already."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd

from glaciersar import grid
from glaciersar.dataset.build import build_dataset
from glaciersar.dataset.config import DatasetConfig
from glaciersar.dataset.covered import covered_tiles
from glaciersar.dataset.croissant import write_card
from glaciersar.dataset.hdf5 import check_published, split_of
from glaciersar.dataset.label_codes import LabelCodes
from glaciersar.dataset.label_rasters import read_label_rasters
from glaciersar.dataset.summary import dataset_source
from glaciersar.errors import InputError
from glaciersar.grid import Tile
from glaciersar.io.atomic import require_file
from glaciersar.outlines import read_outlines
from glaciersar.scenes.coregistration import MAX_OFFSET
from glaciersar.scenes.manifest import read_manifest
from glaciersar.scenes.scene import Scene
from glaciersar.scenes.temporal_coverage import data_source

Splits = dict[str, dict[Tile, str]]
"""The subset of each tile, by the name of the split."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Origin:
    """What a dataset comes from; `find_origin` makes one."""

    kind: str
    """The data in words, for captions: "simulated radar" or "Sentinel-1"."""
    scenes: Sequence[Scene] = ()
    """To build from; none of files that are there."""
    outlines: gpd.GeoDataFrame | None = None
    """The reference; None of files that are there, which hold it as labels."""
    given: Path | None = None
    """Folder with train.h5, val.h5 and test.h5 that are there already; None where they are built."""

    def splits(
        self, *, polarisation: str, place: str | None, block: int, seed: int, shares: Sequence[float], crs: str = ""
    ) -> Splits:
        """Split the tiles in every way that they allow, as `grid.splits` does, or as given files split them.

        Their grid is in the system `crs`; empty chooses it, as for `plan.covered_tiles`.
        """
        if self.given is not None:
            return {"as in the files": split_of(self.given)}
        tiles = covered_tiles(self.scenes, polarisation, place=place, crs=crs)
        return grid.splits(tiles, block=block, seed=seed, shares=shares)

    def build(
        self,
        out: str | Path,
        split: Mapping[Tile, str],
        *,
        polarisation: str,
        pixel: float,
        fill_dates: int = 0,
        max_offset: float = MAX_OFFSET,
        workers: int = 1,
        progress: bool = False,
    ) -> Path:
        """Write the files and their card into `out`, as `build.build_dataset` does, or leave given files as they are.

        Returns:
            The folder of the files.
        """
        if self.given is not None:
            return self.given
        config = DatasetConfig(
            years=sorted({scene.time.year for scene in self.scenes}),
            relative_orbits=sorted({scene.relative_orbit for scene in self.scenes if scene.relative_orbit}),
            polarisation=polarisation,
            pixel=pixel,
            fill_dates=fill_dates,
            max_offset=max_offset,
        )
        folder = build_dataset(out, self.scenes, self.outlines, split, config, workers=workers, progress=progress)
        write_card(folder)  # croissant.json: what the dataset holds, for machines, with checksums of the files
        return folder


def find_origin(
    run: str | Path,
    *,
    data: str | Path = "",
    outlines: str | Path = "",
    layer: str = "",
    glacier_codes: str = "",
    unknown_codes: str = "",
    masks: str = "*.tif",
) -> Origin:
    """Find what a dataset comes from: given files if there are any, else the scenes of a run and outlines.

    Args:
        run: Folder of the run, with the scenes.json of notebook 01-scenes.
        data: Folder with train.h5, val.h5 and test.h5, which are checked; empty takes the scenes.
        outlines: Reference outlines, or a folder of masks; empty takes those of the simulated archive of the run.
        layer: Of the file of outlines, if it has several.
        glacier_codes: Of masks: their numbers of glacier, such as "1, 2".
        unknown_codes: Of masks: their numbers of pixels that count in no loss and no score.
        masks: Which files of the folder are masks, such as `*_mask.tif`.

    Raises:
        InputError: Files that are missing, damaged or in another layout.
    """
    if str(data):
        check_published(data)
        return Origin(kind=dataset_source(Path(data) / "train.h5"), given=Path(data))
    scenes = read_manifest(require_file(Path(run) / "scenes.json", made_by="01-scenes"))
    if glacier_codes or unknown_codes:
        if not outlines:
            raise InputError("codes of masks and no folder found, the folder of the masks as outlines expected")
        drawn = read_label_rasters(outlines, LabelCodes.parse(glacier_codes, unknown_codes), pattern=masks)
    elif outlines:
        _refuse_masks(Path(outlines))
        drawn = read_outlines(outlines, layer=layer or None)
    else:
        drawn = read_outlines(Path(run) / "archive" / "outlines.gpkg", layer="reference")
    return Origin(kind=data_source(scenes), scenes=scenes, outlines=drawn)


def _refuse_masks(path: Path) -> None:
    """Refuse a folder of masks without a word on what their numbers mean."""
    if path.is_dir() and any(path.glob("*.tif")):
        raise InputError(f"{path}: a folder of rasters found; for masks, glacier_codes expected")
