"""Write docs/elsewhere.md and its figure from measurements."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import geopandas as gpd
import pandas as pd
import shapely

from glaciersar.evaluation.metrics import Confusion
from glaciersar.geodesy import areas_km2
from glaciersar.io import process_pool
from glaciersar.io.atomic import atomic_write
from glaciersar.models import pretrained
from tools.elsewhere import chain, figure, labelled, places

FAR = 0.005
"""Share of an area from which an outline is told."""
FIGURE = "figures/elsewhere/maps.png"
WORKERS = 2

HEAD = """# Elsewhere than Svalbard

Made by `python -m tools.elsewhere FOLDER_OF_DATA WORK_FOLDER docs/elsewhere.md`: the way from scenes to an
inventory with real outlines in the Alps, Iceland and Nepal, and with real labelled patches in three
projections. The data are not part of this repository; with them beside a checkout,
`tests/real/test_elsewhere.py` measures the areas again."""

AREAS = """## Areas beside those of the inventories

Each inventory (Randolph Glacier Inventory, versions 6 and 7, CC BY 4.0) gives every outline an area of its
own; ours is measured on the ellipsoid from the same outline, with its holes. Version 6 is in degrees, and its
areas are rounded to a thousandth of a km². *Off* counts the outlines whose two areas differ by more than 0.5
%, and *by rounding* those of them where the difference is no more than half of the last digit. The last two
columns show what the total would be off if areas were taken in the plane of the UTM zone, or if rock within
outlines counted as ice: neither is how the inventories were measured."""

MAPPED = """## From scenes to an inventory, *simulated*

At each place a square of {side} × {side} tiles of 10 km, on the grid of its own UTM zone: the one with most
glaciers wholly within. Real are the outlines, and each glacier's lowest and highest elevation and aspect; the
ground between is made up, as no elevation model of these places was at hand. Radar is *simulated* on it
({pixel:.0f} m, {year}). The tiles of all places make one dataset; `{start}` is fine-tuned on it for {steps}
steps of {batch} patches of {patch} pixels, which is too little for a good map and enough to go the whole way.
Then each square is mapped, its ice is outlined, split by the inventory and exported, and only glaciers wholly
within count.

*Inventory as a map* is the same with the inventory itself, at 40 m, in place of the probability: what the way
from a map to an inventory does to an area, without any error of a network. The other numbers are scores of
*simulated* radar. Test tiles lie beside those that were trained on, so scores are optimistic about other
regions."""

PATCHES = """## Real labelled radar in three projections

Patches of CaFFe (Gourmelon and others 2022, doi 10.1594/PANGAEA.940950, CC BY 4.0): X-band, one date, 8 bit,
no result comparable with the benchmark's, nor with Sentinel-1. They are split by glacier, `{start}` is
fine-tuned on them for {steps} steps, and all are mapped and outlined. *Pixels* are those that are labelled
glacier, each with its area on the ground; *outlines* are traced around them. *Mapped* is of all patches,
trained on or not. On the patches of the test glaciers ({glaciers}) the map has an IoU of {iou:.3f}: one split
and few steps, so this tells that it works, and not how well."""


def area_table(data: str | Path) -> pd.DataFrame:
    """Tabulate the areas of all outlines by place."""
    rows = []
    for place in places.PLACES:
        glaciers = places.read_glaciers(data, place)
        table = places.areas_beside_inventory(glaciers, place)
        own, ours = table["own_km2"].sum(), table["ours_km2"].sum()
        far = table["relative"].abs() > FAR
        crs = places.grid_of(glaciers).crs
        plane = float(glaciers.to_crs(crs).area.sum()) / 1e6
        filled = float(areas_km2(_filled(glaciers)).sum())
        rows.append(
            {
                "place": place.name,
                "grid": crs,
                "glaciers": len(table),
                "inventory, km²": f"{own:.3f}",
                "ours, km²": f"{ours:.3f}",
                "deviation": f"{ours / own - 1:+.4%}",
                "off": int(far.sum()),
                "by rounding": int((far & table["rounding"]).sum()),
                "plane": f"{plane / own - 1:+.2%}",
                "with rock": f"{filled / own - 1:+.1%}",
            }
        )
    return pd.DataFrame(rows)


def _filled(glaciers: gpd.GeoDataFrame) -> gpd.GeoSeries:
    """Fill the holes of outlines."""
    parts = glaciers.geometry.explode(ignore_index=True)
    return gpd.GeoSeries([shapely.Polygon(ring) for ring in parts.exterior], crs=parts.crs)


def mapped_table(
    sites: Sequence[chain.Site],
    truths: Sequence[gpd.GeoDataFrame],
    found: Sequence[gpd.GeoDataFrame],
    scores: Mapping[str, Mapping[str, Confusion]],
) -> pd.DataFrame:
    """Tabulate the blocks: areas of the inventory, of the inventory as a map, and of the map; scores on test tiles."""
    rows = []
    for site, truth, mapped in zip(sites, truths, found, strict=True):
        own, _, as_map = chain.compare_areas(site, truth)
        grid = site.block[0].grid
        row = {
            "place": site.place.name,
            "grid": grid.crs,
            "first tile": site.block[0].name,
            "glaciers": len(site.whole),
            "inventory, km²": f"{own:.2f}",
            "inventory as a map, km²": f"{as_map:.2f}",
            "deviation": f"{as_map / own - 1:+.2%}",
            "mapped, *simulated*, km²": f"{float(mapped['area_km2'].sum()):.2f}",
        }
        counts = next(iter(scores.values()))[grid.name]
        ice = counts.tp + counts.fn
        row["ice of the test tile"] = f"{ice / (ice + counts.fp + counts.tn):.1%}"
        iou = {f"IoU of {name}, *simulated*": f"{on_grids[grid.name].iou:.3f}" for name, on_grids in scores.items()}
        rows.append(row | iou)
    return pd.DataFrame(rows)


def patch_table(areas: pd.DataFrame) -> pd.DataFrame:
    """Tabulate the areas of `labelled.areas_by_projection`."""
    return pd.DataFrame(
        {
            "projection": areas["crs"],
            "glaciers": areas["glaciers"],
            "patches": areas["patches"],
            "pixels, km²": areas["pixels_km2"].map("{:.2f}".format),
            "outlines, km²": areas["outlines_km2"].map("{:.2f}".format),
            "deviation": (areas["outlines_km2"] / areas["pixels_km2"] - 1).map("{:+.2%}".format),
            "mapped, km²": areas["mapped_km2"].map("{:.2f}".format),
        }
    )


def write(data: str | Path, work: str | Path, path: str | Path, *, sizes: chain.Sizes) -> None:
    """Measure all, and write the page and its figure.

    Args:
        data: Folder of the real data.
        work: Folder for archives, datasets, trainings and maps; what it holds already is taken up.
        path: The page; the figure goes to `FIGURE` of the repository it lies in.
        sizes: How much is computed.
    """
    work, path = Path(work), Path(path)
    sites = [chain.simulate_site(place, data, work, sizes) for place in places.MAPPED]
    truth = [chain.write_truth(site, work / f"truth/{site.place.short}.tif") for site in sites]
    network, dataset = chain.build_and_train(sites, work, sizes)
    maps = [chain.map_site(network, site, work / f"maps/{site.place.short}.tif") for site in sites]
    exports = list(zip(sites * 2, truth + maps, strict=True))
    made = dict(process_pool.run_all(_export, exports, workers=WORKERS))
    glaciers = [made[k] for k in range(len(exports))]
    truths, found = glaciers[: len(sites)], glaciers[len(sites) :]
    networks = {"shipped weights": pretrained.load(chain.START), "fine-tuned ones": network}
    scores = chain.score_tiles(networks, dataset)
    drawn = figure.map_places([site.place.name for site in sites], maps, [site.glaciers for site in sites])
    figure.write_figure(drawn, path.resolve().parents[1] / FIGURE)
    parts = [
        HEAD,
        AREAS,
        _table(area_table(data)),
        MAPPED.format(side=places.SIDE, year=chain.YEAR, start=chain.START, **vars(sizes)),
        _table(mapped_table(sites, truths, found, scores)),
        f"![Maps of three places with the outlines of their inventories](../{FIGURE})",
        "The maps, *simulated*, with the outlines of the inventories and the edges of the maps.",
        *_measure_patches(Path(data), work),
    ]
    with atomic_write(path) as temporary:
        temporary.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _measure_patches(data: Path, work: Path) -> tuple[str, str]:
    """Go the whole way with the labelled patches; gives the text and the table of the page."""
    config = labelled.fine_tuning()
    trained, split = labelled.train_on_patches(data / "caffe-patches", work / "patches", config)
    maps = labelled.map_patches(trained, split, work / "patches")
    areas = labelled.areas_by_projection(split, maps, work / "patches")
    tested = ", ".join(sorted({patch.glacier for patch in split["test"].values()}))
    iou = labelled.score_maps(split["test"], maps).iou
    text = PATCHES.format(start=labelled.START, steps=config.steps_per_epoch, glaciers=tested, iou=iou)
    return text, _table(patch_table(areas))


def _export(site: chain.Site, made: Path) -> gpd.GeoDataFrame:
    return chain.write_glaciers(site, made, made.with_suffix(".gpkg"))


def _table(table: pd.DataFrame) -> str:
    return str(table.to_markdown(index=False, disable_numparse=True))
