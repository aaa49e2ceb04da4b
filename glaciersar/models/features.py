"""The features that a network was trained on."""

from glaciersar import radiometry
from glaciersar.errors import InputError
from glaciersar.models import Network

COHERENCE = "insar"
"""The feature that is made of pairs of passes, not of scenes."""


def features_of(model: Network) -> tuple[str, ...]:
    """Name the features that a model was trained on, as its weight file says.

    Raises:
        InputError: The file names another number of them.
    """
    named = model.metadata.get("feature_names", "grd").split(",")
    if len(named) != model.features:
        raise InputError(
            f"{model.name}: weights for {model.features} features found, the names of all expected, not {named}"
        )
    return tuple(named)


def backscatter_features(model: Network) -> tuple[str, ...]:
    """Name the features of backscatter that a model was trained on: one, or co- and cross-polarised in their order.

    Raises:
        InputError: It was trained on other features.
    """
    found = features_of(model)
    _check_backscatter(model, found)
    return found


def mapped_features(model: Network) -> tuple[str, ...]:
    """Name the features that a model is mapped from, in their order: of backscatter, coherence, or both.

    Raises:
        InputError: It was trained on other features.
    """
    found = features_of(model)
    if found != (COHERENCE,):
        first = found.index(COHERENCE) if COHERENCE in found else len(found)
        _check_backscatter(model, found[:first] + found[first + 1 :])
    return found


def _check_backscatter(model: Network, found: tuple[str, ...]) -> None:
    if len(found) == 1:
        radiometry.check_backscatter(found[0])
    elif sorted(found) not in ([name, f"{name}{radiometry.CROSS}"] for name in ("grd", "rtc")):
        raise InputError(
            f"{model.name}: weights for the features {', '.join(features_of(model))} found, for one of backscatter or "
            f"for co- and cross-polarised such as grd, grd{radiometry.CROSS} expected"
        )
