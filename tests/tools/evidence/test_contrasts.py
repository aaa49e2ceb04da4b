"""tools.evidence.contrasts"""

import numpy as np
import pandas as pd
import pytest

from tools.evidence import contrasts
from tools.evidence.plan import read_plan

TILES = [f"SVAL-{k}-40" for k in range(10, 16)]
GROUPS = [f"{tile}_{year}_ro{orbit}" for tile in TILES for year in (2016, 2020) for orbit in (14, 174)]


def made_counts(found, *, landscapes=GROUPS, seeds=(1, 2)):
    """Counts without false positives, 100 pixels of glacier each; `found` gives tp of an arm on a landscape."""
    rows = [
        {"arm": arm, "seed": seed, "landscape": name, "against": "reference", "tp": tp(name) + k % 3}
        for arm, tp in found.items()
        for seed in seeds
        for k, name in enumerate(landscapes)
    ]
    return pd.DataFrame(rows).assign(fp=0, fn=lambda table: 100 - table["tp"], tn=9)


@pytest.mark.filterwarnings("ignore:Precision loss")  # the made differences are the same on every landscape
def test_one_orbit_or_year_is_compared_with_as_many_landscapes_where_it_is_seen_and_where_not():
    plan = read_plan()
    found = {
        "orbit_14": lambda name: 80 if name.endswith("ro14") else 60,
        "year_2016": lambda name: 71 if "_2016_" in name else 69,
        "half": lambda name: 70,
        "hv": lambda name: 20,
    }
    table = contrasts.compare_unseen(plan, plan.parts["data"], made_counts(found), draws=100)
    differences = table.set_index(["arm", "on"])["difference"].to_dict()
    assert differences == pytest.approx(
        {
            ("orbit_14", "seen relative_orbit"): 0.10,
            ("orbit_14", "unseen relative_orbit"): -0.10,
            ("year_2016", "seen year"): 0.01,
            ("year_2016", "unseen year"): -0.01,
        }
    )
    assert set(table["other"]) == {"half"}
    assert (table["p_holm"] >= table["p"]).all()


def test_a_part_without_one_orbit_or_year_has_nothing_unseen():
    plan = read_plan()
    assert contrasts.compare_unseen(plan, plan.parts["training"], made_counts({"width_4": lambda _: 70}), draws=9).empty


def test_arms_of_other_tiles_are_compared_by_independent_draws():
    rng = np.random.default_rng(1)
    tp = {name: int(rng.normal(75, 6)) for name in GROUPS}  # seeds differ by nothing
    one = made_counts({"random": lambda name: tp[name] + 5}, landscapes=GROUPS)
    other = made_counts({"blocked": lambda name: tp[name] - 5}, landscapes=GROUPS[:12])
    row = contrasts.compare_apart(pd.concat([one, other]), draws=2000).iloc[0]
    assert (row["arm"], row["other"]) == ("random", "blocked")
    sums = [table[["tp", "fn"]].sum() for table in (one, other)]
    pooled = [total["tp"] / total.sum() for total in sums]
    assert row["difference"] == pytest.approx(pooled[0] - pooled[1])
    deviation = [table.groupby("landscape")["tp"].mean().std() / 100 / table["landscape"].nunique() ** 0.5
                 for table in (one, other)]  # fmt: skip
    expected = 2 * 1.96 * np.hypot(*deviation)
    assert row["high"] - row["low"] == pytest.approx(expected, rel=0.2)
    assert contrasts.compare_apart(one, draws=9).empty
