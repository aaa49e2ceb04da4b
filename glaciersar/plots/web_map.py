"""Glacier outlines as an interactive map, in a single HTML file.

Drawn with folium directly: `GeoDataFrame.explore` needs mapclassify even for colours that are given, its legend of
classes needs jQuery UI from a public server, and it adds no layer for a year without glacier.
"""

import html
import re
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import shapely

from glaciersar.inventory.attributes import CONFIDENCE_COLOURS, confidence_class
from glaciersar.io.atomic import atomic_write
from glaciersar.io.extras import require_extra

if TYPE_CHECKING:
    from folium import FeatureGroup, Map
    from IPython.display import HTML

SHOWN = {"rgi_id": "id", "glac_name": "name", "area_km2": "area (km²)", "confidence": "confidence", "src_date": "date"}
DIGITS = 6  # of a degree: 0.1 m
LEGEND = (
    '<div style="position:fixed;bottom:30px;right:10px;z-index:1000;background:white;padding:6px 10px;'
    'font:12px sans-serif;border:1px solid #aaa">{rows}</div>'
    "<style>.leaflet-container{{background:#f4f4f2}}</style>"
)


def draw_web_map(ice: Mapping[str, gpd.GeoDataFrame], *, base: str | None = None) -> "Map":
    """Draw outlines coloured by their mean confidence; a click on one shows its id, name, area and date.

    Without a base map the background is plain, and the file requests no map tiles. The libraries of folium
    (Leaflet and others) come from public servers when the file is opened: without a network it stays blank.

    Args:
        ice: From `attributes.add_attributes`, by the title of a layer; the last one is shown first.
        base: Name of a base map of folium, such as "OpenStreetMap"; it is fetched from its server when the map is
            looked at.

    Raises:
        InputError: folium is not installed.
    """
    folium = require_extra("folium")
    drawn: Map = folium.Map(tiles=None, control_scale=True, prefer_canvas=True)
    if base is not None:
        folium.TileLayer(base, overlay=True).add_to(drawn)  # not one of the layers to choose from
    shapes = {title: layer.to_crs(4326) for title, layer in ice.items()}
    for title, layer in shapes.items():
        group = folium.FeatureGroup(name=title, overlay=False, show=title == list(shapes)[-1])
        group.add_to(drawn)
        if len(layer):
            _add_outlines(group, layer)
    bounds = np.array([layer.total_bounds for layer in shapes.values() if len(layer)])  # degrees
    if len(bounds):
        (left, bottom), (right, top) = bounds[:, :2].min(0), bounds[:, 2:].max(0)
        drawn.fit_bounds([[bottom, left], [top, right]])
    folium.LayerControl(collapsed=False).add_to(drawn)
    rows = "<br>".join(
        f'<span style="color:{colour}">&#9632;</span> {name}' for name, colour in CONFIDENCE_COLOURS.items()
    )
    page = drawn.get_root()
    assert isinstance(page, folium.Figure)
    page.html.add_child(folium.Element(LEGEND.format(rows=rows)))
    return drawn


def _add_outlines(group: "FeatureGroup", layer: gpd.GeoDataFrame) -> None:
    folium = require_extra("folium")
    known = [name for name in SHOWN if name in layer]
    columns = {name: [_text(value) for value in layer[name]] for name in known}
    colours = [CONFIDENCE_COLOURS[name] for name in confidence_class(layer["confidence"])]
    rounded = shapely.transform(layer.geometry.to_numpy(), lambda degrees: np.round(degrees, DIGITS))
    popup = folium.GeoJsonPopup(fields=known, aliases=[SHOWN[name] for name in known]) if known else None
    folium.GeoJson(
        gpd.GeoDataFrame(columns | {"colour": colours}, geometry=rounded, crs=layer.crs).to_json(),
        style_function=lambda feature: {"color": feature["properties"]["colour"], "weight": 1.5, "fillOpacity": 0.25},
        popup=popup,
    ).add_to(group)


def _text(value: object) -> str:
    """Format a value as safe HTML: numbers with two digits, dates without the hour, missing values empty."""
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.2f}"
    return "" if value is None else html.escape(str(value).removesuffix("T00:00:00"))


def save_web_map(path: str | Path, drawn: "Map") -> Path:
    """Write a map as HTML, whole or not at all; the same outlines give the same bytes."""
    numbers: dict[str, str] = {}
    fresh = count(1)
    text = re.sub(  # folium gives its elements random names
        r"(?<=_)[0-9a-f]{32}",
        lambda name: numbers.setdefault(name[0], f"{next(fresh):032d}"),
        drawn.get_root().render(),
    )
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return Path(path)


def show_web_map(path: str | Path, *, height: int = 520) -> "HTML":
    """Show in a notebook a map that `save_web_map` wrote, all of it within the notebook's file."""
    content = html.escape(Path(path).read_text(encoding="utf-8"), quote=True)
    style = f"width:100%;height:{height}px;border:1px solid #ccc"
    display = require_extra("IPython.display")
    shown: HTML = display.HTML(f'<div><iframe srcdoc="{content}" style="{style}"></iframe></div>')
    return shown
