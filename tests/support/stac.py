"""Check the record of weights: a STAC item with the fields of the extension MLM, offline."""

import copy
from typing import Any

import pystac
from pystac.extensions import mlm
from pystac.validation.stac_validator import JsonSchemaSTACValidator

STAC = "1.1.0"
LATEST = mlm.SCHEMA_URI_PATTERN.format(version=mlm.DEFAULT_VERSION)
"""The version of MLM that pystac knows. The fields that records have are the same in it."""


def check_record(record: dict[str, Any]) -> "mlm.MLMExtension[pystac.Item]":
    """Validate an item by STAC's own schemas, which pystac holds, and read every required field of MLM.

    Returns:
        The fields of MLM.
    """
    JsonSchemaSTACValidator().validate_core(record, pystac.STACObjectType.ITEM, STAC)
    known = copy.deepcopy(record)
    known["stac_extensions"] = [LATEST if "/mlm/" in uri else uri for uri in record["stac_extensions"]]
    item = pystac.Item.from_dict(known)
    fields = mlm.MLMExtension.ext(item)
    assert fields.mlm_name == item.id
    assert fields.architecture
    assert fields.tasks == [mlm.TaskType.SEMANTIC_SEGMENTATION]
    for shape in (fields.input[0].input, fields.output[0].result):
        assert len(shape.shape) == len(shape.dim_order)
    bands = [band["name"] for band in item.properties["bands"]]
    assert fields.input[0].properties["bands"] == bands
    models = [asset for asset in item.assets.values() if "mlm:model" in (asset.roles or [])]
    assert [asset.extra_fields["mlm:artifact_type"] for asset in models] == ["safetensors.torch.save_file"]
    return fields
