"""tools.ship_weights.record"""

import hashlib
import json

import pytest
import torch

from glaciersar.models import pretrained, shipped
from glaciersar.radiometry import RANGES
from tests.support.stac import check_record
from tools.ship_weights.ship import ship


@pytest.fixture
def records(plan, run, places):
    """The record of each name, and the network it is about."""
    ship(plan, run, **places)
    return {
        name: (
            json.loads((places["weights"] / f"{name}.json").read_text()),
            pretrained.load(places["weights"] / f"{name}.safetensors"),
        )
        for name in shipped.SHIPPED
    }


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of pystac's own modules
def test_a_record_is_a_stac_item_whose_fields_fit_the_network(records):
    for record, network in records.values():
        fields = check_record(record)
        assert fields.total_parameters == sum(value.numel() for value in network.parameters())
        assert fields.framework_version == torch.__version__.partition("+")[0]
        series = torch.rand(1, network.features, 5, 16, 24)
        with torch.no_grad():
            logits = network(series)
        for tensor, shape in ((series, fields.input[0].input.shape), (logits, fields.output[0].result.shape)):
            assert all(known in (-1, side) for known, side in zip(shape, tensor.shape, strict=True))
        assert len(fields.output[0].properties["classification:classes"]) == logits.shape[1]
        (scaling,) = fields.input[0].properties["value_scaling"]
        assert (scaling["minimum"], scaling["maximum"]) == RANGES["grd"]


def test_a_record_names_size_and_checksum_of_its_file(records, places):
    for name, (record, _) in records.items():
        asset = record["assets"]["weights"]
        content = (places["weights"] / asset["href"]).read_bytes()
        assert asset["href"] == f"./{name}.safetensors"
        assert asset["file:size"] == len(content)
        assert asset["file:checksum"] == "1220" + hashlib.sha256(content).hexdigest()


def test_it_says_how_and_on_what_was_trained(records, plan):
    for name, (record, _) in records.items():
        properties = record["properties"]
        assert properties["mlm:hyperparameters"]["seed"] == 1
        assert properties["mlm:hyperparameters"]["model"] == name.removesuffix("-simulated")
        assert {key: properties["mlm:hyperparameters"][key] for key in plan.training} == plan.training
        assert "simulated radar alone" in properties["description"]
        assert properties["start_datetime"] < properties["end_datetime"] < "2021"
        west, south, east, north = record["bbox"]  # Svalbard
        assert 5 < west < east < 40
        assert 75 < south < north < 82


def validate_by_stac_model(record):
    """Validate by the library of the extension's authors; what it reads is what is written."""
    schema = pytest.importorskip("stac_model.schema")  # of the extra dev
    assert schema.SCHEMA_URI in record["stac_extensions"]
    read = schema.MLModelProperties(**record["properties"])
    again = json.loads(read.model_dump_json(by_alias=True))
    for key in ("mlm:name", "mlm:architecture", "mlm:tasks", "mlm:framework", "mlm:total_parameters"):
        assert again[key] == record["properties"][key]
    assert [data["name"] for data in again["mlm:input"]] == [data["name"] for data in record["properties"]["mlm:input"]]


def test_stac_model_validates_it(records):
    for record, _ in records.values():
        validate_by_stac_model(record)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of pystac's own modules
@pytest.mark.parametrize("name", shipped.SHIPPED)
def test_the_record_that_ships_is_valid_too(name):
    record = json.loads((shipped.WEIGHTS / f"{name}.json").read_text())
    check_record(record)
    validate_by_stac_model(record)


def test_stac_model_refuses_a_record_that_lacks_a_field(records):
    schema = pytest.importorskip("stac_model.schema")
    record, _ = records[shipped.SHIPPED[0]]
    without = {key: value for key, value in record["properties"].items() if key != "mlm:architecture"}
    with pytest.raises(ValueError, match="mlm:architecture"):
        schema.MLModelProperties(**without)
