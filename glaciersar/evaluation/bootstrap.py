"""Two-way bootstrap of a ratio over seeds and landscapes, which another run of an experiment would draw anew."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from glaciersar.errors import InputError

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Sampled:
    """A ratio, measured with S seeds on L landscapes, and how far other seeds and landscapes would move it.

    Two that were drawn together subtract, draw by draw.
    """

    estimate: float
    """From all seeds and landscapes."""
    draws: Array
    """(D,) the ratio in each bootstrap sample."""
    influence: Array
    """(S, L) by how much each seed on each landscape moves the ratio, times S · L; their mean is 0."""

    def __sub__(self, other: "Sampled") -> "Sampled":
        return Sampled(
            estimate=self.estimate - other.estimate,
            draws=self.draws - other.draws,
            influence=self.influence - other.influence,
        )

    def variance(self) -> tuple[float, float]:
        """Compute the variance of the estimate over seeds and landscapes, both drawn at random, and its freedom.

        The variance is V_S + V_L − V_SL: that of the means of seeds, plus that of the means of landscapes, less that of
        the interaction, which both contain. A difference below the larger of the two is raised to it.

        Returns:
            The variance, and its degrees of freedom by Satterthwaite (1946, Biometrics Bulletin 2), at least 1.
        """
        seeds, landscapes = self.influence.shape
        of_seed, of_landscape = self.influence.mean(1), self.influence.mean(0)  # (S,), (L,)
        both = self.influence - of_seed[:, None] - of_landscape[None, :] + self.influence.mean()
        sources = [
            (float((values**2).sum()) / freedom / size, freedom)
            for values, freedom, size in (
                (of_seed - of_seed.mean(), seeds - 1, seeds),
                (of_landscape - of_landscape.mean(), landscapes - 1, landscapes),
                (both, (seeds - 1) * (landscapes - 1), seeds * landscapes),
            )
            if freedom  # a single seed has no variance of its own
        ]
        parts = [part for part, _ in sources]
        variance = max(parts) if len(parts) == 1 else max(parts[0] + parts[1] - parts[2], parts[0], parts[1])
        spread = sum(part**2 / freedom for part, freedom in sources)
        return variance, max(variance**2 / spread, 1.0) if spread else float("inf")

    def scaled_draws(self, level: float = 0.95) -> Array:
        """Widen the draws about the estimate so that their quantiles bound an interval of the given level.

        Few seeds or landscapes scatter less about their own mean than about that of all, by (n − 1)/n in variance,
        and drawing both counts their interaction three times (Owen 2007, Annals of Applied Statistics 1). So the draws
        give the shape only. Their standard deviation becomes that of `variance` times t/z, by which Student's t is
        wider than the normal distribution.
        """
        variance, freedom = self.variance()
        spread = float(self.draws.std())
        if spread == 0:
            return self.draws
        tail = (1 + level) / 2
        wider = float(stats.t.ppf(tail, freedom) / stats.norm.ppf(tail))
        scaled: Array = self.estimate + (self.draws - self.estimate) * (variance**0.5 * wider / spread)
        return scaled

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Bound the ratio by quantiles of the scaled draws; a fraction `level` of such intervals holds the truth."""
        low, high = np.quantile(self.scaled_draws(level), ((1 - level) / 2, (1 + level) / 2))
        return float(low), float(high)


def bootstrap_ratios(part: Array, whole: Array, *, draws: int = 10_000, seed: int = 0) -> list[Sampled]:
    """Draw seeds and landscapes with replacement, the same for all arms, and compute Σ part / Σ whole of each arm.

    With counts it is a pooled score: IoU of Σ tp / Σ (tp + fp + fn). With scores and ones it is their mean.

    Args:
        part: (A, S, L) arms, seeds, landscapes.
        whole: (A, S, L) positive.
        draws: D, bootstrap samples.
        seed: Of the random numbers.

    Returns:
        One ratio an arm.

    Raises:
        InputError: There are fewer than two landscapes, or a whole is not positive.
    """
    arms, seeds, landscapes = part.shape
    if landscapes < 2:
        raise InputError(f"{landscapes} landscape found, at least 2 expected for an interval")
    if not (whole > 0).all():
        raise InputError(f"a whole of {whole.min():g} found, positive ones expected in every seed and landscape")
    rng = np.random.default_rng(seed)
    of_seed = rng.multinomial(seeds, np.full(seeds, 1 / seeds), draws).astype(np.float64)  # (D, S) how often
    of_landscape = rng.multinomial(landscapes, np.full(landscapes, 1 / landscapes), draws).astype(np.float64)  # (D, L)
    found = []
    for arm in range(arms):
        above, below = ((of_seed @ values[arm] * of_landscape).sum(1) for values in (part, whole))  # (D,)
        estimate = float(part[arm].sum() / whole[arm].sum())
        influence = (part[arm] - estimate * whole[arm]) / whole[arm].mean()  # (S, L)
        found.append(Sampled(estimate=estimate, draws=above / below, influence=influence))
    return found
