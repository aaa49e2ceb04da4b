"""What the networks of an ensemble disagree about, as a part of the error of an area.

The error of the mean of several networks has two parts (law of total variance, as deep ensembles use it:
Lakshminarayanan, Pritzel and Blundell 2017, NeurIPS 30, section 2.4): that of a map, from the residuals of validation
tiles (`error_model`), and the variance between the members,

    Var(A) = Var(e) + s_A²,        s_A = Σ a s,

summed over the pixels of a region, a the area of a pixel and s the standard deviation of its calibrated probability
between the members. Adding up standard deviations, and not variances, says that a member errs to one side all over the
map: members share no error with one another, but one that takes too much for ice here does so there. It is an upper
bound, as the standard deviation of a sum is never larger than the sum of the standard deviations (Minkowski). Because
it is one, few members need no Student's t: two whose areas agree by chance still differ pixel by pixel.

In two years the parts are drawn independently. Members that err alike in both years would cancel in a change, so this,
too, is wide rather than narrow. The residuals are those of the mean and know its part of s_A already, on places like
the validation tiles: there the intervals are too wide, and elsewhere s_A grows where networks no longer agree.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MEMBERS = "members"
"""Column of the frame of `block_sums.sum_blocks`: s_A of a block, km²; there is none of one network."""


def member_spread(blocks: pd.DataFrame) -> float:
    """Sum s_A over blocks, km²; 0 of the map of one network."""
    return float(blocks[MEMBERS].sum()) if MEMBERS in blocks else 0.0


def draw_spreads(maps: Sequence[pd.DataFrame], *, draws: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw the part of the error that networks disagree about, normal and independent in each year.

    Args:
        maps: From `block_sums`, the rows of a region or glacier, in one year or in two.
        draws: Number of draws.
        rng: Random stream.

    Returns:
        (draws, years) km²; 0 in years of one network.
    """
    spreads = np.array([member_spread(blocks) for blocks in maps])
    if not spreads.any():
        return np.zeros((draws, len(maps)))
    drawn: NDArray[np.float64] = rng.standard_normal((draws, len(maps))) * spreads
    return drawn
