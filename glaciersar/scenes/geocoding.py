"""Whether a STAC item lies on a map grid, or only seems to."""

import math

import pystac

from glaciersar.errors import InputError


def check_geocoded(item: pystac.Item) -> None:
    """Refuse a ground-range product (GRD), whose pixels lie in the geometry of the radar, not on a map.

    Catalogues give such items a `proj:transform` that was made up by stretching the image over its bounding box. It
    puts pixels tens of kilometres from where they belong.

    Raises:
        InputError: The item is a GRD; the sentence says by what its transform was found to be made up.
    """
    properties = item.properties
    if properties.get("sar:product_type") != "GRD":
        return
    made_up = ", with a proj:transform that only stretches it over its bounding box" if _stretched(item) else ""
    raise InputError(
        f"{item.id}: a ground-range product (GRD) in the geometry of the radar found{made_up}, a terrain-corrected one "
        f"(RTC) expected"
    )


def _stretched(item: pystac.Item) -> bool:
    """Tell a transform that is the bounding box divided by the number of pixels, in either order of the two numbers."""
    transform, shape = item.properties.get("proj:transform"), item.properties.get("proj:shape")
    bounds = item.properties.get("proj:bbox") or item.bbox
    if not (transform and shape and bounds):
        return False
    left, bottom, right, top = bounds
    pixel = abs(transform[0]), abs(transform[4])
    return any(
        math.isclose(pixel[0], (right - left) / columns, rel_tol=1e-6)
        and math.isclose(pixel[1], (top - bottom) / rows, rel_tol=1e-6)
        for rows, columns in (shape, shape[::-1])
    )
