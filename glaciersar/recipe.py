"""As released, and corrected: every place where the authors' released code has a defect that changes results.

Code that behaves differently under the two recipes asks here, and nowhere else.
"""

from dataclasses import dataclass

from glaciersar.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How to train, validate and map."""

    name: str
    scrambled_crop: bool
    """Crop-and-scale resizes the features in a scrambled order of dates and pixels, the labels rightly."""
    dropout_active: bool
    """Dropout acts while training; the released training hands its flag on as off."""
    last_offset_drawn: bool
    """Random windows and crops may lie at the last offset that fits."""
    whole_tiles_validated: bool
    """Validation sees every pixel once, and the pooled IoU chooses the best epoch; otherwise only the patches that fit,
    never the last, incomplete batch, and the mean IoU of the patches chooses."""
    weights_averaged: bool
    """With an `ema_decay`, the average of the weights is validated and kept, with recomputed batch-norm statistics;
    otherwise the weights of an epoch's last step, with the running statistics, which lag behind them."""
    margins_covered: bool
    """Mapping covers every pixel; otherwise windows lie only where they fit, from the top left of the padded tile,
    and the rows and columns that they leave over become background."""
    nodata_masked: bool
    """Pixels without radar are masked and reported; otherwise a scaled 0 (−146 dB) counts as a measurement, and the
    pixel as background."""


AS_RELEASED = Recipe(
    name="as_released",
    scrambled_crop=True,
    dropout_active=False,
    last_offset_drawn=False,
    whole_tiles_validated=False,
    weights_averaged=False,
    margins_covered=False,
    nodata_masked=False,
)
CORRECTED = Recipe(
    name="corrected",
    scrambled_crop=False,
    dropout_active=True,
    last_offset_drawn=True,
    whole_tiles_validated=True,
    weights_averaged=True,
    margins_covered=True,
    nodata_masked=True,
)
RECIPES = {found.name: found for found in (AS_RELEASED, CORRECTED)}


def run_name(model: str, recipe: str = CORRECTED.name) -> str:
    """Name the folder and the row of a table of a model trained by a recipe: unet3d, or unet3d-as_released."""
    return model if recipe == CORRECTED.name else f"{model}-{recipe}"


def find_recipe(name: str) -> Recipe:
    """Find a recipe by its name. The released code has no seed; here every run of either recipe is seeded.

    Raises:
        InputError: The name is unknown.
    """
    if name not in RECIPES:
        raise InputError(f"recipe {name!r} is unknown; expected one of {', '.join(RECIPES)}")
    return RECIPES[name]
