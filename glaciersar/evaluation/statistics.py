"""Statistics of an experiment: scores of its arms with intervals, their differences, significance, equivalence.

An arm is a way to map, such as a network or a training option. Each is trained with several seeds and scored on the
same landscapes. Everything starts from one long table with the columns arm, seed, landscape, tp, fp, fn, tn.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from glaciersar.errors import InputError
from glaciersar.evaluation.bootstrap import Array, Sampled, bootstrap_ratios

COUNTS = ["tp", "fp", "fn", "tn"]
KEYS = ["arm", "seed", "landscape"]
MARGIN = 0.01
"""Arms whose IoU differs by less are called equivalent."""


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """The counts of an experiment in which every arm has the same seeds and landscapes."""

    arms: list[str]
    """Names, A."""
    seeds: int
    """S."""
    landscapes: int
    """L."""
    both: Array
    """(A, S, L) pixels of glacier in reference and map, tp."""
    either: Array
    """(A, S, L) pixels of glacier in reference or map, tp + fp + fn."""

    @property
    def iou(self) -> Array:
        """(A, S, L) IoU of each seed on each landscape."""
        iou: Array = self.both / self.either
        return iou

    def by_landscape(self, arm: str) -> Array:
        """Average the IoU of an arm over seeds, (L,)."""
        mean: Array = self.iou[self.arms.index(arm)].mean(0)
        return mean

    def bootstrap(self, *, draws: int, seed: int) -> dict[str, dict[str, Sampled]]:
        """Draw seeds and landscapes anew: by statistic ("pooled" and "mean" over landscapes), then by arm."""
        pooled = bootstrap_ratios(self.both, self.either, draws=draws, seed=seed)
        mean = bootstrap_ratios(self.iou, np.ones_like(self.iou), draws=draws, seed=seed)
        pairs = {"pooled": pooled, "mean": mean}
        return {name: dict(zip(self.arms, found, strict=True)) for name, found in pairs.items()}


def arrange_counts(table: pd.DataFrame, *, seedless: Collection[str] = ()) -> Experiment:
    """Arrange a long table by arm, seed and landscape; several rows of one of each, such as tiles, add up.

    Args:
        table: Columns arm, seed, landscape, tp, fp, fn, tn.
        seedless: Arms without random numbers, such as a threshold; their one seed stands beside every other.

    Raises:
        InputError: A column is missing, an arm lacks a seed or landscape that another has, or nothing is glacier in
            reference and map of a landscape, so that it has no IoU.
    """
    missing = [name for name in (*KEYS, *COUNTS) if name not in table.columns]
    if missing:
        raise InputError(
            f"the table lacks the columns {', '.join(missing)}; {', '.join(map(str, table.columns))} found"
        )
    summed = table.groupby(KEYS)[COUNTS].sum().astype(float)
    cells = {arm: summed.loc[arm] for arm in summed.index.unique("arm")}
    drawn = summed[~summed.index.isin(seedless, level="arm")]
    seeds = (summed if drawn.empty else drawn).index.unique("seed").sort_values()
    landscapes = summed.index.unique("landscape").sort_values()
    for arm in seedless:
        cells[arm] = _repeat(arm, cells, seeds)
    expected = pd.MultiIndex.from_product((seeds, landscapes))
    for arm, rows in cells.items():
        lacking = expected.difference(rows.index)
        if len(lacking):
            raise InputError(
                f"arm {arm} lacks seed {lacking[0][0]} on landscape {lacking[0][1]} and {len(lacking) - 1} others, "
                f"each of {len(seeds)} seeds on each of {len(landscapes)} landscapes expected"
            )
    shape = (len(cells), len(seeds), len(landscapes))
    ordered = pd.concat([rows.loc[expected] for rows in cells.values()])
    either = ordered[["tp", "fp", "fn"]].sum(axis=1)
    if (either == 0).any():
        seed, landscape = either.index[int(np.argmin(either))]
        raise InputError(f"landscape {landscape}, seed {seed}: no glacier in reference and map found, some expected")
    return Experiment(
        arms=[str(arm) for arm in cells],
        seeds=len(seeds),
        landscapes=len(landscapes),
        both=ordered["tp"].to_numpy().reshape(shape),
        either=either.to_numpy().reshape(shape),
    )


def _repeat(arm: str, cells: dict[str, pd.DataFrame], seeds: pd.Index) -> pd.DataFrame:
    """Put the counts of an arm without seeds beside every seed of the others."""
    if arm not in cells:
        raise InputError(f"seedless arm {arm} is not in the table, one of {', '.join(map(str, cells))} expected")
    found = cells[arm].index.unique("seed")
    if len(found) > 1:
        raise InputError(f"seedless arm {arm} with {len(found)} seeds found, 1 expected")
    repeated: pd.DataFrame = pd.concat(dict.fromkeys(seeds, cells[arm].droplevel("seed")), names=["seed"])
    return repeated


def score_arms(
    table: pd.DataFrame, *, seedless: Collection[str] = (), draws: int = 10_000, seed: int = 0
) -> pd.DataFrame:
    """Compute the IoU of each arm, pooled and as a mean over landscapes, with intervals of 95 %.

    An interval is by the two-way bootstrap over seeds and landscapes (`bootstrap`). That of an experiment with one seed
    says nothing about other seeds.

    Args:
        table: As `arrange_counts` takes it.
        seedless: As `arrange_counts` takes it.
        draws: Bootstrap samples.
        seed: Of the random numbers.

    Returns:
        Columns arm, statistic ("pooled" or "mean"), iou, low, high, seeds, landscapes.
    """
    experiment = arrange_counts(table, seedless=seedless)
    rows = []
    for statistic, arms in experiment.bootstrap(draws=draws, seed=seed).items():
        for arm, sampled in arms.items():
            low, high = np.clip(sampled.interval(), 0, 1)
            row = {"arm": arm, "statistic": statistic, "iou": sampled.estimate, "low": low, "high": high}
            rows.append(row | {"seeds": experiment.seeds, "landscapes": experiment.landscapes})
    return pd.DataFrame(rows).sort_values("arm", kind="stable", ignore_index=True)


def compare_arms(
    table: pd.DataFrame,
    pairs: Sequence[tuple[str, str]],
    *,
    margin: float = MARGIN,
    seedless: Collection[str] = (),
    draws: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare arms in pairs: the difference of IoU, whether it is more than chance, and whether it is negligible.

    Args:
        table: As `arrange_counts` takes it.
        pairs: The family of comparisons, each of an arm with another.
        margin: Differences of IoU within ± this are negligible.
        seedless: As `arrange_counts` takes it.
        draws: Bootstrap samples, and random flips of signs.
        seed: Of the random numbers.

    Returns:
        A row a pair, differences being arm minus other. Columns: arm, other; difference, low, high (mean over
        landscapes, 95 %, both arms on the same draws); pooled_difference, pooled_low, pooled_high; p (sign-flip test
        over landscapes, of means over seeds) and p_holm (corrected for the family); p_equivalent (by the bootstrap) and
        p_equivalent_t (by t-tests); equivalent: whether p_equivalent is below 5 %. The intervals and p_equivalent are
        about other seeds, too; p and p_equivalent_t take the trained networks as they are, and are too small where
        seeds differ.

    Raises:
        InputError: An arm is not in the table, or as `arrange_counts` says.
    """
    experiment = arrange_counts(table, seedless=seedless)
    sampled = experiment.bootstrap(draws=draws, seed=seed)
    rows = []
    for arm, other in pairs:
        for name in (arm, other):
            if name not in experiment.arms:
                raise InputError(f"arm {name} is not in the table, one of {', '.join(experiment.arms)} expected")
        row: dict[str, object] = {"arm": arm, "other": other}
        for statistic, prefix in (("mean", ""), ("pooled", "pooled_")):
            apart = sampled[statistic][arm] - sampled[statistic][other]
            low, high = apart.interval()
            row |= {f"{prefix}difference": apart.estimate, f"{prefix}low": low, f"{prefix}high": high}
        differences = experiment.by_landscape(arm) - experiment.by_landscape(other)
        row["p"] = sign_flip_test(differences, flips=draws, seed=seed)
        row["p_equivalent"] = equivalence_by_bootstrap(sampled["mean"][arm] - sampled["mean"][other], margin=margin)
        row["p_equivalent_t"] = equivalence_by_t(differences, margin=margin)
        rows.append(row)
    frame = pd.DataFrame(rows)
    return frame.assign(p_holm=holm(frame["p"].to_numpy(float)), equivalent=frame["p_equivalent"] < 0.05)


def sign_flip_test(differences: NDArray[np.floating], *, flips: int = 10_000, seed: int = 0) -> float:
    """Test whether paired differences (L,) have the mean 0: if so, each could as well have the other sign.

    All 2ᴸ signs are tried where they are no more than `flips`, else as many random ones, with one added to both counts
    (Phipson and Smyth 2010, Statistical Applications in Genetics and Molecular Biology 9). That of means over seeds is
    about other landscapes, but not about other seeds.

    Returns:
        The two-sided p.
    """
    whole = np.rint(np.asarray(differences, np.float64) * 1e9)  # whole numbers add up exactly: ties stay ties
    found = stats.permutation_test(
        (whole,),
        np.sum,
        permutation_type="samples",
        n_resamples=flips,
        vectorized=True,
        rng=np.random.default_rng(seed),
    )
    return float(found.pvalue)


def equivalence_by_bootstrap(difference: Sampled, *, margin: float = MARGIN) -> float:
    """Test by two one-sided tests whether a difference lies within ± `margin`, over seeds and landscapes.

    Args:
        difference: Of two arms.
        margin: In IoU.

    Returns:
        The larger p of the two (Schuirmann 1987, Journal of Pharmacokinetics and Biopharmaceutics 15): the fraction of
        the scaled draws at or beyond that margin, one added to both counts. Below 5 % where the interval of 90 % lies
        within the margins.
    """
    draws = difference.scaled_draws(0.9)
    beyond = max(int((draws <= -margin).sum()), int((draws >= margin).sum()))
    return (beyond + 1) / (draws.size + 1)


def equivalence_by_t(differences: NDArray[np.floating], *, margin: float = MARGIN) -> float:
    """Test as `equivalence_by_bootstrap` does, but by t-tests over landscapes: differences (L,) of means over seeds.

    It knows nothing of other seeds. Where these moved the difference by 0.006, and landscapes and their interaction by
    0.01, it found arms equivalent that differ by the margin in 18 % of the experiments with 5 seeds on 40 landscapes.
    """
    sides = ((-margin, "greater"), (margin, "less"))
    return max(float(stats.ttest_1samp(differences, bound, alternative=side).pvalue) for bound, side in sides)


def holm(p: NDArray[np.floating]) -> NDArray[np.float64]:
    """Correct p values (N,) of one family by the method of Holm (1979, Scandinavian Journal of Statistics 6)."""
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(np.asarray(p, np.float64)[order] * np.arange(len(p), 0, -1))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(stepped, 1)
    return corrected
