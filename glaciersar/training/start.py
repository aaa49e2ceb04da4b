"""Start a training from the weights of another one, and say from which."""

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

from glaciersar.errors import InputError
from glaciersar.models import Network, pretrained
from glaciersar.models.features import features_of
from glaciersar.training.config import TrainConfig

UNKNOWN = "unknown data"


def check_start(config: TrainConfig, out: Path) -> str:
    """Check the weights that a training starts from, and say which they are.

    Args:
        config: Its `weights` name them; the network must be the configuration's: same model, width, features. A file
            that names no features, such as one of Keras, is taken to have the configuration's, if as many.
        out: Folder of the training, whose own weight file would be written over.

    Returns:
        Name, SHA-256 of the file, and what the weights were trained on; empty where a training starts afresh. Of a
        published name the file is the one in the cache.

    Raises:
        InputError: The file is missing, no weight file, of another network, or the run's own.
    """
    if not config.weights:
        return ""
    if Path(config.weights).resolve() == (out / "weights.safetensors").resolve():
        raise InputError(f"{config.weights}: the run's own weights found to start from, a file outside {out} expected")
    start = pretrained.load(config.weights)
    found = {"model": start.name, "width": start.width, "features": _features(start, config)}
    expected = {"model": config.model, "width": config.width, "features": ",".join(config.features)}
    if found != expected:
        raise InputError(f"{config.weights}: weights of {_listed(found)} found, {_listed(expected)} expected")
    digest = hashlib.sha256(pretrained.weight_file(config.weights).read_bytes()).hexdigest()
    taken = "" if "feature_names" in start.metadata else f", features not named and taken as {found['features']}"
    return f"{Path(config.weights).name}, SHA-256 {digest}, {_origin(start)}{taken}"


def load_start(model: Network, config: TrainConfig) -> None:
    """Give a new network the weights that its training starts from, if there are any; checked by `check_start`."""
    if config.weights:
        model.load_state_dict(pretrained.load(config.weights).state_dict())


def start_options(config: TrainConfig, started_from: str) -> dict[str, str]:
    """Tell the start of a training for its weight file: nothing where it started afresh."""
    options = {"started_from": started_from} if started_from else {}
    return options | ({"decoder_first": str(config.decoder_first)} if config.decoder_first else {})


def identified(config: TrainConfig, started_from: str) -> dict[str, Any]:
    """Give a configuration as a checkpoint names it: the start by its content, and only where there is one."""
    content = asdict(config) | {"weights": started_from}
    if not config.decoder_first:
        del content["decoder_first"]  # checkpoints from before this option are those of a training without it
    return content


def _features(start: Network, config: TrainConfig) -> str:
    """Name the features of weights; those that a file without names must have are the configuration's."""
    if "feature_names" in start.metadata:
        return ",".join(features_of(start))
    return ",".join(config.features) if start.features == len(config.features) else f"{start.features} without names"


def _origin(start: Network) -> str:
    """Say what weights were trained on, or where published ones are from."""
    if "trained_on" not in start.metadata and "source" in start.metadata:
        return f"published at {start.metadata['source']}"
    return f"trained on {start.metadata.get('trained_on', UNKNOWN)}"


def _listed(words: dict[str, object]) -> str:
    return " ".join(f"{name}={value}" for name, value in words.items())
