"""Measure the differences between this package and the authors' code, on fixtures made by their code.

Run it from the root of the repository:

    python -m tools.parity FOLDER_OF_FIXTURES [docs/parity.md]

The networks of the fixtures have random weights. Each check gives the largest difference and its tolerance; the tests
in tests/real hold every check to it.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from glaciersar.dataset.augmentation import Augmentation, apply_as_released
from glaciersar.evaluation.metrics import patch_iou
from glaciersar.inference import as_released
from glaciersar.io.atomic import atomic_write
from glaciersar.models import Network
from glaciersar.models.keras import from_keras, read_layers, to_torch, weight_order
from glaciersar.training import losses
from glaciersar.training.schedule import adam_epsilon, learning_rate

Arrays = Mapping[str, NDArray[Any]]
NETWORKS = {  # fixture: heading
    "icemapper_v1_w4_f1": "unet3d",
    "icemapper_v2_w4_f1": "unet3d_weighted",
    "icemapper_v2_w4_f2": "unet3d_weighted, 2 features",
    "ulstm_w4_f1": "ulstm",
}


@dataclass(frozen=True, kw_only=True)
class Check:
    """One quantity compared, and its tolerance."""

    what: str
    tolerance: float
    measure: Callable[..., float]
    """(folder, network) for a check of networks, (folder) for any other -> largest difference."""


def _apart(found: Tensor | NDArray[Any], expected: NDArray[Any]) -> float:
    """Give the largest absolute difference; infinite where only one of the two is NaN."""
    found = found.detach().numpy() if isinstance(found, Tensor) else found
    if found.shape != expected.shape or (np.isnan(found) != np.isnan(expected)).any():
        return float("inf")
    return float(np.nanmax(np.abs(found.astype(np.float64) - expected)))


def _first(array: NDArray[Any]) -> Tensor:
    """Move channels from last, as Keras has them, to first: (B, …, C) -> (B, C, …)."""
    return torch.from_numpy(np.moveaxis(array, -1, 1).copy())


def _last(x: Tensor) -> Tensor:  # (B, C, …) -> (B, …, C)
    return x.detach().movedim(1, -1)


# Networks


def _network(folder: Path, name: str, kind: str) -> tuple[Network, Arrays]:
    return from_keras(folder / f"{name}.h5"), np.load(folder / f"{name}_{kind}.npz")


def _inference(folder: Path, name: str, *, double: bool = False) -> float:
    model, found = _network(folder, name, "infer")
    series, expected = _first(found["x"]), found["y_float64" if double else "y"]
    if double:
        model, series = model.double(), series.double()
    return _apart(_last(model(series).softmax(1)), expected)


def _encoder(folder: Path, name: str) -> float:
    """Relative to the largest value of each map, or to 1."""
    model, found = _network(folder, name, "infer")
    maps = {f"enc{level}": _last(skip) for level, skip in enumerate(model.encode(_first(found["x"])))}
    if maps.keys() != {key for key in found if key.startswith("enc")}:
        return float("inf")
    return max(_apart(skip, found[key]) / max(float(np.abs(found[key]).max()), 1) for key, skip in maps.items())


def _training_forward(folder: Path, name: str, *, double: bool = False) -> float:
    model, found = _network(folder, name, "train")
    series, expected = _first(found["x"]), found["y_float64" if double else "y"]
    if double:
        model, series = model.double(), series.double()
    return _apart(_last(model.train()(series).softmax(1)), expected)


def _running_statistics(folder: Path, name: str) -> float:
    model, found = _network(folder, name, "train")
    model.train()(_first(found["x"]))
    state = model.state_dict()
    return max(_apart(state[key], value) for key, value in _weights(folder, name, found, "moving", state).items())


def _loss_and_gradients(folder: Path, name: str) -> tuple[float, list[float]]:
    """Give the difference of the loss, and of each weight's gradient: L2, relative."""
    model, found = _network(folder, name, "step")
    loss = losses.focal_loss(model.train()(_first(found["x"])), losses.smooth(_first(found["labels"])))
    loss.backward()
    weights = dict(model.named_parameters())
    apart = []
    for key, gradient in _weights(folder, name, found, "grad", model.state_dict()).items():
        if not _before_normalisation(key):
            own = weights[key].grad.numpy()  # type: ignore[union-attr]
            apart.append(float(np.linalg.norm(own - gradient) / np.linalg.norm(gradient)))
    return abs(loss.item() - float(found["loss"])), apart


def _three_steps(folder: Path, name: str) -> tuple[float, float]:
    """Give the largest difference of the three losses, and of the weights after Adam's third step."""
    model, found = _network(folder, name, "step")
    model.train()
    series, labels = _first(found["x"]), losses.smooth(_first(found["labels"]))
    optimizer = torch.optim.Adam(model.parameters(), lr=float(found["adam_lr"]))
    apart = []
    for step in range(3):
        loss = losses.focal_loss(model(series), labels)
        apart.append(abs(loss.item() - float(found["losses_3steps"][step])))
        optimizer.param_groups[0]["eps"] = adam_epsilon(step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    state = model.state_dict()
    after = _weights(folder, name, found, "after3", state).items()
    return max(apart), max(_apart(state[key], value) for key, value in after if not _before_normalisation(key))


def _evaluation(folder: Path, name: str) -> float:
    """Loss, accuracy and IoU in inference mode, against hard labels."""
    model, found = _network(folder, name, "step")
    labels = _first(found["labels"])
    with torch.no_grad():
        logits = model(_first(found["x"]))
    truth, called = (x.argmax(1).numpy() for x in (labels, logits))
    loss = float(losses.focal_loss(logits, labels))
    scores = np.array([loss, (truth == called).mean(), patch_iou(truth == 1, called == 1).mean()])
    return _apart(scores, found["eval_loss_acc_iou"])


def _weights(
    folder: Path, name: str, found: Arrays, prefix: str, state: Mapping[str, Tensor]
) -> dict[str, NDArray[Any]]:
    """Take arrays named `prefix|<weight>`, in our shapes and under our names."""
    path = folder / f"{name}.h5"
    layers = zip(read_layers(path), weight_order(from_keras(path).name), strict=True)
    ours = {weight: key for (_, held), keys in layers for (weight, _), key in zip(held, keys, strict=True)}
    names = {full: ours[full.partition("|")[2]] for full in found if full.startswith(f"{prefix}|")}
    return {key: to_torch(found[full]).reshape(state[key].shape).numpy() for full, key in names.items()}


def _before_normalisation(key: str) -> bool:
    """Tell whether a weight is a bias before a normalisation.

    Its gradient is mathematically zero; the rounding error that remains becomes large in Adam.
    """
    return key.endswith(".0.bias")


NETWORK_CHECKS = (
    Check(what="probabilities, float32", tolerance=5e-6, measure=_inference),
    Check(what="probabilities, float64", tolerance=1e-7, measure=partial(_inference, double=True)),
    Check(what="maps of the encoder, relative", tolerance=2e-6, measure=_encoder),
    Check(what="training mode, float32", tolerance=2e-4, measure=_training_forward),
    Check(what="training mode, float64", tolerance=1e-6, measure=partial(_training_forward, double=True)),
    Check(what="running statistics after it", tolerance=1e-6, measure=_running_statistics),
    Check(what="loss of a batch", tolerance=5e-6, measure=lambda *case: _loss_and_gradients(*case)[0]),
    Check(
        what="gradients, relative, median of the weights",
        tolerance=5e-5,
        measure=lambda *case: float(np.median(_loss_and_gradients(*case)[1])),
    ),
    Check(  # kinks of LeakyReLU, maximum and clip, in single precision
        what="gradients, relative, worst weight",
        tolerance=5e-2,
        measure=lambda *case: max(_loss_and_gradients(*case)[1]),
    ),
    Check(what="losses of three steps of Adam", tolerance=1e-5, measure=lambda *case: _three_steps(*case)[0]),
    Check(what="weights after three steps", tolerance=1e-3, measure=lambda *case: _three_steps(*case)[1]),
    Check(what="loss, accuracy and IoU in evaluation", tolerance=1e-6, measure=_evaluation),
)


# Everything else


def _focal_loss(folder: Path) -> float:
    found = np.load(folder / "focal_loss.npz")
    apart = []
    for name in (name for name in found if name.startswith("focal_")):
        _, labels, gamma, *alphas = name.split("_")
        weights = tuple(map(float, alphas[1:])) or None
        loss = losses.focal_loss_of_probabilities(
            _first(found["y_pred"]), _first(found[f"y_{labels}"]), gamma=float(gamma[5:]), alphas=weights
        )
        apart.append(abs(loss.item() - float(found[name])))
    return max(apart)


def _focal_gradients(folder: Path) -> float:
    """Relative to each value's size plus 0.01; infinite where only one of the two is zero, as it is beyond the clip."""
    found = np.load(folder / "focal_loss.npz")
    apart = []
    for name in (name for name in found if name.startswith("grad_")):
        _, source, labels, _ = name.split("_")
        loss = losses.focal_loss if source == "logits" else losses.focal_loss_of_probabilities
        x = _first(found["logits" if source == "logits" else "y_pred"]).requires_grad_()
        loss(x, _first(found[f"y_{labels}"])).backward()
        own, gradient = x.grad, _first(found[name])
        if own is None or not torch.equal(own == 0, gradient == 0):
            return float("inf")
        apart.append(float(((own - gradient).abs() / (gradient.abs() + 0.01)).max()))
    return max(apart)


def _learning_rates(folder: Path) -> float:
    found = np.load(folder / "lr_schedule.npz")
    epoch, start = int(found["steps_per_epoch"]), float(found["start"])
    return max(
        _apart(np.array([learning_rate(s, steps_per_epoch=epoch, start=start) for s in range(len(found[n]))]), found[n])
        for n in ("lr", "lr_770")  # which goes past the end
    )


def _iou_metric(folder: Path) -> float:
    found = np.load(folder / "iou_metric.npz")
    apart = []
    for index in (0, 1):
        truth, called = (found[name].argmax(-1) == index for name in ("y_true", "y_pred"))  # (3, 4, H, W)
        scores = np.stack([patch_iou(t, c) for t, c in zip(truth, called, strict=True)])  # (3, 4)
        apart.append(_apart(scores, found[f"per_sample_class{index}"]))
        apart.append(_apart(np.cumsum(scores.sum(1)) / np.arange(4, 13, 4), found[f"running_class{index}"]))
    return max(apart)


AUGMENTATIONS: Mapping[str, Augmentation] = {
    "vflip": Augmentation(flipped_vertically=True),
    "hflip": Augmentation(flipped_horizontally=True),
    "rot1": Augmentation(quarters=1),
    "rot2": Augmentation(quarters=2),
    "rot3": Augmentation(quarters=3),
    "crop_size28_y1_x3": Augmentation(crop=(28, 1, 3)),
    "gamma_0.9_1.15": Augmentation(exponents=(0.9, 1.15)),
    "shift_0.02_-0.03": Augmentation(offsets=(0.02, -0.03)),
}


def _augmentation(folder: Path, *, name: str) -> float:
    found = np.load(folder / "augmentations.npz")
    series, labels = found["in_inputs"].transpose(3, 0, 1, 2), found["in_outlines"].transpose(2, 0, 1)
    new, new_labels = apply_as_released(AUGMENTATIONS[name], series, labels)  # (F, T, H, W), (2, H, W)
    return max(
        _apart(new.transpose(1, 2, 3, 0), found[f"{name}_inputs"]),
        _apart(new_labels.transpose(1, 2, 0), found[f"{name}_outlines"]),
    )


def _tiled(folder: Path, *, case: str, given: str, expected: str) -> float:
    found = np.load(folder / f"tiled_{case}.npz")
    mapped = as_released.map_inner_windows if expected == "predict_and_evaluate" else as_released.map_overhanging
    series = found[given].transpose(3, 0, 1, 2).copy()  # (F, T, H, W)
    probabilities = mapped(from_keras(folder / f"icemapper_{case}.h5"), series, window=int(found["patch_size"]))
    return _apart(np.moveaxis(probabilities, 0, -1), found[expected])


_tiles = partial(_tiled, case="v1_w4_f1", given="arr", expected="apply_script")
OTHER_CHECKS = (
    Check(what="focal loss, every γ, labels and class weights", tolerance=5e-7, measure=_focal_loss),
    Check(what="gradients of the focal loss, relative", tolerance=1e-6, measure=_focal_gradients),
    Check(what="learning rate of every step", tolerance=1e-10, measure=_learning_rates),
    Check(what="IoU metric, per patch and running", tolerance=1e-6, measure=_iou_metric),
    *(
        Check(what=f"augmentation {name.split('_')[0]}", tolerance=5e-7, measure=partial(_augmentation, name=name))
        for name in AUGMENTATIONS
    ),
    Check(
        what="tiles scored as released, NaN columns alike",
        tolerance=5e-6,
        measure=partial(_tiles, expected="predict_and_evaluate"),
    ),
    Check(what="scenes mapped as released", tolerance=5e-6, measure=_tiles),
    Check(
        what="scenes mapped as released, with nodata",
        tolerance=1e-5,
        measure=partial(_tiles, given="arr_nodata", expected="apply_script_nodata"),
    ),
    Check(
        what="scenes mapped as released, 2 features",
        tolerance=5e-6,
        measure=partial(_tiles, case="v2_w4_f2"),
    ),
)


def tables(folder: str | Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Run every check: networks (a column each, then the tolerance), and everything else."""
    folder = Path(folder)
    networks = {
        check.what: {title: check.measure(folder, name) for name, title in NETWORKS.items()}
        | {"tolerance": check.tolerance}
        for check in NETWORK_CHECKS
    }
    others = {check.what: {"difference": check.measure(folder), "tolerance": check.tolerance} for check in OTHER_CHECKS}
    return pd.DataFrame.from_dict(networks, orient="index"), pd.DataFrame.from_dict(others, orient="index")


def write(folder: str | Path, path: str | Path) -> None:
    """Write the tables to `path` as Markdown."""
    networks, others = (
        frame.map(lambda value: f"{value:.0e}").rename_axis("largest difference").to_markdown(disable_numparse=True)
        for frame in tables(folder)
    )
    text = f"""# How far this package is from the authors' code

Made by `python -m tools.parity FOLDER_OF_FIXTURES docs/parity.md`, on one thread of a CPU. The fixtures were made
by the authors' code (icemapper at commit bdc60c0, TensorFlow 2.15): networks of width 4 with random weights, a batch of
two series of 15 dates and 32 × 32 pixels. They are not part of this repository; with them beside a checkout, the tests
under `tests/real` hold every line to its tolerance.

## Networks

{networks}

## Training and mapping

{others}

The authors' published weights and data have not been run here: none of this says how well they score.
"""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    torch.set_num_threads(1)
    write(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "docs/parity.md")
