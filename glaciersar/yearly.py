"""Maps of one region in several years: made of an archive, or found in a folder."""

import re
from collections.abc import Sequence
from pathlib import Path

from glaciersar import evaluation, mapping, radiometry, scenes
from glaciersar.errors import InputError
from glaciersar.models import Network


def map_years(
    network: Network, archive: str | Path, years: Sequence[int], out: str | Path, *, window: int, weights: str
) -> None:
    """Map each year of an archive of HH scenes, and write `out`/probability_YEAR.tif.

    Args:
        network: From `pretrained.load`.
        archive: As `scenes.find` takes it.
        years: To map, each from its own series.
        out: Folder of the maps, all on the grid of the archive.
        window: Side of a mapping window, pixels.
        weights: What the maps say about the weights that made them.
    """
    found = scenes.find(archive)
    geobox = scenes.footprint(scenes.select(found, polarisation="HH"), "HH")
    for year in years:
        chosen = scenes.choose_series(found, polarisation="HH", start=f"{year}-01-01", end=f"{year + 1}-01-01")
        series = scenes.read_series(chosen, geobox, "HH")
        prepared = radiometry.prepare(series.power, feature=evaluation.features_of(network)[0])
        mapping.write_map(
            Path(out) / f"probability_{year}.tif",
            mapping.map_array(network, prepared.series[None], valid=prepared.valid, window=window),
            geobox,
            model=network.name,
            weights=weights,
            dates=" ".join(f"{time:%Y-%m-%d}" for time in series.times),
            data=scenes.kind(found),
        )


def maps_of_years(folder: str | Path) -> dict[int, Path]:
    """Find the maps of a folder by the year in their names, such as probability_2020.tif; at least two."""
    paths = sorted(Path(folder).glob("probability_[0-9]*.tif"))
    mapped = {int(years[-1]): path for path in paths if (years := re.findall(r"\d{4}", path.stem))}
    if len(mapped) < 2:
        raise InputError(f"{folder}: {len(mapped)} maps like probability_2020.tif found, at least two expected")
    return mapped
