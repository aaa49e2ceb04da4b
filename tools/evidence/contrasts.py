"""Contrasts that pairs of the same landscapes can't make: on what a training has not seen, and on other test tiles."""

import numpy as np
import pandas as pd

from glaciersar.evaluation import statistics
from glaciersar.evaluation.bootstrap import Array, bootstrap_ratios
from glaciersar.grid import Group
from tools.evidence.plan import Part, Plan

AS_MANY = "half"
"""The arm that trains on as many landscapes as those of one orbit or year, but on both."""
SEEN = ("relative_orbit", "year")
"""What a training may be kept to."""
APART = (("random", "blocked"), ("pixel_20", "pixel_40"), ("pixel_80", "pixel_40"))
"""Arms that test on other tiles each."""


def compare_unseen(plan: Plan, part: Part, counts: pd.DataFrame, *, draws: int) -> pd.DataFrame:
    """Compare arms that train on one orbit or year with `AS_MANY`, on test landscapes seen so and on the others.

    Args:
        plan: Its datasets say what an arm trains on.
        part: With the arms.
        counts: Its counts.
        draws: Bootstrap samples.

    Returns:
        As `compare_arms`, with a column on, such as "unseen relative_orbit". Empty without such arms.
    """
    own = counts[counts["against"] == "reference"]
    groups = {name: Group.parse(name) for name in own["landscape"].unique()}
    tables = []
    for name, arm in part.arms.items():
        wanted = plan.datasets[arm.data].get("train_on", {})
        for key in (key for key in SEEN if key in wanted):
            seen = own["landscape"].map(lambda landscape, key=key: getattr(groups[landscape], key)) == wanted[key]
            for word, here in (("seen", seen), ("unseen", ~seen)):
                rows = own[here & own["arm"].isin([name, AS_MANY])]
                table = statistics.compare_arms(rows, [(name, AS_MANY)], draws=draws)
                tables.append(table.assign(on=f"{word} {key}"))
    if not tables:
        return pd.DataFrame()
    found = pd.concat(tables, ignore_index=True)
    return found.assign(p_holm=statistics.holm(found["p"].to_numpy(float)))


def compare_apart(counts: pd.DataFrame, *, draws: int) -> pd.DataFrame:
    """Compare the pooled IoU of arms that test on other tiles each, such as a random and a blocked split.

    Nothing is paired, so that the draws of both are independent.

    Args:
        counts: Of a part.
        draws: Bootstrap samples.

    Returns:
        Columns arm, other, difference, low, high: of the pooled IoU, with its interval of 95 %. Empty without the arms.
    """
    own = counts[counts["against"] == "reference"]
    rows = []
    for pair in APART:
        if set(pair) <= set(own["arm"]):
            (one, of_one), (two, of_two) = (
                _draw_pooled(own[own["arm"] == name], draws=draws, seed=seed) for seed, name in enumerate(pair)
            )
            low, high = np.quantile(of_one - of_two, (0.025, 0.975))
            rows.append({"arm": pair[0], "other": pair[1], "difference": one - two, "low": low, "high": high})
    return pd.DataFrame(rows)


def _draw_pooled(counts: pd.DataFrame, *, draws: int, seed: int) -> tuple[float, Array]:
    """Compute the pooled IoU of one arm, and draw it anew with other seeds and landscapes, (D,)."""
    arm = statistics.arrange_counts(counts)
    sampled = bootstrap_ratios(arm.both, arm.either, draws=draws, seed=seed)[0]
    return sampled.estimate, sampled.scaled_draws()
