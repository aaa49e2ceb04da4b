"""Start a training from the weights of another one, and say from which."""

import hashlib
from pathlib import Path

from glaciersar.errors import InputError
from glaciersar.models import Network, pretrained
from glaciersar.models.features import features_of
from glaciersar.training.config import TrainConfig

UNKNOWN = "unknown data"


def check_start(config: TrainConfig, out: Path) -> str:
    """Check the weight file that a training starts from, and say which it is.

    Args:
        config: Its `weights` name the file; the network in it must be the configuration's: same model, width, features.
        out: Folder of the training, whose own weight file would be written over.

    Returns:
        Name, SHA-256 of the content, and what the weights were trained on; empty where a training starts afresh.

    Raises:
        InputError: The file is missing, no weight file of this package, of another network, or the run's own.
    """
    if not config.weights:
        return ""
    path = Path(config.weights)
    if path.resolve() == (out / "weights.safetensors").resolve():
        raise InputError(f"{path}: the run's own weights found to start from, a file outside {out} expected")
    start = _load(path)
    found = {"model": start.name, "width": start.width, "features": ",".join(features_of(start))}
    expected = {"model": config.model, "width": config.width, "features": ",".join(config.features)}
    if found != expected:
        raise InputError(f"{path}: weights of {_listed(found)} found, {_listed(expected)} expected")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"{path.name}, SHA-256 {digest}, trained on {start.metadata.get('trained_on', UNKNOWN)}"


def load_start(model: Network, config: TrainConfig) -> None:
    """Give a new network the weights that its training starts from, if there are any; checked by `check_start`."""
    if config.weights:
        model.load_state_dict(_load(Path(config.weights)).state_dict())


def _load(path: Path) -> Network:
    if path.suffix != ".safetensors":
        raise InputError(f"{path}: found to start from, a weight file such as weights.safetensors expected")
    return pretrained.load(path)


def _listed(words: dict[str, object]) -> str:
    return " ".join(f"{name}={value}" for name, value in words.items())
