"""What is compared: trainings on few tiles of another climate, from random weights and from weights that ship."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from glaciersar.simulate.settings import ArchiveSettings
from glaciersar.training.config import TrainConfig

SCRATCH, TUNED = "from scratch", "fine-tuned"
FULL_RATE, TENTH_RATE, DECODER_FIRST = "at the full rate", "at a tenth of it", "the decoder first"
AS_SHIPPED = "weights as they ship"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The whole comparison."""

    archive: ArchiveSettings
    """Landscapes of one tile each, seen in one year from one orbit: a tile is one series."""
    tests: int
    """Landscapes that are tested on. One more validates, by which nothing is chosen; the rest may be trained on."""
    least_ice: float
    """Share of glacier that each of them has, at least."""
    counts: tuple[int, ...]
    """Labelled tiles that are trained on; the fewer are among the more."""
    seeds: tuple[int, ...]
    """Each draws its tiles, first weights and patches."""
    start: str
    """Weights that fine-tuning starts from."""
    fresh: TrainConfig
    """From scratch."""
    tuned_steps: int
    """Steps of fine-tuning."""
    rates_at: int
    """Number of tiles at which other learning rates, and the decoder first, are compared."""

    def arms(self, tiles: int) -> Mapping[str, TrainConfig]:
        """Name the trainings on a number of tiles."""
        rate = self.fresh.learning_rate
        tuned = replace(self.fresh, weights=self.start, steps_per_epoch=self.tuned_steps, learning_rate=rate / 3)
        arms = {SCRATCH: self.fresh, TUNED: tuned}
        if tiles == self.rates_at:
            half = replace(tuned, epochs=2, steps_per_epoch=self.tuned_steps // 2, restarts=(2.0,), decoder_first=1)
            arms |= {FULL_RATE: replace(tuned, learning_rate=rate), TENTH_RATE: replace(tuned, learning_rate=rate / 10)}
            arms[DECODER_FIRST] = half
        return arms


PLAN = Plan(
    archive=ArchiveSettings(
        landscapes=20,
        tiles_per_side=1,
        pairing="one_series",
        place="13.9,66.6",
        climate="maritime",
        seed=11,
    ),
    tests=6,
    least_ice=0.05,
    counts=(1, 2, 4, 8),
    seeds=(1, 2),
    start="unet3d-simulated",
    fresh=TrainConfig(
        width=8,
        patch=48,
        batch=4,
        epochs=1,
        steps_per_epoch=120,
        learning_rate=3e-3,
        restarts=(1.0,),
        warmup=20,
        ema_decay=0.97,
        dropout=0.0,
        precision="float32",
        device="cpu",
        threads=1,
    ),
    tuned_steps=60,
    rates_at=2,
)
"""Few steps and a narrow network, so that two cores get through. The rate of fine-tuning was set beforehand."""
