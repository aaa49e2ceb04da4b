"""tools.real_radar on the real data: what it reads, and the committed page beside it."""

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from glaciersar import models, radiometry
from glaciersar.dataset import labelled_patches
from tools.real_radar import controls, folds, kongsfjorden, patches, report

PAGE = Path(__file__).resolve().parents[2] / "docs" / "real-radar.md"


def parse_tables(text):
    """Parse the tables of a Markdown text: for each its rows, cells by heading."""
    tables, rows = [], []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip().strip("|").split("|")])
        elif rows:
            heading, _, *body = rows
            tables.append([dict(zip(heading, cells, strict=True)) for cells in body])
            rows = []
    return tables


@pytest.fixture(scope="module")
def page():
    return PAGE.read_text()


@pytest.fixture(scope="module")
def tables(page):
    return parse_tables(page)


@pytest.fixture(scope="module")
def land(shared):
    return controls.read_controls(shared / "data")


@pytest.fixture(scope="module")
def named(shared):
    return labelled_patches.name_groups(patches.read_patches(shared / "data/caffe-patches"))


def numbers(text):
    return [float(number) for number in re.findall(r"\d\.\d{3}", text)]


def test_california_is_fifteen_winter_dates_of_four_bursts_in_order(land):
    bursts = [control for control in land if control.place == controls.CALIFORNIA]
    assert [burst.name for burst in bursts] == list(controls.BURSTS)
    assert all(burst.power.shape == (15, 100, 100) for burst in bursts)
    assert all(set(burst.months) <= {10, 11, 12, 1} for burst in bursts)


def test_the_forests_are_a_year_of_plausible_backscatter_from_january(land):
    samples = [control for control in land if control.place == controls.FORESTS]
    assert len(samples) == 9
    for sample in samples:
        assert sample.months == tuple(range(1, 13))
        assert -20 < np.median(radiometry.to_decibel(sample.power)) < -5


def test_any_network_can_be_counted_on_every_control(land):
    torch.manual_seed(1)
    model = models.build("unet3d", width=2).eval()
    for control in (land[0], land[-1]):
        called, seen = controls.glacier_counts(model, control)
        assert 0 <= called <= seen == control.power[0].size


def test_every_patch_of_the_index_has_a_group_and_the_shares_of_its_labels(shared, named):
    index = pd.read_csv(shared / "data/caffe-patches/index.csv").set_index("id")
    assert sorted(patch.id for patch in named.values()) == sorted(index.index)
    for patch in named.values():
        assert patch.labels[..., 1].mean() == pytest.approx(index.loc[patch.id, "glacier_frac"], abs=0.01)
        assert patch.labels.sum(-1).mean() == pytest.approx(1 - index.loc[patch.id, "na"], abs=0.01)


def test_the_folds_are_the_glaciers_of_the_index(named):
    glaciers = sorted({patch.glacier for patch in named.values()})
    assert len(glaciers) == 6
    for glacier in glaciers:
        split = folds.split_fold(named, glacier)
        trained = {patch.glacier for subset in ("train", "val") for _, patch in split[subset]}
        assert trained == set(glaciers) - {glacier}


@pytest.mark.slow
def test_the_simulated_series_lies_over_the_institutes_glaciers(shared):
    power, glacier = kongsfjorden.simulate_series(shared / "data")
    assert power.shape == (15, *glacier.shape)
    assert 0.6 < glacier.mean() < 0.8
    dates = radiometry.to_decibel(power)
    assert all(np.nanmean(np.abs(early - late)) > 0.1 for early, late in pairwise(dates))


def test_the_page_has_the_tables_of_the_tool(tables, named):
    shares, levels, scores, keys, fjord = tables
    assert [row["name"] for row in shares if row["place"] == controls.CALIFORNIA] == [*controls.BURSTS, "all"]
    for place in (controls.FORESTS, controls.FORESTS_AS_TRAINED):
        assert sum(row["place"] == place for row in shares) == 10
    assert [row["network"] for row in scores] == [folds.ALL_GLACIER, folds.AS_THEY_ARE, *folds.trained_arms(PAGE)]
    assert keys == labelled_patches.key_table(named).to_dict("records")
    assert [row["network"] for row in fjord] == list(report.MODELS)
    assert "real: forests of Finland" in {row["surface"] for row in levels}


def test_every_share_and_score_of_the_page_lies_between_0_and_1(tables):
    shares, _, scores, _, fjord = tables
    for row in [*shares, *scores, *fjord]:
        for heading, text in row.items():
            if heading not in ("place", "name", "network"):
                found = numbers(text)
                assert found or text == "–"
                assert all(0 <= number <= 1 for number in found)


def test_an_interval_of_the_page_holds_its_value(tables):
    shares, _, scores, _, _ = tables
    whole = [row[name] for row in shares if row["name"] == "all" for name in report.MODELS]
    pooled = [row[heading] for row in scores for heading in ("IoU, pooled", "IoU, mean of glaciers")]
    for text in whole + pooled:
        value, low, high = numbers(text)
        assert low <= value <= high


def test_the_share_of_all_is_the_mean_of_bursts_or_samples_of_one_size(tables):
    for place in (controls.CALIFORNIA, controls.FORESTS, controls.FORESTS_AS_TRAINED):
        for name in report.MODELS:
            *each, whole = [numbers(row[name])[0] for row in tables[0] if row["place"] == place]
            assert whole == pytest.approx(np.mean(each), abs=0.002)


def test_all_called_glacier_scores_as_the_patches_say(tables, named):
    row = next(row for row in tables[2] if row["network"] == folds.ALL_GLACIER)
    seen = sum((patch.labels.sum(-1) > 0).sum() for patch in named.values())
    glacier = sum((patch.labels[..., 1] > 0.5).sum() for patch in named.values())
    assert numbers(row["IoU, pooled"])[0] == pytest.approx(glacier / seen, abs=0.001)


def test_the_page_names_no_folder_of_a_machine(page):
    assert not re.search(r"(?<![\w:/.])/(tmp|home|work|root|Users)\b", page)
