"""Weights together with a calibration of their probabilities: the one beside them, or one fitted on the spot."""

from collections.abc import Sequence
from pathlib import Path

from glaciersar.evaluation.scoring import histogram_tiles
from glaciersar.inference.calibration import Calibration, fit_calibration, read_calibration
from glaciersar.inference.ensemble import each_of, load_networks
from glaciersar.io.atomic import require_file
from glaciersar.models import Network, pretrained


def load_calibrated(
    weights: str | Path | Sequence[str | Path],
    validation: str | Path,
    *,
    window: int = 384,
    device: str = "auto",
    method: str = "temperature",
) -> tuple[list[Network], Calibration, str]:
    """Load weights and read the calibration beside them; weights without one are calibrated on validation tiles.

    So is the mean of several networks: what lies beside one of them is no calibration of the mean.

    Args:
        weights: A file, or a name as for `pretrained.load`; what ships or is published has no calibration beside it.
            Several are an ensemble.
        validation: Dataset file on which to calibrate; tiles that the weights were not trained on.
        window: Side of a mapping window, pixels.
        device: Where to map them, as for `devices.choose_device`.
        method: Of the calibration that is fitted, as for `calibration.fit_calibration`.

    Returns:
        The network or networks, their calibration, and where that is from, to be shown.

    Raises:
        InputError: No such weights, a file beside them that is no calibration, or no validation tiles to fit one on.
    """
    given = each_of(weights)
    files = [one for one in given if str(one) not in (*pretrained.SHIPPED, *pretrained.PUBLISHED)]
    for one in files:
        require_file(one, made_by="04-train")
    networks = load_networks(given)
    if len(given) == len(files) == 1 and (beside := Path(files[0]).with_name("calibration.json")).exists():
        return networks, read_calibration(beside), f"calibration of {beside.parent.name}/{beside.name}"
    validation = require_file(validation, made_by="02-dataset")
    rule = fit_calibration(histogram_tiles(networks, validation, window=window, device=device), method)
    return networks, rule, f"{method} calibration, fitted on {validation.parent.name}/{validation.name}"
