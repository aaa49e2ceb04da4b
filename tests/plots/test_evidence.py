"""glaciersar.plots.evidence"""

import numpy as np
import pandas as pd
import pytest
from matplotlib import dates as mdates
from matplotlib.text import Text

from glaciersar.plots import evidence, results
from tests.support.legends import stand_clear

ARMS = ["one_date", "unet3d", "ulstm", "boosting", "second_annotator"]


def scores():
    iou = np.array([0.6, 0.8, 0.7, 0.65, 0.9])
    table = pd.DataFrame({"arm": ARMS, "iou": iou, "low": iou - 0.1, "high": iou + 0.05})
    means = {"mean_iou": iou - 0.02, "mean_low": iou - 0.2, "mean_high": iou + 0.08}
    return table.assign(**means, **{evidence.PAPER: [np.nan, 0.964, 0.964, np.nan, np.nan]})


def counts(tp, *, seeds=(1, 2), **more):
    """Counts of 100 pixels of glacier on two landscapes, by the tp of an arm; the next seed finds one more."""
    rows = [
        {"arm": arm, "seed": seed, "landscape": name, "tp": found + k, "fp": 0, "fn": 100 - found - k, "tn": 50} | more
        for arm, found in tp.items()
        for k, seed in enumerate(seeds)
        for name in ("a", "b")
    ]
    return pd.DataFrame(rows)


def by_number():
    tp = {f"{model}_{n}": 50 + n for model in evidence.MODELS for n in (1, 2, 3, 5, 8)}
    main = counts({"unet3d": 80, "ulstm": 75, "unet3d_shuffled": 20}, seeds=(1, 2, 3))
    return pd.concat([main, counts(tp), counts({"boosting": 10}, seeds=(1,))])


def single_dates():
    tables = [counts({"one_date": 20 + 3 * date}, date=date, chosen=date == 8) for date in range(15)]
    return pd.concat(tables, ignore_index=True)


def seasons():
    tp = {"whole year": 85, "without winter": 80, "without early summer": 70, "without autumn": 84}
    tp |= {f"first {n}": 50 + n for n in range(1, 15)} | {f"only {k}": 30 + k for k in range(15)}
    return pd.concat([counts({"unet3d_any": found}, choice=choice) for choice, found in tp.items()])


def differences():
    apart = np.array([0.03, -0.02, 0.001])
    table = pd.DataFrame({"arm": ["hv", "both", "half"], "other": "unet3d", "difference": apart})
    return table.assign(low=apart - 0.01, high=apart + 0.02, p_holm=[0.01, 0.2, 0.9])


def errors():
    classes = {"zone": ["ice", "snow_patch"], "incidence": ["28–32°"], "size": ["< 0.1 km²", "> 10 km²"]}
    classes |= {"view": ["seen", "layover", "shadow"]}
    rows = [
        {"arm": arm, "sea": sea, "division": division, "class": name, "tp": 60, "fp": 10 + k, "fn": 5, "tn": 25 - k}
        for k, (arm, sea) in enumerate((a, s) for a in ("unet3d", "ulstm", "mean") for s in ("counted", "masked"))
        for division, names in classes.items()
        for name in names
    ]
    return pd.DataFrame(rows)


def season_zones():
    wrong = {("whole year", "firn"): 5, ("without winter", "firn"): 15, ("without winter", "water"): 3}
    wrong |= {("whole year", "water"): 7}
    rows = [
        {
            "choice": choice,
            "zone": zone,
            "seed": seed,
            "tp": 50,
            "fp": share + 2 * seed,
            "fn": 0,
            "tn": 50 - share - 2 * seed,
        }
        for (choice, zone), share in wrong.items()
        for seed in (1, 2)
    ]
    return pd.DataFrame(rows)


def drift():
    rows = [("network", 0.0, "", 0.001), ("network", 1.0, "", 0.002), ("reference", np.nan, "ragged, smooth", -0.03)]
    table = pd.DataFrame(rows, columns=["source", "share", "style", "fraction"])
    return table.assign(low=table["fraction"] - 0.01, high=table["fraction"] + 0.02)


FIGURES = {
    "arms": lambda: evidence.arms(scores(), counts(dict.fromkeys(ARMS, 60))),
    "number_of_dates": lambda: evidence.number_of_dates(by_number(), single_dates()),
    "seasons": lambda: evidence.seasons(seasons()),
    "differences": lambda: evidence.differences(differences()),
    "errors": lambda: evidence.errors(errors()),
    "season_zones": lambda: evidence.season_zones(season_zones()),
    "drift": lambda: evidence.drift(drift()),
}


@pytest.mark.parametrize("name", [name for name in FIGURES if name != "season_zones"])  # numbers in a grid
def test_the_legend_stands_clear_of_the_panels(name, tmp_path):
    stand_clear(FIGURES[name](), tmp_path)


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_says_that_it_is_simulated_is_readable_and_small(name, tmp_path):
    figure = FIGURES[name]()
    texts = [text for text in figure.findobj(Text) if text.get_text()]
    assert any("simulated" in text.get_text() for text in texts)
    assert min(text.get_fontsize() for text in texts) >= 8
    results.save_figure(figure, tmp_path / "figure.png", note="")
    assert (tmp_path / "figure.png").stat().st_size <= 300_000


def ticks(axis):
    return [label.get_text() for label in axis.get_yticklabels()]


def intervals(axis):
    """Ends of the intervals that are drawn, by the label of their kind."""
    return {
        drawn.get_label(): [tuple(segment[:, 0]) for segment in drawn[2][0].get_segments()] for drawn in axis.containers
    }


def test_every_arm_has_its_interval_and_the_papers_number_an_axis_of_its_own():
    table = scores()
    axis, paper = FIGURES["arms"]().axes
    assert ticks(axis) == ["one_date", "unet3d", "ulstm", "boosting (no network)", "second_annotator (no network)"]
    found = intervals(axis)
    drawn = found["network, pooled"] + found["no network, pooled"]
    np.testing.assert_allclose(drawn, table[["low", "high"]])
    np.testing.assert_allclose(found["mean over landscapes"], table[["mean_low", "mean_high"]])
    stars = paper.collections[0].get_offsets()
    np.testing.assert_allclose(stars[~stars.mask.any(1)], [[0.964, 1], [0.964, 2]])
    assert not np.isclose(axis.get_xlim(), paper.get_xlim()).any()
    assert paper.get_title() == "paper, real data"


def test_a_dot_is_the_pooled_score_of_a_seed_and_what_is_no_network_has_none():
    axis = FIGURES["arms"]().axes[0]
    (dots,) = (found for found in axis.collections if found.get_label() == "one seed, pooled")
    expected = [(0.6 + 0.01 * k, row) for row in range(3) for k in range(2)]
    np.testing.assert_allclose(dots.get_offsets(), expected)


def lines(axis):
    return {line.get_label(): line for line in axis.lines if not str(line.get_label()).startswith("_")}


def test_the_score_by_number_of_dates_is_the_mean_over_the_seeds_that_all_arms_have():
    numbers = lines(FIGURES["number_of_dates"]().axes[0])
    assert set(numbers) == {"unet3d", "ulstm"}
    np.testing.assert_allclose(numbers["ulstm"].get_xdata(), [1, 2, 3, 5, 8, 15])
    np.testing.assert_allclose(numbers["ulstm"].get_ydata(), [0.515, 0.525, 0.535, 0.555, 0.585, 0.755])


def test_each_single_date_has_its_score_on_its_day_and_the_chosen_one_a_ring():
    year = FIGURES["number_of_dates"]().axes[1]
    (line,) = lines(year).values()
    np.testing.assert_allclose(line.get_ydata(), 0.205 + 0.03 * np.arange(15))
    np.testing.assert_array_equal(line.get_xdata(), evidence.DATES)
    (rings,) = (found for found in year.collections if found.get_label() == "chosen on validation, by seed")
    np.testing.assert_allclose(
        rings.get_offsets(), [(mdates.date2num(evidence.DATES[8]), 0.44 + k / 100) for k in (0, 1)]
    )


def test_seasons_left_out_stand_beside_the_whole_year_which_is_also_all_dates_from_january():
    left_out, year = FIGURES["seasons"]().axes
    assert ticks(left_out) == ["whole year", "without winter", "without early summer", "without autumn"]
    (means,) = (found for found in left_out.collections if found.get_label() == "mean over seeds")
    np.testing.assert_allclose(means.get_offsets()[:, 0], [0.855, 0.805, 0.705, 0.845])
    found = lines(year)
    growing, alone = found["from January to this date"], found["this date only"]
    np.testing.assert_allclose(growing.get_ydata(), [*(0.505 + 0.01 * np.arange(1, 15)), 0.855])
    np.testing.assert_allclose(alone.get_ydata(), 0.305 + 0.01 * np.arange(15))
    np.testing.assert_array_equal(growing.get_xdata(), alone.get_xdata())


def test_differences_have_their_intervals_and_say_which_are_more_than_chance():
    (axis,) = FIGURES["differences"]().axes
    assert ticks(axis) == ["hv − unet3d", "both − unet3d", "half − unet3d"]
    found = intervals(axis)
    np.testing.assert_allclose(found["more than chance (Holm, 5 %)"], [(0.02, 0.05)])
    np.testing.assert_allclose(found["may be chance"], [(-0.03, 0.0), (-0.009, 0.021)], atol=1e-12)


def test_an_error_is_the_share_of_wrong_pixels_with_the_sea_and_without():
    zone, incidence, size, view = FIGURES["errors"]().axes
    assert ticks(zone) == ["ice", "snow patch"]
    assert len(ticks(size)) == 2
    assert ticks(view) == ["seen", "layover", "shadow"]
    shares = {found.get_label(): found.get_offsets()[:, 0].tolist() for found in incidence.collections}
    assert shares == {
        "unet3d, sea counted": [15], "unet3d, sea masked": [16], "ulstm, sea counted": [17], "ulstm, sea masked": [18]
    }  # fmt: skip


def test_a_zone_without_a_season_shows_how_much_more_of_it_is_wrong():
    figure = evidence.season_zones(season_zones())
    assert {text.get_text() for text in figure.axes[0].texts} == {"+10.0", "-4.0"}


def test_drifts_stand_at_their_percent_and_say_what_was_drawn():
    axis = evidence.drift(drift()).axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == [
        "network, 0 % of its outlines ragged", "network, 100 % of its outlines ragged",
        "reference, ragged and then smooth",
    ]  # fmt: skip
    found = [value for line in axis.lines if line.get_marker() in "os" for value in line.get_xdata()]
    assert found == pytest.approx([0.1, 0.2, -3.0])
