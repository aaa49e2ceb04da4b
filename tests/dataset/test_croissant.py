"""glaciersar.dataset.croissant"""

import hashlib
import json

import h5py
import numpy as np
import pytest

from glaciersar.dataset.croissant import FIELDS, describe_dataset, write_card
from glaciersar.errors import InputError
from glaciersar.grid import SUBSETS, Tile
from tests.support.tiles import SIDE, write_tiles


@pytest.fixture
def folder(tmp_path):
    write_tiles(tmp_path / "train.h5", {Tile(column=10, row=20): 0.25, Tile(column=12, row=20): 0.5})
    write_tiles(tmp_path / "val.h5", {Tile(column=14, row=24): 0.5})
    write_tiles(tmp_path / "test.h5", {Tile(column=16, row=26): 1.0})
    return tmp_path


def test_a_card_holds_a_record_for_each_group(folder):
    subsets, groups = describe_dataset(folder)["recordSet"]
    assert [row["subsets/name"] for row in subsets["data"]] == list(SUBSETS)
    table = {row["groups/name"]: row for row in groups["data"]}
    assert {name: row["groups/subset"] for name, row in table.items()} == {
        "SVAL-10-20_2020_ro14": "train",
        "SVAL-12-20_2020_ro14": "train",
        "SVAL-14-24_2020_ro14": "val",
        "SVAL-16-26_2020_ro14": "test",
    }
    assert [row["groups/glacier"] for row in table.values()] == [0.25, 0.5, 0.5, 1.0]  # of the pixels radar sees
    assert all(set(row) == {f"groups/{name}" for name in FIELDS} for row in table.values())
    assert {row["groups/dates"] for row in table.values()} == {30}


def test_every_name_that_a_card_refers_to_is_in_it(folder):
    card = describe_dataset(folder)
    fields = {field["@id"]: field for records in card["recordSet"] for field in records["field"]}
    for records in card["recordSet"]:
        assert records["key"]["@id"] in fields
        for row in records["data"]:
            assert set(row) <= set(fields)
    assert fields["groups/subset"]["references"]["field"]["@id"] in fields


def test_files_are_named_with_their_size_and_checksum(folder):
    for file in describe_dataset(folder)["distribution"]:
        content = (folder / file["contentUrl"]).read_bytes()
        assert file["sha256"] == hashlib.sha256(content).hexdigest()
        assert file["contentSize"] == f"{len(content)} B"


def test_ranges_are_in_decibels_and_the_place_is_that_of_the_tiles(folder):
    card = describe_dataset(folder)
    (grd,) = card["variableMeasured"]
    assert (grd["name"], grd["unitText"]) == ("grd", "dB")
    assert (grd["minValue"], grd["maxValue"]) == pytest.approx((-12 - 1.4, -8 - 1.4), abs=1e-3)  # of the middle date
    south, west, north, east = map(float, card["spatialCoverage"]["geo"]["box"].split())
    assert 10 < west < east < 20
    assert 77 < south < north < 79
    assert card["temporalCoverage"] == "2020/2020"


def test_simulated_radar_is_called_so_and_other_radar_is_not(folder):
    card = describe_dataset(folder)
    assert "simulated" in card["name"]
    assert "No satellite took these images" in card["description"]
    assert "nothing about real glaciers" in card["rai:dataLimitations"]
    for subset in SUBSETS:
        with h5py.File(folder / f"{subset}.h5", "a") as file:
            del file.attrs["kind"]
    card = describe_dataset(folder)
    assert card["name"] == "glaciersar-sentinel-1"
    assert "simulated" not in json.dumps(card)


def test_the_card_lies_beside_the_files_and_comes_out_the_same_again(folder, tmp_path):
    path = write_card(folder)
    assert path == folder / "croissant.json"
    assert json.loads(path.read_text()) == describe_dataset(folder)
    assert write_card(folder, tmp_path / "elsewhere" / "card.json").read_bytes() == path.read_bytes()


def test_labels_that_are_no_fractions_are_refused_and_no_card_is_written(folder):
    with h5py.File(folder / "val.h5", "a") as file:
        file["SVAL-14-24_2020_ro14"]["outlines"][...] = np.full((SIDE, SIDE, 2), 3.0)
    with pytest.raises(InputError, match=r"val\.h5: SVAL-14-24_2020_ro14: dataset outlines"):
        write_card(folder)
    assert not (folder / "croissant.json").exists()


def test_mlcroissant_reads_the_card_without_an_error(folder):
    mlcroissant = pytest.importorskip("mlcroissant")
    dataset = mlcroissant.Dataset(str(write_card(folder)))  # raises on an invalid card
    assert not dataset.metadata.ctx.issues.errors
    rows = list(dataset.records("groups"))
    assert rows[0]["groups/name"] == "SVAL-10-20_2020_ro14"
    assert len(rows) == 4
