"""tools.scaling"""

import re

import pytest
import yaml

from glaciersar.inference.sliding_window import DEFAULT_TILING, WindowLayout
from tools import scaling
from tools.scaling_page import PAGE


@pytest.fixture(scope="module")
def given():
    return yaml.safe_load((scaling.ROOT / "config/scaling.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def rates():
    return scaling.measured()


def test_the_committed_page_is_made_from_the_committed_tables(given, rates):
    committed = (scaling.ROOT / "docs/scaling.md").read_text(encoding="utf-8")
    assert committed == scaling.page(given, rates), "python -m tools.scaling writes it anew"
    assert committed.startswith(PAGE.partition("{years}")[0])


def test_the_measured_tile_takes_the_time_that_was_measured(rates):
    text = (scaling.ROOT / scaling.RESULTS).read_text(encoding="utf-8")
    section = text[text.index("### unet3d, a tile of 15 × 1152 × 1152") :]
    seconds = float(re.search(r"\| the default, openvino bf16 +\| +([\d.]+)", section)[1])
    layout = WindowLayout.over((1152, 1152), DEFAULT_TILING)
    windowed = len(layout.tops) * len(layout.lefts) * layout.size[0] * layout.size[1]
    assert windowed / rates.pixels["unet3d"] == pytest.approx(seconds)
    assert rates.pixels["ulstm"] < rates.pixels["unet3d"]


def test_the_operations_are_those_that_the_benchmark_counted():
    counted = dict(
        re.findall(
            r"### (\w+), width 32, one patch of 15 × 384 × 384: (\d+) GFLOP",
            (scaling.ROOT / scaling.RESULTS).read_text(encoding="utf-8"),
        )
    )
    for name in scaling.NETWORKS:
        assert scaling.flop_of_pixel(name, 15) * 384**2 / 1e9 == pytest.approx(float(counted[name]), rel=0.01)


def test_bytes_and_pixels_follow_from_their_definition(given, rates):
    svalbard, densest, sparsest = scaling.plans(given)
    size = svalbard.size(rates)
    assert svalbard.pixels == 40_000 * 48_000
    assert size["radar to read, TB"] * 1e12 == pytest.approx(40_000 * 48_000 * 15 * 10 * rates.stored)
    assert svalbard.windowed >= svalbard.pixels
    assert size["maps, TB"] * 1e12 == pytest.approx(svalbard.pixels * 10 * 5)
    assert densest.grids == pytest.approx(706_744 * 2.25 / 100, abs=1)
    assert sparsest.grids == pytest.approx(3 * densest.grids, abs=3)


def test_blocks_are_those_that_windows_touch():
    starts, side, block = [0, 500, 1001], 600, 512
    touched = [len({pixel // block for pixel in range(start, start + side)}) for start in starts]
    assert scaling._blocks(starts, side, block) == sum(touched)


def test_jobs_together_take_the_hours_of_the_plan_and_their_starts(given, rates):
    for plan in scaling.plans(given):
        jobs = plan.jobs(rates, "unet3d")
        hours = plan.time(rates, "unet3d")["2 threads, hours"]
        assert sum(jobs) == pytest.approx(hours + len(jobs) * given["limits"]["start"] / 3600)


def test_twice_the_price_costs_twice_as_much(given, rates):
    dearer = given | {"price": {name: 2 * value for name, value in given["price"].items()}}
    for plan, other in zip(scaling.plans(given), scaling.plans(dearer), strict=True):
        one, two = plan.time(rates, "ulstm"), other.time(rates, "ulstm")
        assert two["EUR"] == pytest.approx(2 * one["EUR"])
        assert two["EUR with a GPU"] == pytest.approx(2 * one["EUR with a GPU"])
        assert two["2 threads, hours"] == one["2 threads, hours"]
