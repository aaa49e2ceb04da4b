"""Several networks that map together: the mean of their probabilities, and the spread between them.

Members map a window one after another, and no more than their running mean and sum of squares is kept (Welford 1962,
Technometrics 4), so an ensemble takes the memory of one network, besides the weights. What the spread says of an area
is in `inventory.error_model`.
"""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from glaciersar.errors import InputError
from glaciersar.inference import backends, trained_dates
from glaciersar.inference.calibration import Calibration, read_calibration
from glaciersar.inference.predictor import Predictor
from glaciersar.io.atomic import require_file
from glaciersar.models import Network, pretrained
from glaciersar.models.features import features_of

Networks = Network | Sequence[Network]
"""One network, or the members of an ensemble."""

T = TypeVar("T")


def each_of(given: str | Path | Sequence[str | Path]) -> list[str | Path]:
    """List what is given as one or as several."""
    return [given] if isinstance(given, str | Path) else list(given)


def load_networks(weights: str | Path | Sequence[str | Path]) -> list[Network]:
    """Load the weights of one network or of several that map together, each as `pretrained.load` does.

    Two of the same weights are told: they count as networks that agree.

    Raises:
        InputError: What `pretrained.load` and `members_of` refuse.
    """
    named = each_of(weights)
    members = members_of([pretrained.load(one) for one in named])
    if len({member.checksum() for member in members}) < len(members):
        print(f"{len(members)} networks of which some have the same weights found: their spread is too small")
    return members


def weights_of_run(work: str | Path, model: str | Sequence[str]) -> list[Path]:
    """List the weights that a run has trained of one network or of several.

    Args:
        work: Folder of the run.
        model: Name of a run of 04-train, or several.

    Raises:
        InputError: One of them is not trained.
    """
    models = Path(work) / "models"
    return [require_file(models / name / "weights.safetensors", made_by="04-train") for name in each_of(model)]


def find_calibration(weights: str | Path | Sequence[str | Path], given: str | Path = "") -> Calibration | None:
    """Read the calibration of a map: a given one, or else the one beside the weights of a single network, if any.

    What lies beside one of several networks calibrates that network, not their mean; that it is left out is told.
    """
    named = each_of(weights)
    beside = [path for one in named if (path := Path(one).with_name("calibration.json")).exists()]
    if given:
        return read_calibration(given)
    if len(named) > 1 and beside:
        print(f"{beside[0]}: left out, as it calibrates one network and not the mean of {len(named)}")
    return read_calibration(beside[0]) if len(named) == 1 and beside else None


def members_of(networks: Networks) -> list[Network]:
    """List the members of an ensemble, one for a single network.

    Raises:
        InputError: There is none, or they take different features.
    """
    members = [networks] if isinstance(networks, nn.Module) else list(networks)
    if not members:
        raise InputError("no network found, weights of at least one expected")
    for other in members[1:]:
        if (found := features_of(other)) != (wanted := features_of(members[0])):
            raise InputError(
                f"weights of the features {', '.join(found)} found beside those of {', '.join(wanted)}, "
                f"the same for all members expected"
            )
    return members


def describe_members(networks: Networks) -> dict[str, str]:
    """Tell of the networks of a map in the metadata of its files: model, trained_on and, of several, members."""
    members = members_of(networks)
    kinds = Counter(member.name for member in members)
    names = [name if len(members) == 1 else f"{count} × {name}" for name, count in kinds.items()]
    trained = dict.fromkeys(member.metadata.get("trained_on", "unknown data") for member in members)
    tags = {"model": ", ".join(names), "trained_on": ", ".join(trained)}
    return tags if len(members) == 1 else tags | {"members": str(len(members))}


def keep_trained(networks: Networks, series: Sequence[T]) -> list[T]:
    """Keep those dates of a series that all members were trained on, as `trained_dates.keep_trained` does.

    Raises:
        InputError: As that, or two members are shown different dates.
    """
    first, *others = (trained_dates.keep_trained(member, series) for member in members_of(networks))
    for other in others:
        if len(other) != len(first):
            raise InputError(
                f"weights that are shown {len(other)} dates of {len(series)} found beside those shown {len(first)}, "
                f"as many for all members expected"
            )
    return first


def make_predictor(
    networks: nn.Module | Sequence[Network],
    *,
    backend: str = "auto",
    precision: str = "auto",
    device: str = "auto",
    size: int | None = None,
    compile: bool = False,
) -> Predictor:
    """Prepare one network or several for mapping, each as `backends.make_predictor` does with these arguments."""
    members: Sequence[nn.Module] = [networks] if isinstance(networks, nn.Module) else members_of(networks)
    prepared = [
        backends.make_predictor(member, backend=backend, precision=precision, device=device, size=size, compile=compile)
        for member in members
    ]
    if len(prepared) == 1:
        return prepared[0]
    return Predictor(
        backend=_joined([one.backend for one in prepared]),
        precision=_joined([one.precision for one in prepared]),
        device=prepared[0].device,
        run=partial(mean_and_spread, prepared),
        compiled=compile,
        members=len(prepared),
    )


def _joined(words: Sequence[str]) -> str:
    return "/".join(dict.fromkeys(words))


def mean_and_spread(members: Sequence[Predictor], series: Tensor) -> Tensor:
    """Map series (B, F, T, H, W) by each member, to their mean and spread (B, 2, H, W).

    The spread is the standard deviation with n − 1, which estimates how far networks that differ by their seed alone
    lie apart, whatever their number; 0 of a single one.
    """
    mean = squares = torch.zeros((), dtype=torch.float64)
    for count, member in enumerate(members, 1):
        found = member(series).double()  # (B, H, W)
        apart = found - mean
        mean = mean + apart / count
        squares = squares + apart * (found - mean)
    spread = (squares / max(len(members) - 1, 1)).sqrt()
    return torch.stack((mean, spread), 1).float()


def calibrate_spread(
    calibration: Calibration, probability: NDArray[np.floating], spread: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Give the spread between members once the mean is calibrated: times the slope of the calibration.

    The slope is that between one spread below the mean and one above, both within 0 and 1; where a step function has
    no derivative, and where one of a temperature grows without bounds, this one is finite.

    Args:
        calibration: Of the mean.
        probability: Mean of the members, not calibrated, any shape.
        spread: Standard deviation between them, the same shape.

    Returns:
        The same shape; NaN where there is no data.
    """
    mean, apart = np.asarray(probability, float), np.asarray(spread, float)
    low, high = np.maximum(mean - apart, 0), np.minimum(mean + apart, 1)
    rise = np.abs(np.asarray(calibration(high), float) - calibration(low))
    with np.errstate(invalid="ignore"):
        slope = rise / (high - low)
    return np.where(high > low, apart * slope, 0.0 * apart)
