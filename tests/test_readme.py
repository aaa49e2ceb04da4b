"""The README is short, its examples run, and so do those of docs/; the pages lead to files that exist."""

import re
from pathlib import Path

import nbformat
import pytest
from odc.geo.geobox import GeoBox

from glaciersar import models
from glaciersar.models import pretrained
from tests.support.archives import write_catalog, write_folder, year_of_dates

ROOT = Path(__file__).resolve().parent.parent
DOCS = [*sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs" / "model-cards").glob("*.md"))]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS]
GRID = GeoBox.from_bbox((430000, 8780000, 434000, 8784000), "EPSG:32633", resolution=40)


def examples(page):
    """Give the Python examples of a page."""
    return re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)


def paper_table(text):
    """Give the rows of the table of what the paper has, without the folder in links to notebooks."""
    section = text.split("## What the paper has, and where it is here\n")[1].split("\n## ")[0]
    return [line.replace("](notebooks/", "](") for line in section.splitlines() if line.startswith("|")]


def test_the_readme_has_at_most_1200_words_beside_the_table_of_what_the_paper_has():
    text = re.sub(r"<!-- n: .*? -->|<!-- /n -->", "", (ROOT / "README.md").read_text())
    before, section = text.split("## What the paper has, and where it is here\n")
    assert len((before + "## " + section.split("\n## ", 1)[1]).split()) <= 1200


def test_the_readme_and_the_quickstart_say_alike_what_the_paper_has():
    cells = nbformat.read(ROOT / "notebooks" / "00-quickstart.ipynb", as_version=4).cells
    (cell,) = [cell for cell in cells if cell.source.startswith("## What the paper has")]
    assert paper_table((ROOT / "README.md").read_text()) == paper_table(cell.source)
    assert len(paper_table(cell.source)) > 7


def test_the_readme_fills_the_sections_that_the_papers_repository_left_empty():
    text = (ROOT / "README.md").read_text()
    for section in ("Datasets", "Installation", "Getting started", "Pretrained models"):
        (content,) = re.findall(rf"^## {section}\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)
        assert len(content.split()) > 20, section


def test_the_published_weights_that_the_readme_names_exist():
    named = re.findall(r"`(ICEmapper_\w+|\w+-simulated)`", (ROOT / "README.md").read_text())
    assert {*named} & {*pretrained.PUBLISHED}
    assert {*pretrained.SHIPPED} <= {*named} <= {*pretrained.PUBLISHED, *pretrained.SHIPPED}


@pytest.mark.parametrize("page", ["README.md", "docs/install.md"])
def test_the_example_maps_an_array(page):
    (example,) = examples(ROOT / page)
    names: dict = {}
    exec(example, names)
    probability = names["probability"]
    assert probability.shape == (256, 256)
    assert ((probability >= 0) & (probability <= 1)).all()


def test_the_example_maps_a_catalogue(tmp_path, monkeypatch, rng):
    _, example = examples(ROOT / "docs/map-your-glacier.md")
    write_catalog(tmp_path / "runs/simulated/archive/landscape-00", GRID, year_of_dates(), rng)
    weights = tmp_path / "runs/simulated/models/unet3d/weights.safetensors"
    weights.parent.mkdir(parents=True)
    pretrained.save(models.build("unet3d", width=2).eval(), weights, feature_names="grd")
    monkeypatch.chdir(tmp_path)
    exec(example, {})
    assert {path.name for path in (tmp_path / "runs/mine").glob("*.tif")} == {"probability.tif", "glacier.tif"}


def test_the_three_lines_map_a_folder_and_outline_its_glaciers(tmp_path, monkeypatch, rng):
    example, _ = examples(ROOT / "docs/map-your-glacier.md")
    write_folder(tmp_path / "path/to/geotiffs", GRID, year_of_dates(), rng)
    weights = tmp_path / "weights.safetensors"
    pretrained.save(models.build("unet3d", width=2).eval(), weights)
    monkeypatch.setattr(pretrained, "shipped_file", lambda name: {"unet3d-simulated": weights}[name])
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(example, names)
    assert {path.name for path in (tmp_path / "runs/mine").glob("*.tif")} == {"probability.tif", "glacier.tif"}
    assert {"area_km2", "confidence", "geometry"} <= {*names["glaciers"]}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_of_a_page_lead_to_files(page):
    for link in re.findall(r"\]\(((?!https?:)[^)#]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / link).exists(), link


def test_the_modules_that_the_rooms_table_names_exist():
    table = (ROOT / "CONTRIBUTING.md").read_text().split("## The rooms")[1].split("## Add")[0]
    rows = re.findall(r"^\| `(\w+)/` \|.*\| ([^|]*) \|$", table, re.MULTILINE)
    rooms = {path.parent.name for path in (ROOT / "glaciersar").glob("*/__init__.py")}
    assert {room for room, _ in rows} == rooms
    for room, starts in rows:
        for name in re.findall(r"`(\w+\.py)`", starts):
            assert (ROOT / "glaciersar" / room / name).exists(), f"{room}/{name}"
