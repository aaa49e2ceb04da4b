"""profiles/, region.smk: on a real SLURM of this machine where there is one, on Kubernetes as far as planning."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from glaciersar import models
from glaciersar.models import pretrained
from tests.support import slurm
from tests.support.archives import write_folder, year_of_dates
from tests.support.checkouts import copy_parts
from tests.support.streams import GRID, contents

ROOT = Path(__file__).resolve().parent.parent
COMMAND = f"{sys.executable} -c 'import sys; from glaciersar.cli import main; sys.exit(main())'"
THREADS = str(min(2, os.cpu_count()))  # of a strip, by config/resources.yaml
needs_slurm = pytest.mark.skipif(
    bool(slurm.missing_programs()), reason=f"SLURM is not installed: {', '.join(slurm.missing_programs())} not found"
)


def needs_plugin(name):
    module = f"snakemake_executor_plugin_{name}"
    return pytest.mark.skipif(importlib.util.find_spec(module) is None, reason=f"{module} is not installed")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A copy of what a region needs, with scenes and weights; maps it in one piece."""
    folder = copy_parts(tmp_path_factory.mktemp("region"), "region.smk", "config", "glaciersar", "profiles")
    write_folder(folder / "scenes", GRID, year_of_dates(3), np.random.default_rng(1))
    torch.manual_seed(1)
    pretrained.save(models.build("unet3d", width=2), folder / "weights.safetensors")
    words = "map scenes --weights weights.safetensors --dates 0 --window 48 --quiet --out whole/probability.tif"
    run(f"{COMMAND} {words}", folder)
    return folder


def run(command, folder, environment=None, *, check=True):
    """Run a command of the shell in a folder; gives all that it said."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{(environment or os.environ)['PATH']}"
    if environment:  # SLURM's own commands come first
        path = f"{environment['PATH']}{os.pathsep}{Path(sys.executable).parent}"
    done = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env={**(environment or os.environ), "PATH": path, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": THREADS},
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert not check or done.returncode == 0, said
    return said


@needs_slurm
@pytest.mark.slow
def test_strips_that_slurm_maps_are_joined_to_the_map_of_one_run(place):
    batch = "sbatch --wait --parsable --ntasks=1 --mem=1000 --output=slurm-%j.out"
    strip = f"{COMMAND} map scenes --weights weights.safetensors --dates 0 --window 48 --quiet"
    with slurm.running_slurm() as environment:
        (place / "strip.sh").write_text(
            f"#!/bin/sh\n{strip} --strip $SLURM_ARRAY_TASK_ID/3 --out parts/$SLURM_ARRAY_TASK_ID.zip\n"
        )
        run(f"{batch} --array=1-3 strip.sh", place, environment)
        (place / "join.sh").write_text(
            f"#!/bin/sh\n{COMMAND} join parts/*.zip --quiet --out parts/joined/probability.tif\n"
        )
        run(f"{batch} join.sh", place, environment)
        states = run("squeue --noheader --states=all --format=%T", place, environment).split()
    assert states == ["COMPLETED"] * 4
    assert contents(place / "parts" / "joined") == contents(place / "whole")


@needs_slurm
@needs_plugin("slurm")
@pytest.mark.slow
def test_snakemake_s_profile_for_slurm_maps_a_region(place):
    options = "--slurm-no-account --slurm-status-command squeue --slurm-init-seconds-before-status-checks 2"
    given = 'scenes=scenes weights=weights.safetensors strips=3 out=runs/region options="--dates 0 --window 48"'
    with slurm.running_slurm() as environment:
        command = f"{sys.executable} -m snakemake --snakefile region.smk --profile profiles/slurm {options}"
        said = run(f"{command} --retries 0 --config {given}", place, environment)
        jobs = run('squeue --noheader --states=all --format="%T %C %m %l"', place, environment).splitlines()
    assert "4 of 5 steps" in said or "5 of 5 steps" in said
    cores = min(2, os.cpu_count())
    assert sorted(jobs) == ["COMPLETED 1 2000M 12:00:00"] + [f"COMPLETED {cores} 8000M 12:00:00"] * 3
    for name in ("probability.tif", "glacier.tif"):
        assert (place / "runs/region" / name).read_bytes() == (place / "whole" / name).read_bytes()


@pytest.mark.slow
def test_a_region_is_planned_on_one_machine(place):
    command = f"{sys.executable} -m snakemake --snakefile region.smk --cores 1 --nolock --dry-run --printshellcmds"
    said = run(f"{command} --config scenes='my scenes' weights=unet3d-simulated strips=4", place)
    assert re.search(r"^strip +4$", said, re.MULTILINE)
    commands = re.findall(r"(glaciersar map .*)$", said, re.MULTILINE)
    assert len(commands) == 4
    assert all("'my scenes' --weights unet3d-simulated --strip" in text for text in commands)
    said = run(f"{command} --config scenes=s weights='[unet3d-simulated,ulstm-simulated]' strips=2 out=both", place)
    assert said.count("map s --weights unet3d-simulated --weights ulstm-simulated --strip") == 2
    assert "both/spread.tif" in said
    for given, message in (("strips=4", "scenes missing"), ("scenes=a weights=b strips=few", "strips=few found")):
        assert message in run(f"{command} --config {given}", place, check=False)


@needs_plugin("kubernetes")
@pytest.mark.slow
def test_kubernetes_is_planned(place):
    given = "scenes=/storage/scenes weights=unet3d-simulated strips=3"
    command = f"{sys.executable} -m snakemake --profile profiles/kubernetes --nolock --dry-run --printshellcmds"
    said = run(f"{command} --container-image registry.example/glaciersar:1 --config {given} gpus=1", place)
    assert re.search(r"^strip +3$", said, re.MULTILINE)
    assert said.count("gpu=1") >= 3


@pytest.mark.parametrize("name", ["local", "slurm", "kubernetes"])
def test_a_profile_is_read(name):
    settings = yaml.safe_load((ROOT / f"profiles/{name}/config.yaml").read_text())
    assert settings["rerun-incomplete"]
    assert ("executor" in settings) == (name != "local")
