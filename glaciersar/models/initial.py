"""Networks with trained weights where there are any, else with random ones."""

from collections.abc import Sequence
from pathlib import Path

import torch

from glaciersar.errors import InputError
from glaciersar.models import build, pretrained
from glaciersar.models.layers import Network


def load_or_draw(names: Sequence[str], weights: str | Path = "", *, width: int = 32, seed: int = 1) -> list[Network]:
    """Load networks from a file or a folder, and draw what is not there from a seed.

    Args:
        names: As for `models.build`.
        weights: A weight file, for the network that it names; or a folder with NAME/weights.safetensors, as notebook
            04-train writes it; empty draws all.
        width: Channels of the first level of a network that is drawn.
        seed: Of its random weights, which depend on neither the other networks nor on torch's global generator.

    Returns:
        One network a name, in evaluation mode. `metadata["weights"]` says where its weights are from.

    Raises:
        InputError: The file is of none of these networks, or the folder holds none of them.
    """
    loaded = _load(names, Path(weights)) if str(weights) else {}
    if str(weights) and not loaded:
        raise InputError(f"{weights}: no weights of {' or '.join(names)} found, at least those of one expected")
    return [loaded.get(name) or _draw(name, width, seed) for name in names]


def _load(names: Sequence[str], path: Path) -> dict[str, Network]:
    files = [found for name in names if (found := path / name / "weights.safetensors").exists()]
    networks = [pretrained.load(file) for file in (files if path.is_dir() else [path])]
    for network in networks:
        network.metadata["weights"] = f"trained on {network.metadata.get('trained_on', 'unknown data')}"
    return {network.name: network for network in networks if network.name in names}


def _draw(name: str, width: int, seed: int) -> Network:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build(name, width=width).eval()
    network.metadata["weights"] = f"random weights, seed {seed}"
    return network
