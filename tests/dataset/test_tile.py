"""glaciersar.dataset.tile: one tile of a dataset; its values and attributes are tested in tests/dataset"""

import os
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import geopandas as gpd
import pytest

from glaciersar.dataset.config import DatasetConfig
from glaciersar.dataset.tile import TileJob, choose_tile_dates, fingerprint
from glaciersar.grid import Group
from glaciersar.scenes.scene import Scene
from glaciersar.scenes.search import find_scenes
from tests.support.archives import TILE, glaciers, write_folder, year_of_dates

TIMES = year_of_dates(31)


@pytest.fixture
def job(tmp_path, rng):
    return TileJob(
        group=Group(tile=TILE, year=2020, relative_orbit=14),
        scenes=tuple(find_scenes(write_folder(tmp_path, TILE.geobox(pixel=1000), TIMES[:2], rng))),
        labels=gpd.GeoDataFrame({"year": [2020.0]}, geometry=glaciers().geometry, crs="EPSG:32633"),
        outlines_year=2020,
        config=DatasetConfig(years=[2020], relative_orbits=[14], pixel=1000, fill_dates=3),
        backscatter="unknown",
    )


def remote(scene, query="", host="a"):
    return Scene(
        id=scene.id,
        time=scene.time,
        relative_orbit=14,
        orbit_state=None,
        hrefs={"HH": (f"https://{host}.net/hh.tif{query}",)},
    )


def test_the_fingerprint_depends_on_all_that_a_tile_is_made_of(job):
    first, second = job.scenes
    others = [
        replace(job, scenes=(first,)),
        replace(job, scenes=(second, first)),
        replace(job, scenes=(replace(first, units="db"), second)),
        replace(job, labels=job.labels.translate(1).to_frame("geometry").assign(year=2020.0)),
        replace(job, labels=job.labels.assign(year=2008.0)),
        replace(job, outlines_year="any"),
        *(
            replace(job, config=replace(job.config, **{name: value}))
            for name, value in {
                "polarisation": "HV",
                "pixel": 500,
                "features": ["rtc"],
                "dates": 14,
                "spacing_days": 23,
                "fill_dates": 0,
            }.items()
        ),
        replace(job, backscatter="gamma0"),
        replace(job, scenes=(remote(first), second)),
        replace(job, scenes=(remote(first, host="b"), second)),
    ]
    found = [fingerprint(other) for other in (job, *others)]
    assert len(set(found)) == len(found)
    assert fingerprint(replace(job, scenes=tuple(job.scenes))) == found[0]
    (href,) = first.hrefs["HH"]
    os.utime(href, ns=(1, 1))
    assert fingerprint(job) != found[0]


def test_a_new_signature_of_a_remote_raster_changes_nothing(job):
    one, other = (replace(job, scenes=(remote(job.scenes[0], query),)) for query in ("?sig=1", "?sig=2"))
    assert fingerprint(one) == fingerprint(other)


def test_dates_are_filled_only_where_the_archive_has_none(job):
    chosen, missing = choose_tile_dates(job, TIMES)
    assert not missing
    assert len(chosen) == 15
    left = TIMES[:11] + TIMES[16:]  # a gap of 72 days
    chosen, missing = choose_tile_dates(job, left)
    assert 0 < len(missing) <= 3
    assert len(set(chosen)) == 15
    everything = sorted([*left, *missing])
    assert all(min(abs(date - time) for time in left) > timedelta(days=12) for date in missing)
    steps = [everything[b] - everything[a] for a, b in pairwise(chosen)]
    assert max(steps) <= timedelta(days=36)
