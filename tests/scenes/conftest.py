"""A folder of scenes, and servers on loopback, that several tests of scenes share."""

import json
import re

import pytest

from glaciersar.io import http
from glaciersar.scenes.search import find_scenes
from glaciersar.simulate.archive import simulate_archive
from glaciersar.simulate.settings import ArchiveSettings
from tests.support.archives import GRID, TIMES, write_folder
from tests.support.servers import collect_items, serve, serve_stac


@pytest.fixture
def folder(tmp_path, rng):
    return write_folder(tmp_path / "scenes", GRID, TIMES, rng)


@pytest.fixture
def target(folder):
    """The raster of the second date."""
    return sorted(folder.iterdir())[1]


@pytest.fixture(scope="session")
def simulated(tmp_path_factory):
    """A simulated archive of one tile and one year, as a static catalogue."""
    folder = tmp_path_factory.mktemp("simulated") / "archive"
    made = {"tiles_per_side": 1, "pixel": 250.0, "years": (2020,), "relative_orbits": (14,), "seed": 3}
    return simulate_archive(folder, ArchiveSettings(landscapes=1, **made), progress=False)


@pytest.fixture
def all_of_it(simulated):
    """The scenes of the simulated archive."""
    return find_scenes(simulated)


@pytest.fixture(scope="session")
def web_for_all(simulated):
    with serve(simulated.parent) as web:
        yield web


@pytest.fixture(scope="session")
def stac_for_all(simulated, web_for_all, tmp_path_factory):
    """A STAC API with the items of the simulated archive, and one collection more."""
    path = collect_items(simulated, tmp_path_factory.mktemp("stac") / "items.json", web_for_all.url)
    content = json.loads(path.read_text())
    content["features"].append(content["features"][0] | {"id": "elsewhere", "collection": "sentinel-1-grd"})
    path.write_text(json.dumps(content))
    with serve_stac(path) as stac:
        yield stac


@pytest.fixture
def web(web_for_all):
    """A web server with the rasters of the simulated archive."""
    yield web_for_all
    web_for_all.reset()


@pytest.fixture
def stac(stac_for_all):
    """A STAC API with the items of the simulated archive."""
    yield stac_for_all
    stac_for_all.reset()


@pytest.fixture
def signing(web, monkeypatch):
    """The web server as an account of the Planetary Computer, which gives rasters only to the token "one"."""
    monkeypatch.setattr(http, "SIGNED", re.compile(rf"({re.escape(web.url)})/([^/?]+)/[^?]*\.tif"))
    monkeypatch.setattr(http, "_tokens", {})
    monkeypatch.setenv("PC_SDK_SAS_URL", f"{web.url}/token")
    web.token = "one"
    yield web
    web.token = None


@pytest.fixture
def short_waits(monkeypatch):
    """Wait less between attempts."""
    monkeypatch.setattr(http, "FIRST_WAIT", 0.01)


@pytest.fixture
def short_timeout(monkeypatch):
    """Give up waiting before a slow answer comes."""
    monkeypatch.setattr(http, "TIMEOUT", (30.0, 0.5))
