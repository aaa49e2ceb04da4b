"""The features that a network was trained on."""

from glaciersar import radiometry
from glaciersar.errors import InputError
from glaciersar.models import Network


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


def backscatter_feature(model: Network) -> str:
    """Name the one feature of backscatter that a model was trained on.

    Raises:
        InputError: It was trained on several features, or on another.
    """
    feature, *more = features_of(model)
    if more:
        found = ", ".join((feature, *more))
        raise InputError(f"{model.name}: weights for the features {found} found, for one of backscatter expected")
    radiometry.check_backscatter(feature)
    return feature
