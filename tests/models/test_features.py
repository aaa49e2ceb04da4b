"""glaciersar.models.features"""

import pytest

from glaciersar import models
from glaciersar.errors import InputError
from glaciersar.models.features import backscatter_features, features_of, mapped_features


def trained_on(*names, features=None):
    found = models.build("unet2d", features=features or len(names), width=2)
    found.metadata = {"feature_names": ",".join(names)}
    return found


@pytest.mark.parametrize("names", [("grd",), ("rtc_cross",), ("grd", "grd_cross"), ("rtc_cross", "rtc")])
def test_backscatter_of_one_polarisation_or_two_is_named_in_the_order_of_the_weights(names):
    assert backscatter_features(trained_on(*names)) == names


@pytest.mark.parametrize(
    "names", [("grd", "rtc"), ("grd", "rtc_cross"), ("grd", "insar"), ("grd", "grd"), ("a", "b", "c")]
)
def test_other_features_together_are_refused_by_name(names):
    with pytest.raises(InputError, match=f"unet2d: weights for the features {', '.join(names)} found, for one of"):
        backscatter_features(trained_on(*names))


def test_coherence_is_no_backscatter():
    with pytest.raises(InputError, match="feature 'insar' found, one made of backscatter power"):
        backscatter_features(trained_on("insar"))


@pytest.mark.parametrize(
    "names", [("grd",), ("insar",), ("grd", "insar"), ("insar", "rtc"), ("grd", "insar", "grd_cross")]
)
def test_a_map_is_made_of_backscatter_of_coherence_or_of_both(names):
    assert mapped_features(trained_on(*names)) == names


@pytest.mark.parametrize("names", [("grd", "rtc"), ("grd", "rtc", "insar"), ("insar", "insar"), ("a",)])
def test_no_map_is_made_of_other_features(names):
    with pytest.raises(InputError, match="found"):
        mapped_features(trained_on(*names))


def test_weights_that_name_another_number_of_features_are_refused():
    assert features_of(models.build("unet2d", width=2)) == ("grd",)
    with pytest.raises(InputError, match=r"weights for 2 features found, the names of all expected, not \['grd'\]"):
        features_of(trained_on("grd", features=2))
