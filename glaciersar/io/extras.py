"""Say in one sentence which extra of the package brings a library that is not installed."""

import importlib.util
from types import ModuleType

from glaciersar.errors import InputError

EXTRAS = {
    "IPython": "notebooks",
    "folium": "inventory",
    "h5netcdf": "cubes",
    "ipykernel": "notebooks",
    "onnx": "onnx",
    "onnxscript": "onnx",
    "openvino": "cpu",
    "pyarrow": "inventory",
    "pystac": "archive",
    "pystac_client": "archive",
    "sklearn": "evidence",
    "tensorboard": "tensorboard",
    "threadpoolctl": "evidence",
    "xarray": "cubes",
    "zarr": "cubes",
}
"""Libraries that not every use needs, and the extra in pyproject.toml that brings each."""


def has_extra(module: str) -> bool:
    """Say whether a library of EXTRAS is installed."""
    return importlib.util.find_spec(module) is not None


def require_extra(module: str) -> ModuleType:
    """Import a library of EXTRAS, or a module of it.

    Raises:
        InputError: It is not installed; the message gives the command that installs it.
    """
    library = module.partition(".")[0]
    if not has_extra(library):
        raise InputError(
            f"{library} is not installed, which this step needs; it comes with "
            f'pip install "glaciersar[{EXTRAS[library]}]"'
        )
    return importlib.import_module(module)
