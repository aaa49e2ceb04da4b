"""tools.ship_weights.card"""

import hashlib
import re

import numpy as np
import pandas as pd
import pytest
import yaml

from glaciersar.evaluation.metrics import Confusion
from glaciersar.models import pretrained, shipped
from tools.evidence.score import weights_of
from tools.real_radar import controls
from tools.real_radar.controls import Control
from tools.ship_weights.ship import ship


@pytest.fixture
def cards(plan, run, places):
    ship(plan, run, **places)
    return {name: (places["cards"] / f"{name}.md").read_text() for name in shipped.SHIPPED}


def iou_of(places, arm, *, against="reference", seed=1):
    counts = pd.read_csv(places["figures"] / "main" / "counts.csv")
    own = counts[(counts["arm"] == arm) & (counts["seed"] == seed) & (counts["against"] == against)]
    return Confusion(*(int(own[name].sum()) for name in ("tp", "fp", "fn", "tn"))).iou


def row(card, start):
    (line,) = [line for line in card.splitlines() if line.startswith(f"| {start} ")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_front_matter_is_that_of_hugging_face_with_the_scores_of_these_weights(cards, places):
    for name, card in cards.items():
        _, head, _ = card.split("---\n", 2)
        content = yaml.safe_load(head)
        assert {"license", "library_name", "pipeline_tag", "tags", "model-index"} == set(content)
        (result,) = content["model-index"][0]["results"]
        metrics = {metric["type"]: metric for metric in result["metrics"]}
        assert all("simulated" in metric["name"] for metric in metrics.values())
        assert metrics["iou"]["value"] == round(iou_of(places, name.removesuffix("-simulated")), 4)
        assert metrics["iou_truth"]["value"] == round(
            iou_of(places, name.removesuffix("-simulated"), against="truth"), 4
        )


def test_the_table_holds_these_weights_all_seeds_and_what_is_no_network(cards, places):
    for name, card in cards.items():
        own = row(card, "these weights")
        assert own[1] == "1"
        value, low, high = map(float, re.findall(r"[\d.]+", own[2]))
        assert value == round(iou_of(places, name.removesuffix("-simulated")), 3)
        assert low <= value <= high
        assert row(card, "all seeds")[1] == "3"
        for beside, arm in (("a second annotator", "second_annotator"), ("a threshold of", "threshold")):
            assert row(card, beside)[2].startswith(f"{iou_of(places, arm):.3f} (")
            assert row(card, beside)[1] == "–"


def test_a_card_says_all_that_it_must(cards, places):
    for name, card in cards.items():
        headings = re.findall(r"^## (.*)$", card, re.MULTILINE)
        assert headings == [
            "How to load it", "Data", "Recipe", "Scores, on *simulated* radar", "Real controls", "Limits",
            "Licence and file",
        ]  # fmt: skip
        assert f'pretrained.load("{name}")' in card
        assert hashlib.sha256((places["weights"] / f"{name}.safetensors").read_bytes()).hexdigest() in card
        assert row(card, "learning_rate")[1] == "0.003"
        assert "make evidence PART=main SEEDS=1" in card
        assert "GPL-2.0-only" in card
        assert not re.search(r"[{}]", card)


def test_without_real_data_a_card_says_that_nothing_real_was_measured(cards):
    for card in cards.values():
        assert "These weights have not been measured on real radar" in card
        assert "(../real-radar.md)" in card


def test_real_controls_are_the_shares_of_these_weights(plan, run, places, monkeypatch, rng):
    power = rng.gamma(4, 0.025, (15, 16, 16)).astype(np.float32)
    made = [Control(place="a place", name=name, power=power, months=(1,) * 15) for name in ("one", "two")]
    monkeypatch.setattr(controls, "read_controls", lambda data: made)
    ship(plan, run, "data", **places)
    for name in shipped.SHIPPED:
        card = (places["cards"] / f"{name}.md").read_text()
        network = pretrained.load(weights_of(run, name.removesuffix("-simulated"), 1))
        shares = controls.false_shares({"own": network}, made)
        (expected,) = shares.loc[shares["name"] == "all", "own"]
        assert row(card, "a place")[1] == expected
        assert "have not been measured" not in card
