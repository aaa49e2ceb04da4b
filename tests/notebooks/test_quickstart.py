"""The quickstart: a map in three lines, of a simulated place and of a folder; what it points to is there."""

import re
from pathlib import Path

import geopandas as gpd
import nbformat
import pytest
import torch
from odc.geo.geobox import GeoBox

from glaciersar import cli, models
from glaciersar.models import pretrained
from glaciersar.models.shipped import SHIPPED
from glaciersar.notebooks import read_parameters
from tests.support.archives import write_folder, year_of_dates

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "notebooks" / "00-quickstart.ipynb"
HERE = GeoBox.from_bbox((600_000, 8_700_000, 602_000, 8_701_600), "EPSG:32633", resolution=40)
MADE = {
    "probability.tif",
    "glacier.tif",
    "map.png",
    "map.pdf",
    "glaciers.gpkg",
    "glaciers.qml",
    "outlines.html",
    "outlines.png",
    "outlines.pdf",
}


@pytest.fixture(scope="module")
def cells():
    return nbformat.read(NOTEBOOK, as_version=4).cells


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(1)
    path = tmp_path / "weights.safetensors"
    pretrained.save(models.build("unet3d", width=2), path, feature_names="grd", trained_on="nothing at all")
    return path


def run(weights, tmp_path, *words):
    given = ["--weights", str(weights), "--work", str(tmp_path / "work"), *words]
    assert cli.main(["run", str(NOTEBOOK), "--out", str(tmp_path / "out"), "--quiet", *given]) == 0
    book = nbformat.read(tmp_path / "out" / NOTEBOOK.name, as_version=4)
    outputs = [output for cell in book.cells for output in cell.get("outputs", [])]
    return "".join(output["text"] for output in outputs if "text" in output)


@pytest.mark.slow
def test_a_simulated_place_is_mapped_beside_its_truth(weights, tmp_path):
    said = run(weights, tmp_path)
    assert "15 of 29 dates, 2020-01-16 to 2020-12-17, simulated radar" in said
    assert re.search(r"IoU with the truth: 0\.\d\d \(simulated radar\)", said)
    folder = tmp_path / "work" / "quickstart"
    assert {path.name for path in folder.iterdir()} == {*MADE, "place"}
    assert set(gpd.read_file(folder / "glaciers.gpkg")["model"]) <= {"unet3d"}


@pytest.mark.slow
def test_a_folder_of_ones_own_is_mapped_by_the_same_lines(weights, tmp_path, rng):
    source = write_folder(tmp_path / "scenes", HERE, year_of_dates(), rng, polarisations=("VV", "VH"))
    said = run(weights, tmp_path, "--source", str(source))
    assert "15 of 31 dates" in said
    assert "IoU" not in said  # nobody knows the truth
    assert {path.name for path in (tmp_path / "work" / "quickstart").iterdir()} == MADE


def test_it_takes_six_cells_and_the_weights_that_ship(cells):
    assert sum(cell.cell_type == "code" for cell in cells) == 6
    assert read_parameters(NOTEBOOK)["weights"].default == SHIPPED[0]


def test_the_three_lines_of_the_text_are_those_that_ran(cells):
    (code,) = [cell.source for cell in cells if cell.cell_type == "code" and cell.source.startswith("found = ")]
    (text,) = [block for cell in cells for block in re.findall(r"```python\n(.*?)```", cell.source, re.DOTALL)]
    load, *lines = text.splitlines()
    assert load.startswith("network = pretrained.load(")  # the weights for real radar, before the three lines
    called = [re.match(r"[\w, ]+ = [\w.]+\(", line)[0] for line in lines]
    assert len(called) == 3
    assert [re.match(r"[\w, ]+ = [\w.]+\(", line)[0] for line in code.splitlines()[:3]] == called


def test_what_the_paper_has_is_where_the_table_says(cells):
    (text,) = [cell.source for cell in cells if cell.source.startswith("## What the paper has")]
    rows = re.findall(r"^\| (?!the paper|-)(.*?) \| (.*?) \| (.*?) \|$", text, re.MULTILINE)
    assert len(rows) > 5
    for _, notebooks, results in rows:
        named = re.findall(r"\[[\w-]+\]\(([\w-]+\.ipynb)\)", notebooks)
        assert named
        assert all((ROOT / "notebooks" / name).exists() for name in named)
        made = re.findall(r"`(figures/[^`]+)`", results)
        assert made or "make evidence" in results
        assert all((ROOT / path).exists() for path in made), made


def test_its_links_lead_to_files(cells):
    links = [link for cell in cells for link in re.findall(r"\]\(((?!https?:)[^)]+)\)", cell.source)]
    assert links
    assert [link for link in links if not (NOTEBOOK.parent / link).exists()] == []
