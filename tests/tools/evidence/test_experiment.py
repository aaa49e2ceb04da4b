"""The experiment of `make evidence`: its plan, a tiny run of it, and whether committed tables are of this code."""

import json
import shutil

import pandas as pd
import pytest
import yaml

from glaciersar.errors import InputError
from glaciersar.evaluation.metrics import Confusion
from glaciersar.simulate.settings import ArchiveSettings
from tests.support.evidence_tables import write_tables
from tools.evidence import __main__ as evidence
from tools.evidence import check, data, score, stamp
from tools.evidence import tables as tables_module
from tools.evidence.plan import FIGURES, MAIN, PLAN, Arm, Part, Shift, read_plan

TINY = {  # passes of 24 days: few, and still 15 a year
    "archives": {
        MAIN: {
            "landscapes": 12, "controls": 1, "tiles_per_side": 1, "pixel": 200.0, "years": [2016, 2020],
            "relative_orbits": [14, 174], "pairing": "one_series", "repeat_days": 24, "missing_share": 0.0, "seed": 7,
        },
        "pairs": {
            "landscapes": 6, "tiles_per_side": 1, "pixel": 200.0, "years": [2016, 2020],
            "relative_orbits": [14, 174], "pairing": "one_orbit", "repeat_days": 24, "missing_share": 0.0, "seed": 9,
        },
    },
    "subsets": {"test": 4, "val": 2, "least_ice": 0.05},
    "datasets": {
        MAIN: {"archive": MAIN}, "truth": {"archive": MAIN, "label_error": 0.0},
        "orbit_14": {"archive": MAIN, "train_on": {"relative_orbit": 14}},
        "ragged_0": {"archive": MAIN, "ragged_share": 0.0}, "ragged_100": {"archive": MAIN, "ragged_share": 1.0},
        "pairs": {"archive": "pairs", "test": 2, "val": 1},
    },
    "training": {
        "width": 2, "patch": 16, "batch": 2, "epochs": 1, "steps_per_epoch": 2, "learning_rate": 0.003,
        "restarts": [1.0], "ema_decay": 0.9, "dropout": 0.0, "precision": "float32", "threads": 1,
    },
    "parts": {
        MAIN: {"seeds": [1, 2], "arms": {
            "one_date": {"model": "unet2d", "date_sampling": "one"}, "mean": {"model": "unet2d_mean"},
            "statistics": {"model": "unet2d_statistics"}, "channels": {"model": "unet2d_channels"},
            "unet3d": {}, "unet3d_shuffled": {"date_sampling": "shuffled"}, "ulstm": {"model": "ulstm"},
            "ulstm_deep": {"model": "ulstm_deep"}, "unet3d_weighted": {"model": "unet3d_weighted"},
            "unet3d_as_released": {"recipe": "as_released"},
        }},
        "more": {"seeds": [1], "arms": {"truth": {"data": "truth"}, "any": {"date_sampling": "subset"}},
                 "shifted": {"ulstm": ["orbit_14"]}},  # with the test landscapes of main
        "short": {"seeds": [1], "arms": {"unet3d_short": {"steps_per_epoch": 1}}},
        "drift": {"seeds": [1], "training": {"steps_per_epoch": 1},
                  "arms": {"ragged_0": {"data": "ragged_0"}, "ragged_100": {"data": "ragged_100"}}},
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    path = tmp_path_factory.mktemp("plan") / "evidence.yaml"
    path.write_text(yaml.safe_dump(TINY))
    return read_plan(path)


@pytest.fixture(scope="module")
def work(plan, tmp_path_factory):
    """The archive and the datasets of the tiny plan."""
    folder = tmp_path_factory.mktemp("evidence")
    for what, names in (("archive", plan.archives), ("dataset", plan.datasets)):
        for name in names:
            evidence.make(plan, what, [name], work=folder)
    return folder


@pytest.fixture(scope="module")
def tables(plan, work, tmp_path_factory):
    """The tables of both parts."""
    figures = tmp_path_factory.mktemp("figures")
    evidence.make(plan, "baselines", [], work=work)
    for name, part in plan.parts.items():
        for arm in part.arms:
            for seed in part.seeds:
                evidence.make(plan, "score", [arm, str(seed)], work=work)
        if part.shifts:
            evidence.make(plan, "shifted", [str(part.seeds[0])], work=work)
        evidence.make(plan, "tables", [name], work=work, figures=figures)
    return figures


def test_the_committed_plan_can_be_trained_and_its_archives_simulated():
    plan = read_plan()
    assert len(plan.parts[MAIN].seeds) >= 6
    assert plan.subsets["test"] == 50
    for settings in plan.archives.values():
        ArchiveSettings(**settings)


def test_a_part_is_compared_with_the_unet3d_that_is_trained_as_long(plan, tmp_path):
    references = {name: plan.reference(part)[1].name for name, part in plan.parts.items()}
    assert references == {MAIN: "unet3d", "more": "unet3d", "short": "unet3d", "drift": "unet3d_short"}
    assert plan.arm("ragged_0").config(plan.training, seed=1).steps_per_epoch == 1
    other = TINY["parts"] | {"more": {"seeds": [1], "training": {"epochs": 9}, "arms": {}}}
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(TINY | {"parts": other}))
    with pytest.raises(
        InputError, match=r"no unet3d with \{'epochs': 9\} found, one expected to compare part more with"
    ):
        read_plan(tmp_path / "plan.yaml")
    other = TINY["parts"] | {"drift": TINY["parts"]["drift"] | {"seeds": [1, 2]}}
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(TINY | {"parts": other}))
    with pytest.raises(InputError, match=r"seeds \[1, 2\] of part drift found, those of short expected"):
        read_plan(tmp_path / "plan.yaml")


def test_an_arm_whose_dataset_is_not_listed_is_refused(tmp_path):
    wrong = TINY | {"parts": {MAIN: {"seeds": [1], "arms": {"unet3d": {"data": "none"}}}}}
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(wrong))
    with pytest.raises(InputError, match="dataset 'none' of arm unet3d found"):
        read_plan(tmp_path / "plan.yaml")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"seeds": [3], "shifted": {"ulstm": ["truth"]}}, r"shifted arm 'ulstm' with seeds \[3\] found"),
        ({"seeds": [1], "shifted": {"any": ["truth"]}}, r"shifted arm 'any' with seeds \[1\] found"),
        ({"seeds": [1], "shifted": {"ulstm": ["none"]}}, "shifted dataset 'none' found"),
    ],
)
def test_weights_that_are_not_trained_or_have_no_dataset_to_be_scored_on_are_refused(tmp_path, more, message):
    wrong = TINY | {"parts": TINY["parts"] | {"more": {"arms": {}} | more}}
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(wrong))
    with pytest.raises(InputError, match=message):
        read_plan(tmp_path / "plan.yaml")


def made_counts(tp, *, landscapes=("a", "b", "c"), seeds=(1, 2)):
    """Counts of arms without false positives, 100 pixels of glacier in a landscape."""
    rows = [
        {"arm": arm, "seed": seed, "landscape": name, "against": against, "tp": found - k, "fn": 100 - found + k}
        for arm, found in tp.items()
        for seed in seeds
        for k, name in enumerate(landscapes)
        for against in ("reference", "truth")
    ]
    return pd.DataFrame(rows).assign(fp=0, tn=9, median=1.0, p95=2.0)


def made_part(arms, shifts=(), training=None):
    named = {name: Arm(name=name, data=MAIN, options=options) for name, options in arms.items()}
    shifted = {f"{arm}_{data}": Shift(name=f"{arm}_{data}", arm=arm, data=data) for arm, data in shifts}
    return Part(name="made", seeds=[1], training=training or {}, arms=named, shifts=shifted)


@pytest.mark.filterwarnings("ignore:Precision loss")  # the made differences are the same on every landscape
def test_a_part_is_compared_with_unet3d_of_main_on_the_same_seeds_and_landscapes():
    main = made_counts({"unet3d": 80, "ulstm": 70, "mean": 20})
    main.loc[main["seed"] == 2, ["tp", "fn"]] = 1, 99  # a seed that the part has not
    part = made_part({"unet3d_2x": {}, "ulstm_2x": {"model": "ulstm"}, "elsewhere": {"width": 4}}, [("ulstm", "dark")])
    counts = pd.concat(
        [
            made_counts({"unet3d_2x": 84, "ulstm_2x": 75, "ulstm_dark": 60}, seeds=[1]),
            made_counts({"elsewhere": 50}, landscapes=("a", "b", "d"), seeds=[1]),
        ]
    )
    table = tables_module.compare_with_reference(part, counts, main, reference="unet3d").set_index(["arm", "other"])[
        "difference"
    ]
    assert table.to_dict() == pytest.approx(
        {
            ("unet3d_2x", "unet3d"): 0.04,
            ("ulstm_2x", "unet3d"): -0.05,
            ("ulstm_2x", "unet3d_2x"): -0.09,
            ("ulstm_dark", "ulstm"): -0.10,
        }
    )


def test_shifted_weights_that_were_scored_on_other_landscapes_are_refused():
    part = made_part({}, [("ulstm", "dark")])
    counts = made_counts({"ulstm_dark": 60}, landscapes=("a", "b", "d"), seeds=[1])
    with pytest.raises(InputError, match="other test landscapes of ulstm_dark found, those of main expected"):
        tables_module.compare_with_reference(part, counts, made_counts({"unet3d": 80, "ulstm": 70}), reference="unet3d")


def test_arms_of_other_landscapes_stand_in_one_table_each_scored_on_its_own():
    one, other = made_counts({"blocked": 60}, landscapes=("e", "f")), made_counts({"hv": 70, "both": 80})
    table = tables_module.summarize(pd.concat([one, other]))
    assert list(table["arm"]) == ["blocked", "hv", "both"]
    alone = tables_module.summarize(one).iloc[0]
    assert table.iloc[0].equals(alone)


def test_a_test_tile_without_glacier_in_the_reference_is_left_out_of_the_scores():
    counts = made_counts({"random": 60})
    empty = counts[counts["landscape"] == "a"].assign(landscape="empty", tp=0, fn=0, fp=0)
    pd.testing.assert_frame_equal(tables_module.summarize(pd.concat([counts, empty])), tables_module.summarize(counts))


@pytest.mark.slow
def test_shifted_weights_score_on_the_same_landscapes_what_they_scored_there_before(plan, work, tables):
    before, after = (pd.read_csv(work / "scores" / name / "1" / "counts.csv") for name in ("ulstm", "ulstm_orbit_14"))
    pd.testing.assert_frame_equal(before, after)
    differences = pd.read_csv(tables / "more" / "differences.csv").set_index("arm")
    assert differences.loc["ulstm_orbit_14", ["other", "difference"]].tolist() == ["ulstm", 0]
    with pytest.raises(InputError, match=r"weights\.safetensors: not there; .* score ulstm 2"):
        score.score_shift(plan, plan.parts["more"].shifts["ulstm_orbit_14"], 2, work / "nothing")


@pytest.mark.slow
def test_a_part_with_a_network_for_any_dates_has_a_table_of_seasons(tables):
    seasons = pd.read_csv(tables / "more" / "seasons.csv")
    assert set(seasons["arm"]) == {"any"}
    assert {"whole year", "without winter", "first 1", "only 14"} < set(seasons["choice"])
    assert not (tables / MAIN / "seasons.csv").exists()
    zones = pd.read_csv(tables / "more" / "season_zones.csv")
    columns = ["tp", "fp", "fn", "tn"]
    by_zone, by_landscape = (table.groupby("choice")[columns].sum() for table in (zones, seasons))
    assert set(by_zone.index) == {name for name in by_landscape.index if name[:5] in ("whole", "witho")}
    pd.testing.assert_frame_equal(by_zone, by_landscape.loc[by_zone.index])


@pytest.mark.slow
def test_test_landscapes_have_glaciers_and_no_landscape_is_in_two_subsets(plan, work):
    subset = data.assign_subsets(plan, MAIN, work / "archives" / MAIN)
    settings = ArchiveSettings(**plan.archives[MAIN])
    assert len(subset) == 13  # a landscape is one tile, and the control trains
    assert [list(subset.values()).count(name) for name in ("test", "val")] == [4, 2]
    for k in range(12):
        if subset[settings.corner(k)] == "test":
            assert data.ice_fraction(work / "archives" / MAIN, k) >= 0.05
    one_orbit = data.assign_subsets(plan, "orbit_14", work / "archives" / MAIN)
    left_out = set(subset) - set(one_orbit)
    assert left_out
    assert {subset[tile] for tile in left_out} == {"train"}


@pytest.mark.slow
def test_the_main_table_has_every_arm_with_an_interval_and_the_papers_number_apart(plan, tables):
    scores = pd.read_csv(tables / MAIN / "scores.csv").set_index("arm")
    assert set(plan.parts[MAIN].arms) < set(scores.index)
    assert {"threshold", "boosting", "second_annotator", "truth"} < set(scores.index)
    assert scores.loc["truth", "iou_truth"] == 1
    assert scores.loc["truth", "iou"] < 1
    assert (scores["low"] <= scores["iou"]).all()
    assert (scores["iou"] <= scores["high"]).all()
    assert scores["paper, real data"].dropna().to_dict() == {"unet3d": 0.964, "ulstm": 0.964}
    assert scores.loc["second_annotator", "iou_truth"] > scores.loc["second_annotator", "iou"] - 0.1
    assert "simulated" in (tables / MAIN / "scores.md").read_text()


def test_the_figures_of_all_parts_lie_beside_the_tables(tmp_path, capsys):
    evidence.make(read_plan(), "figures", [], figures=write_tables(tmp_path))
    drawn = {path.stem for path in tmp_path.glob("evidence-*.png")}
    parts = {f"evidence-differences-{part}" for part in ("main", "steps", "dates", "data", "training")}
    others = ("arms", "errors", "dates", "seasons", "season-zones", "drift")
    assert drawn == parts | {f"evidence-{name}" for name in others}
    assert not capsys.readouterr().out


@pytest.mark.slow
def test_the_scores_are_those_of_the_counts(tables):
    counts = pd.read_csv(tables / MAIN / "counts.csv")
    own = counts[(counts["arm"] == "unet3d") & (counts["against"] == "reference")]
    total = Confusion(*(int(own[name].sum()) for name in ("tp", "fp", "fn", "tn")))
    scores = pd.read_csv(tables / MAIN / "scores.csv").set_index("arm")
    assert scores.loc["unet3d", "f1"] == pytest.approx(total.f1)
    assert scores.loc["unet3d", "iou"] == pytest.approx(total.iou)


@pytest.mark.slow
def test_a_seed_may_be_scored_arm_by_arm_and_counts_once_it_has_all(plan, work, tables, tmp_path, capsys):
    part, scores, figures = plan.parts["more"], tmp_path / "scores", tmp_path / "figures"
    shutil.copytree(tables / MAIN, figures / MAIN)
    shutil.copytree(work / "scores" / "truth", scores / "truth")
    evidence.make(plan, "tables", ["more"], work=tmp_path, figures=figures)
    assert "seed 1 is left out of the tables until it has any, ulstm_orbit_14" in capsys.readouterr().out
    assert tables_module.missing_arms(part, 1, figures / "more") == ["any", "ulstm_orbit_14"]
    assert not (figures / "more" / "scores.csv").exists()
    shutil.rmtree(scores / "truth")
    for arm in ("any", "ulstm_orbit_14"):  # at another time
        shutil.copytree(work / "scores" / arm, scores / arm)
    evidence.make(plan, "tables", ["more"], work=tmp_path, figures=figures)
    for name in ("seed-1/counts.csv", "scores.csv", "differences.csv"):
        assert (figures / "more" / name).read_bytes() == (tables / "more" / name).read_bytes()


@pytest.mark.slow
def test_scores_of_other_code_are_not_kept_beside_new_ones(plan, work, tables, tmp_path):
    figures, path = tmp_path / "figures", tmp_path / "figures" / "more" / "seed-1" / "stamp.json"
    shutil.copytree(tables, figures)
    path.write_text(json.dumps(stamp.read_stamp(path) | {"code": "of yesterday"}))
    shutil.copytree(work / "scores" / "any", tmp_path / "scores" / "any")
    evidence.make(plan, "tables", ["more"], work=tmp_path, figures=figures)
    assert tables_module.missing_arms(plan.parts["more"], 1, figures / "more") == ["truth", "ulstm_orbit_14"]
    assert stamp.read_stamp(path)["code"] == stamp.code_hash()


@pytest.mark.slow
def test_the_best_single_date_is_chosen_once_for_a_seed(tables):
    dates = pd.read_csv(tables / MAIN / "dates.csv")
    assert (dates[dates["chosen"]].groupby("seed")["date"].nunique() == 1).all()


@pytest.mark.slow
def test_the_same_seed_gives_the_same_counts_to_the_bit(plan, work, tables, tmp_path):
    before = (work / "scores" / "mean" / "1" / "counts.csv").read_bytes()
    for name in ("archives", "datasets"):
        (tmp_path / name).symlink_to(work / name)
    evidence.make(plan, "score", ["mean", "1"], work=tmp_path)
    assert (tmp_path / "scores" / "mean" / "1" / "counts.csv").read_bytes() == before


@pytest.mark.slow
def test_a_stamp_says_what_made_the_tables(plan, tables):
    content = json.loads((tables / "more" / "seed-1" / "stamp.json").read_text())
    assert content["command"] == "make evidence PART=more SEEDS=1"
    assert content["code"] == stamp.code_hash()
    assert content["plan"] == stamp.plan_hash(plan, plan.parts["more"])
    assert content["seconds"] > 0


def test_other_steps_an_other_archive_or_arm_change_the_hash_of_a_plan(tmp_path):
    found = set()
    changed = (
        {},
        {"training": TINY["training"] | {"epochs": 2}},
        {"archives": TINY["archives"] | {MAIN: TINY["archives"][MAIN] | {"seed": 8}}},
        {"parts": TINY["parts"] | {"more": {"seeds": [1], "arms": {"any": {"date_sampling": "subset"}}}}},
    )
    for change in changed:
        (tmp_path / "plan.yaml").write_text(yaml.safe_dump(TINY | change))
        plan = read_plan(tmp_path / "plan.yaml")
        found.add(stamp.plan_hash(plan, plan.parts["more"]))
    assert len(found) == len(changed)


def test_comments_and_docstrings_do_not_change_the_hash_and_code_does(tmp_path):
    texts = {
        "plain": 'def double(x):\n    return 2 * x\n',
        "told": 'def double(x):\n    """Double."""\n    return 2 * x  # twice\n',
        "other": 'def double(x):\n    return 3 * x\n',
    }  # fmt: skip
    found = {}
    for name, text in texts.items():
        (tmp_path / f"{name}.py").write_text(text)
        found[name] = stamp.parsed(tmp_path / f"{name}.py")
    assert found["plain"] == found["told"] != found["other"]


def test_a_stamp_names_all_processors_that_scored_arms_of_this_code(tmp_path, monkeypatch):
    path = tmp_path / "stamp.json"
    for name, expected in (("one", "one"), ("two", "one and two"), ("one", "one and two")):
        monkeypatch.setattr(stamp, "processor", lambda name=name: name)
        stamp.write_stamp(path, command="make evidence", plan="", seconds=1)
        assert stamp.read_stamp(path)["processor"] == expected
    path.write_text(json.dumps(stamp.read_stamp(path) | {"code": "of yesterday"}))
    stamp.write_stamp(path, command="make evidence", plan="", seconds=1)
    assert stamp.read_stamp(path)["processor"] == "one"


@pytest.mark.parametrize("path", sorted(FIGURES.glob("*/seed-*/stamp.json")), ids=str)
def test_committed_tables_are_of_this_code(path):
    content = stamp.read_stamp(path)
    assert content["code"] == stamp.code_hash(), (
        f"{path.parent}: made by other code; renew it by `{content['command']}`, or, if results have not changed, "
        f"by `make evidence-check`, which trains one arm anew and compares"
    )
    plan = read_plan()
    assert content["plan"] == stamp.plan_hash(plan, plan.parts[path.parts[-3]]), f"{PLAN} has changed since {path}"
    assert (path.parent / "counts.csv").exists()


@pytest.mark.slow
def test_stamps_are_renewed_where_the_counts_are_as_committed_or_as_the_earlier_code_counts_here(
    plan, work, tables, tmp_path, monkeypatch
):
    figures = tmp_path / "figures"
    shutil.copytree(tables, figures)
    path = figures / "more" / "seed-1" / "stamp.json"
    old = stamp.read_stamp(path) | {"code": "of yesterday", "processor": "another", "seconds": 12}
    path.write_text(json.dumps(old))
    evidence.make(plan, "check", [], work=work, figures=figures)
    assert stamp.read_stamp(path)["code"] == stamp.code_hash()
    for kept in ("command", "plan", "processor", "seconds"):
        assert stamp.read_stamp(path)[kept] == old[kept]
    assert "simulated IoU" in stamp.read_stamp(path)["note"]
    assert "all counts are equal" in stamp.read_stamp(path)["note"]
    counts = pd.read_csv(figures / MAIN / "counts.csv")
    counts["fp"] += 1  # as another processor may have counted
    counts.to_csv(figures / MAIN / "counts.csv", index=False)
    here = pd.read_csv(work / "check/scores/unet3d/1/counts.csv")
    monkeypatch.setattr(check, "commit_of", lambda _: ("of yesterday", "hash"))
    monkeypatch.setattr(check, "score_by_earlier_code", lambda commit, code, _: here)
    evidence.make(plan, "check", [], work=work, figures=figures)
    assert "the code that made the table gives the same counts as now" in stamp.read_stamp(path)["note"]
    monkeypatch.setattr(check, "score_by_earlier_code", lambda commit, code, _: here.assign(fp=here["fp"] + 1))
    with pytest.raises(InputError, match="make them anew by make evidence PART="):
        evidence.make(plan, "check", [], work=work, figures=figures)


@pytest.mark.slow
def test_the_drift_of_a_style_is_told_for_networks_and_for_references(tables):
    drift = pd.read_csv(tables / "drift" / "drift.csv")
    assert drift.loc[drift["source"] == "network", "share"].tolist() == [0.0, 1.0]
    references = drift[drift["source"] == "reference"].set_index("style")["fraction"]
    assert references["ragged, smooth"] != references["ragged"]
    areas = pd.read_csv(tables / "drift" / "seed-1" / "areas.csv")
    assert (areas.groupby("landscape")["year"].nunique() == 2).all()
    assert (areas[["truth", "ragged", "smooth"]] > 0).all().all()
