"""Write weight files in the layout of Keras, with names that its counters might have given."""

from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from glaciersar.models import Network
from glaciersar.models.keras import weight_order


def write_keras(model: Network, path: Path) -> Path:
    """Write a model of ours as Keras would have written the authors'."""
    state = model.state_dict()
    with h5py.File(path, "w") as file:
        layers = ["inputs"]  # a layer without weights comes first
        file.create_group("inputs").attrs["weight_names"] = np.array([], "S")
        for number, keys in enumerate(weight_order(model.name)):
            layers.append(f"layer_{97 - number}")
            group = file.create_group(layers[-1])
            names = [f"part_{97 - index}/weight:0" for index in range(len(keys))]
            for name, key in zip(names, keys, strict=True):
                group[name] = as_keras(key, state[key].numpy())
            group.attrs["weight_names"] = np.array(names, "S")
        file.attrs["layer_names"] = np.array(layers, "S")
    return path


def as_keras(key: str, weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn (out, in, …) into (…, in, out); 1 × 1 kernels are matrices, and the LSTM model convolves in 3-D."""
    if weight.ndim == 1:
        return weight
    if weight[0, 0].size == 1:
        return weight.reshape(weight.shape[:2]).T
    moved = np.moveaxis(weight, (0, 1), (-1, -2))
    return moved[None] if key.startswith("convs.") else moved
