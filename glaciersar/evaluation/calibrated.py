"""Weights together with a calibration of their probabilities: the one beside them, or one fitted on the spot."""

from pathlib import Path

from glaciersar.evaluation.scoring import histogram_tiles
from glaciersar.inference.calibration import Calibration, fit_calibration, read_calibration
from glaciersar.io.atomic import require_file
from glaciersar.models import Network, pretrained


def load_calibrated(
    weights: str | Path, validation: str | Path, *, window: int = 384, device: str = "auto", method: str = "temperature"
) -> tuple[Network, Calibration, str]:
    """Load weights and read the calibration beside them; weights without one are calibrated on validation tiles.

    Args:
        weights: A file, or a name as for `pretrained.load`; what ships or is published has no calibration beside it.
        validation: Dataset file on which to calibrate; tiles that the weights were not trained on.
        window: Side of a mapping window, pixels.
        device: Where to map them, as for `devices.choose_device`.
        method: Of the calibration that is fitted, as for `calibration.fit_calibration`.

    Returns:
        The network, its calibration, and where that is from, to be shown.

    Raises:
        InputError: No such weights, a file beside them that is no calibration, or no validation tiles to fit one on.
    """
    named = str(weights) in (*pretrained.SHIPPED, *pretrained.PUBLISHED)
    network = pretrained.load(weights if named else require_file(weights, made_by="04-train"))
    beside = Path(weights).with_name("calibration.json")
    if not named and beside.exists():
        return network, read_calibration(beside), f"calibration of {beside.parent.name}/{beside.name}"
    validation = require_file(validation, made_by="02-dataset")
    rule = fit_calibration(histogram_tiles(network, validation, window=window, device=device), method)
    return network, rule, f"{method} calibration, fitted on {validation.parent.name}/{validation.name}"
