"""A run of the experiment as far as shipping needs it: weights, counts, tables, a stamp."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from glaciersar import models
from glaciersar.models import pretrained
from tools.evidence import stamp, tables
from tools.evidence.plan import MAIN, read_plan
from tools.evidence.score import weights_of, write

LANDSCAPES = ["SVAL-7-10_2016_ro14", "SVAL-9-12_2020_ro174", "SVAL-21-30_2016_ro174"]
ARMS = {"unet3d": 900, "ulstm": 850, "second_annotator": 970, "threshold": 500}


@pytest.fixture(scope="module")
def plan():
    return read_plan()


def made_counts(rng):
    """Counts of 1000 glacier pixels a landscape, of which an arm finds about as many as `ARMS` says."""
    rows = [
        {"arm": arm, "seed": seed, "landscape": name, "against": against, "tp": tp, "fp": fp, "fn": 1000 - tp}
        for arm, most in ARMS.items()
        for seed in ([1, 2, 3] if arm in ("unet3d", "ulstm") else [1])
        for name in LANDSCAPES
        for against in ("reference", "truth")
        for tp, fp in [(most + int(rng.integers(-20, 20)), int(rng.integers(50)))]
    ]
    return pd.DataFrame(rows).assign(tn=5000, median=80.0, p95=400.0)


@pytest.fixture
def run(tmp_path, rng):
    """Folder of a run with tiny networks, and beside it figures/main with its tables."""
    torch.manual_seed(1)
    counts = made_counts(rng)
    for arm in ("unet3d", "ulstm"):
        network = models.build(arm, width=2)
        with torch.no_grad():
            for value in network.parameters():
                value += torch.from_numpy(rng.normal(0, 0.01, value.shape).astype(np.float32))
        metadata = {"feature_names": "grd", "recipe": "corrected", "seed": "1", "trained_on": "simulated radar"}
        pretrained.save(network, weights_of(tmp_path / "run", arm, 1), **metadata)
        own = counts[(counts["arm"] == arm) & (counts["seed"] == 1)]
        write(own.drop(columns=["arm", "seed"]), tmp_path / "run" / "scores" / arm / "1" / "counts.csv")
    main = tmp_path / "figures" / MAIN
    write(counts, main / "counts.csv")
    seedless = ("second_annotator", "threshold")
    write(tables.summarize(counts, seedless=seedless).assign(**{"paper, real data": np.nan}), main / "scores.csv")
    write(counts[(counts["seed"] == 1) & ~counts["arm"].isin(seedless)], main / "seed-1" / "counts.csv")
    stamp.write_stamp(main / "seed-1" / "stamp.json", command="make evidence PART=main SEEDS=1", plan="", seconds=9)
    return tmp_path / "run"


@pytest.fixture
def places(run):
    """Where to ship to, as keywords of `ship`."""
    root: Path = run.parent
    return {"figures": root / "figures", "weights": root / "weights", "cards": root / "cards"}
