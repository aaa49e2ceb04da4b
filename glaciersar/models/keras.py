"""Read the authors' Keras weight files (.h5, the "legacy" layout) into the networks.

Keras loads such a file by position: the layers that have weights in the order of `layer_names`, and in each its
`weight_names` in order. Names inside carry counters that depend on what else was built before, so they are not used.
"""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray

from glaciersar.errors import InputError
from glaciersar.io.hdf5 import DAMAGED, check_array
from glaciersar.io.hdf5_errors import hdf5_reason
from glaciersar.models import build, unet3d
from glaciersar.models.layers import Network

Weights = list[tuple[str, NDArray[Any]]]  # name in the file, values


def from_keras(path: str | Path) -> Network:
    """Read a weight file of `unet3d`, `unet3d_weighted` or `ulstm`; width and features are inferred from its shapes.

    Returns:
        The model in evaluation mode, without dropout: the released training never has it active.

    Raises:
        InputError: Not such a file, truncated, of another architecture, or with a weight of another shape or type, or
            that is not finite.
    """
    path = Path(path)
    layers = read_layers(path)
    name, features, width = _identify(path, layers)
    with torch.device("meta"):  # no memory, no random numbers: every weight comes from the file
        model = build(name, features=features, width=width, dropout=0)
    empty = model.state_dict()
    state = {key: torch.tensor(0) for key in empty if key.endswith("num_batches_tracked")}
    for (layer, found), keys in zip(layers, weight_order(name), strict=True):
        for (weight, values), key in zip(found, keys, strict=True):
            expected = _keras_shape(key, tuple(empty[key].shape))
            if values.shape != expected:
                raise InputError(
                    f"{path}: weight {layer}/{weight} has shape {values.shape}, {expected} expected "
                    f"for {name} with {features} features and width {width}"
                )
            if values.dtype != np.float32:
                raise InputError(f"{path}: weight {layer}/{weight} is of type {values.dtype}, float32 expected")
            if not np.isfinite(values).all():
                raise InputError(f"{path}: weight {layer}/{weight} holds NaN or infinite values, finite ones expected")
            state[key] = to_torch(values).reshape(empty[key].shape)
    model.load_state_dict(state, assign=True)
    return model.eval()


def weight_order(name: str) -> list[list[str]]:
    """Name our weights in the order of the file of a model: one list for each layer that has weights."""
    return list(_ulstm_order() if name == "ulstm" else _unet3d_order(weighted=name == "unet3d_weighted"))


def read_layers(path: Path) -> list[tuple[str, Weights]]:
    """List the layers that have weights, in order."""
    if not path.is_file():
        raise InputError(f"{path}: no such file, expected Keras weights (.h5)")
    refuse_archive(path)
    try:
        with h5py.File(path) as file:
            _refuse_other_files(path, file)
            names = [_text(name) for name in file.attrs["layer_names"]]
            layers = [
                (name, [(_text(w), _values(file, f"{name}/{_text(w)}")) for w in file[name].attrs["weight_names"]])
                for name in names
            ]
    except InputError:  # which is a ValueError, too
        raise
    except DAMAGED as error:  # not HDF5, truncated, without these names, or other objects under them
        raise InputError(f"{path}: cannot be read as Keras weights in the .h5 layout ({hdf5_reason(error)})") from error
    return [(name, weights) for name, weights in layers if weights]


def _values(file: h5py.File, name: str) -> NDArray[Any]:
    check_array(file[name], file, f"{file.filename}: weight {name}")
    values: NDArray[Any] = file[name][()]
    return values


def _refuse_other_files(path: Path, file: h5py.File) -> None:
    """Refuse what Keras writes into other .h5 files: whole models, and weights of Keras 3 (NAME.weights.h5).

    Those have their layers by nested groups, without the order of their weights.
    """
    if "model_weights" in file:
        raise InputError(f"{path}: a whole model of Keras found, as model.save writes it, its weights alone {EXPECTED}")
    if "layer_names" not in file.attrs and {"layers", "_layer_checkpoint_dependencies", "vars"} & set(file):
        raise InputError(f"{path}: {KERAS_3}")


def refuse_archive(path: Path) -> None:
    """Refuse a whole model of Keras 3, a zip archive, whatever its name; other files pass, also damaged ones.

    Raises:
        InputError: It is one.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            found = "model.weights.h5" in archive.namelist()
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
        found = False
    if found or path.suffix.lower() == ".keras":
        raise InputError(f"{path}: {ARCHIVE}")


EXPECTED = (
    "in the layout of Keras 2 expected, as TensorFlow up to 2.15, or tf_keras, writes them by "
    "model.save_weights(NAME.h5)"
)
KERAS_3 = f"weights of Keras 3 found, those {EXPECTED}"
ARCHIVE = f"a whole model of Keras 3 found (.keras), its weights alone {EXPECTED}"


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else name


def _identify(path: Path, layers: list[tuple[str, Weights]]) -> tuple[str, int, int]:
    """Infer model, features and width from the number of layers and the shape of the first kernel."""
    counts = [len(weights) for _, weights in layers]
    layer, ((weight, kernel), *_) = layers[0] if layers else ("no layer", [("no weight", np.empty(()))])
    first = kernel.shape or ()
    spans = {"unet3d": (3, 3, 3), "unet3d_weighted": (3, 3, 3), "ulstm": (1, 3, 3)}  # of the first kernel
    fitting = [
        name
        for name, span in spans.items()
        if counts == [len(keys) for keys in weight_order(name)] and first[:3] == span and len(first) == 5
    ]
    if not fitting:
        raise InputError(
            f"{path}: {len(counts)} layers of {counts} weights, the first one, {layer}/{weight}, of shape {first}, "
            f"found, those of {', '.join(spans)} expected"
        )
    features, width = int(first[3]), int(first[4])
    if features < 1 or width < 2 or width % 2:
        raise InputError(
            f"{path}: {features} features and width {width} found by the shape {first} of weight {layer}/{weight}, "
            f"at least 1 and an even width expected"
        )
    return fitting[0], features, width


def _unet3d_order(*, weighted: bool) -> Iterator[list[str]]:
    """Yield the weights of the encoder, then of the decoder; in each, running statistics come last."""
    levels = range(unet3d.LEVELS + 1)
    trainable, stats = [], []
    for level in levels:
        trainable += _block(f"blocks.{level}")
        stats += _block_stats(f"blocks.{level}")
        if weighted and level < unet3d.LEVELS:
            trainable += _gate(f"downs.{level}")
    if weighted:
        trainable += [key for level in levels for key in _gate(f"skips.{level}")]
    yield trainable + stats
    yield _decoder(levels=unet3d.LEVELS)


def _ulstm_order() -> Iterator[list[str]]:
    """Yield the weights layer by layer, the last projection before the last LSTM; then those of the decoder."""
    for level in (0, 1, 2):
        yield _affine(f"convs.{level}.0")
        yield [*_affine(f"convs.{level}.1"), *_stats(f"convs.{level}.1")]
        lstm = [key for way in ("forwards", "backwards") for key in _lstm(f"lstms.{level}.{way}")]
        project = [f"projects.{level - 1}.weight"]
        yield from {0: [lstm], 1: [lstm, project], 2: [project, lstm]}[level]
    yield _decoder(levels=2)


def _decoder(*, levels: int) -> list[str]:
    trainable, stats = [], []
    for level in range(levels):
        up, block = f"decoder.ups.{level}", f"decoder.blocks.{level}"
        trainable += [f"{up}.conv.weight", *_affine(f"{up}.norm"), *_block(block)]
        stats += [*_stats(f"{up}.norm"), *_block_stats(block)]
    return [*trainable, *_affine("decoder.head"), *stats]


def _block(key: str) -> list[str]:
    layers = [f"{key}.{half}.{part}" for half in ("first", "second") for part in (0, 1)]
    return [*(weight for layer in layers for weight in _affine(layer)), f"{key}.project.weight"]


def _block_stats(key: str) -> list[str]:
    return [*_stats(f"{key}.first.1"), *_stats(f"{key}.second.1")]


def _gate(key: str) -> list[str]:
    return [*_affine(f"{key}.squeeze"), *_affine(f"{key}.excite")]


def _lstm(key: str) -> list[str]:
    return [f"{key}.input.weight", f"{key}.recurrent.weight", f"{key}.input.bias"]


def _affine(key: str) -> list[str]:
    return [f"{key}.weight", f"{key}.bias"]  # kernel and bias, or gamma and beta


def _stats(key: str) -> list[str]:
    return [f"{key}.running_mean", f"{key}.running_var"]


def _keras_shape(key: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Compute the shape that Keras has for a weight of ours: (…, in, out); 1 × 1 kernels are matrices there."""
    if len(shape) == 1:
        return shape
    outputs, inputs, *sides = shape
    if all(side == 1 for side in sides):
        return (inputs, outputs)
    folded = (1,) if key.startswith("convs.") else ()  # a 3-D convolution there, 2-D with dates in the batch here
    return (*folded, *sides, inputs, outputs)


def to_torch(values: NDArray[Any]) -> torch.Tensor:
    """Move the last axes (in, out) to the front as (out, in)."""
    moved = np.moveaxis(values, (-1, -2), (0, 1)) if values.ndim > 1 else values
    return torch.from_numpy(np.ascontiguousarray(moved, dtype=np.float32).copy())
