"""glaciersar.plots.web_map"""

import html
import json
import re

import geopandas as gpd
import numpy as np
import pytest
import shapely

from glaciersar.inventory.attributes import CONFIDENCE_COLOURS
from glaciersar.plots import web_map


def layer(*confidence, name="Kongsvegen"):
    count = len(confidence)
    columns = {"rgi_id": [f"G-{k}" for k in range(count)], "glac_name": name, "area_km2": 1.0, "confidence": confidence}
    shapes = [shapely.box(440_000 + 2000 * k, 8_760_000, 441_000 + 2000 * k, 8_761_000) for k in range(count)]
    dated = columns | {"src_date": "2020-07-02T00:00:00"}
    return gpd.GeoDataFrame(dated, geometry=shapes, crs="EPSG:32633")


def features(text):
    """Find the outlines in a page, a list a layer."""
    found = re.findall(r"geo_json_\w+_add\((\{.*?\})\);$", text, re.MULTILINE)
    return [json.loads(collection)["features"] for collection in found]


@pytest.fixture
def page(tmp_path):
    drawn = web_map.draw_web_map({"2016": layer(0.5, 0.9), "2020": layer(0.97)})
    return web_map.save_web_map(tmp_path / "map.html", drawn).read_text()


def test_outlines_lie_where_they_are_in_the_colour_of_their_confidence(page):
    before, after = features(page)
    assert [feature["properties"]["colour"] for feature in before + after] == list(CONFIDENCE_COLOURS.values())
    degrees = layer(0.5, 0.9).to_crs(4326)
    drawn = gpd.GeoDataFrame.from_features(before, crs=4326)
    assert drawn.geom_equals_exact(degrees, tolerance=1e-6, align=False).all()


def test_a_click_shows_id_name_area_and_date(page):
    shown = features(page)[0][0]["properties"]
    assert {shown[name] for name in ("rgi_id", "glac_name", "area_km2", "src_date")} == {
        "G-0",
        "Kongsvegen",
        "1.00",
        "2020-07-02",
    }
    assert "area (km" in page


def test_a_name_is_never_read_as_html(tmp_path):
    drawn = web_map.draw_web_map({"2020": layer(0.9, name="</script><b>Bre & Co")})
    text = web_map.save_web_map(tmp_path / "map.html", drawn).read_text()
    assert "<b>Bre" not in text
    assert features(text)[0][0]["properties"]["glac_name"] == "&lt;/script&gt;&lt;b&gt;Bre &amp; Co"


def test_what_is_not_known_is_left_empty(tmp_path):
    unknown = layer(np.nan).assign(glac_name=None).drop(columns="rgi_id")
    (feature,) = features(web_map.save_web_map(tmp_path / "map.html", web_map.draw_web_map({"": unknown})).read_text())[
        0
    ]
    assert feature["properties"]["glac_name"] == feature["properties"]["confidence"] == ""
    assert feature["properties"]["colour"] == CONFIDENCE_COLOURS["confidence below 0.80"]


def test_the_same_outlines_give_the_same_bytes(tmp_path):
    one, other = (
        web_map.save_web_map(tmp_path / name, web_map.draw_web_map({"2020": layer(0.9)})).read_bytes() for name in "ab"
    )
    assert one == other


def test_map_tiles_are_requested_only_with_a_base_map(page, tmp_path):
    assert "L.tileLayer" not in page
    drawn = web_map.draw_web_map({"2020": layer(0.9)}, base="OpenStreetMap")
    assert "tile.openstreetmap.org" in web_map.save_web_map(tmp_path / "base.html", drawn).read_text()


def test_a_year_without_glacier_has_a_layer_without_outlines(tmp_path):
    text = web_map.save_web_map(
        tmp_path / "map.html", web_map.draw_web_map({"2016": layer(0.9), "2020": layer()})
    ).read_text()
    assert len(features(text)) == 1
    assert '"2020"' in text
    assert (
        "fitBounds"
        not in web_map.save_web_map(tmp_path / "none.html", web_map.draw_web_map({"2020": layer()})).read_text()
    )


def test_the_map_is_shown_as_it_was_saved(tmp_path):
    path = web_map.save_web_map(tmp_path / "map.html", web_map.draw_web_map({"2020": layer(0.9)}))
    shown = re.search(r'srcdoc="(.*?)"', web_map.show_web_map(path).data, re.DOTALL)[1]
    assert html.unescape(shown) == path.read_text()
