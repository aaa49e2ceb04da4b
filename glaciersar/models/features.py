"""The features that a network was trained on."""

from glaciersar.errors import InputError
from glaciersar.models import Network


def features_of(model: Network) -> tuple[str, ...]:
    """Tell the features that a model was trained on, as its weight file says."""
    named = model.metadata.get("feature_names", "grd").split(",")
    if len(named) != model.features:
        raise InputError(
            f"{model.name}: weights for {model.features} features found, the names of all expected, not {named}"
        )
    return tuple(named)
