"""tools.ship_weights.ship"""

import pandas as pd
import pytest
import torch

from glaciersar import models
from glaciersar.errors import InputError
from glaciersar.models import pretrained, shipped
from tools.evidence.score import weights_of, write
from tools.ship_weights import ship as ship_module
from tools.ship_weights.ship import ship

ENDS = [".safetensors", ".json", ".md"]


def test_what_is_shipped_is_loaded_by_name_and_maps_as_the_weights_of_the_run(plan, run, places, monkeypatch):
    written = ship(plan, run, **places)
    assert sorted(path.name for path in written) == sorted(f"{name}{e}" for name in shipped.SHIPPED for e in ENDS)
    monkeypatch.setattr(shipped, "WEIGHTS", places["weights"])
    for name in shipped.SHIPPED:
        network, before = pretrained.load(name), pretrained.load(weights_of(run, name.removesuffix("-simulated"), 1))
        series = torch.rand(1, 1, 3, 16, 16)
        with torch.no_grad():
            assert torch.equal(network(series), before(series))
        assert network.metadata == before.metadata | {"licence": "GPL-2.0-only", "name": name}


def test_the_same_run_ships_the_same_bytes(plan, run, places):
    first = [path.read_bytes() for path in ship(plan, run, **places)]
    assert [path.read_bytes() for path in ship(plan, run, **places)] == first


def missing_weights(run, places):
    weights_of(run, "ulstm", 1).unlink()


def other_network(run, places):
    weights_of(run, "ulstm", 1).write_bytes(weights_of(run, "unet3d", 1).read_bytes())


def trained_on_real_radar(run, places):
    pretrained.save(models.build("ulstm", width=2), weights_of(run, "ulstm", 1), trained_on="Sentinel-1")


def tables_of_another_run(run, places):
    path = run / "scores" / "ulstm" / "1" / "counts.csv"
    counts = pd.read_csv(path)
    counts.assign(tp=counts["tp"] + 1).to_csv(path, index=False)


def no_tables(run, places):
    (places["figures"] / "main" / "seed-1" / "counts.csv").unlink()


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (missing_weights, r"ulstm/1/weights\.safetensors: not there, weights of `make evidence` expected"),
        (other_network, "unet3d trained on simulated radar found, ulstm trained on simulated radar expected"),
        (trained_on_real_radar, "ulstm trained on Sentinel-1 found, ulstm trained on simulated radar expected"),
        (tables_of_another_run, r"ulstm/1/counts\.csv: other counts found than in the committed tables"),
        (no_tables, r"main/seed-1/counts\.csv: no such table, expected one of `make evidence`"),
    ],
)
def test_a_run_that_does_not_fit_is_refused_and_nothing_is_written(plan, run, places, spoil, sentence):
    spoil(run, places)
    with pytest.raises(InputError, match=sentence):
        ship(plan, run, **places)
    assert not places["weights"].exists()
    assert not places["cards"].exists()


def test_weights_ship_before_a_seed_has_all_arms_beside_what_is_no_network(plan, run, places):
    main = places["figures"] / "main"
    counts = pd.read_csv(main / "counts.csv")
    write(counts[counts["arm"].isin(["second_annotator", "threshold"])], main / "baselines.csv")
    for name in ("counts.csv", "scores.csv"):
        (main / name).unlink()
    ship(plan, run, **places)
    card = (places["cards"] / "unet3d-simulated.md").read_text()
    assert "a second annotator" in card
    assert "| all seeds" not in card


def test_weights_that_are_too_large_to_ship_are_refused(plan, run, places, monkeypatch):
    monkeypatch.setattr(ship_module, "LARGEST", 1000)
    with pytest.raises(InputError, match=r"weights of [\d,]+ bytes in all found, less than 1,000 expected to ship"):
        ship(plan, run, **places)
    assert not places["weights"].exists()


def test_the_networks_of_the_experiment_are_small_enough_to_ship(plan):
    sizes = [
        sum(value.nbytes for value in models.build(arm, width=plan.training["width"]).state_dict().values())
        for arm in ("unet3d", "ulstm")
    ]
    assert sum(sizes) < 0.8 * ship_module.LARGEST
