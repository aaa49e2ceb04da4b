"""glaciersar.job_resources"""

import csv
import re
from pathlib import Path

import pytest
import yaml

from glaciersar.errors import InputError
from glaciersar.job_resources import JobResources

ROOT = Path(__file__).resolve().parent.parent
PATH = ROOT / "config/resources.yaml"


def rules_of(snakefile):
    return set(re.findall(r"^rule (\w+):", (ROOT / snakefile).read_text(), re.MULTILINE)) - {"all"}


@pytest.mark.parametrize(
    ("section", "snakefile"), [("simulated", "Snakefile"), ("published", "Snakefile"), ("region", "region.smk")]
)
def test_every_rule_says_what_it_needs(section, snakefile):
    assert set(JobResources.read(PATH, section).rules) == rules_of(snakefile)
    asked = re.findall(r'JOBS\.(threads|resources)\("(\w+)"\)', (ROOT / snakefile).read_text())
    assert {name for kind, name in asked if kind == "threads"} == rules_of(snakefile)
    assert {name for kind, name in asked if kind == "resources"} == rules_of(snakefile)


def test_a_step_has_twice_the_time_that_it_took():
    with (ROOT / "figures/simulated/seconds.csv").open() as file:
        taken = {row["step"].partition(" ")[0].partition("-")[2]: float(row["seconds"]) for row in csv.DictReader(file)}
    taken["networks"] = taken.pop("models")  # the rule of notebook 03 is named by what it draws
    given = JobResources.read(PATH, "simulated")
    assert {name for name in taken if name} <= set(given.rules)
    for name, seconds in taken.items():
        if name:
            assert given.resources(name)["runtime"] * 60 >= 2 * seconds


def test_gpus_are_asked_for_only_where_a_network_computes():
    without, two = JobResources.read(PATH, "simulated"), JobResources.read(PATH, "simulated", gpus="2")
    for rule in without.rules:
        assert "gpu" not in without.resources(rule)
    assert two.resources("train")["gpu"] == 2
    assert two.resources("train")["gpu_manufacturer"] == "nvidia"
    assert "gpu" not in two.resources("figures")
    published = JobResources.read(PATH, "published")
    assert published.resources("train")["gpu"] == 1
    assert "gpu" not in JobResources.read(PATH, "published", gpus=0).resources("train")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"threads": 0}, "threads=0 found for some, step; a number expected"),
        ({"mem_mb": "much"}, "mem_mb=much found"),
        ({"runtime": 1.5}, "runtime=1.5 found"),
        ({"gpu": True}, "gpu=True found"),
        ({"gpus": 1}, "threads, mem_mb, runtime, gpus found for some, step"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path, change, message):
    path = tmp_path / "resources.yaml"
    path.write_text(
        yaml.safe_dump({"some": {"step": {"threads": 1, "mem_mb": 100, "runtime": 5} | change}}, sort_keys=False)
    )
    with pytest.raises(InputError, match=message):
        JobResources.read(path, "some")


def test_an_unknown_section_and_gpus_that_are_no_number_are_refused():
    with pytest.raises(InputError, match="'huge' wanted, one of simulated, published, region expected"):
        JobResources.read(PATH, "huge")
    with pytest.raises(InputError, match="gpus=many found"):
        JobResources.read(PATH, "simulated", gpus="many")
