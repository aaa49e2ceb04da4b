"""Check that the files beside the package (lock, Snakefile, profiles, notebooks, README) agree with each other."""

import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections import Counter
from pathlib import Path

import nbformat
import pytest
import yaml

from glaciersar import notebooks
from glaciersar.dependencies import files_behind
from tests.support.checkouts import copy_parts
from tests.support.notebooks import executed_notebooks

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_environment_yml_asks_for_the_packages_of_pyproject_at_the_same_versions():
    *conda, pip = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    listed = {*conda, *(text for text in pip["pip"] if not text.startswith("--"))}
    extras = project()["optional-dependencies"]
    only = [extras[name] for name in extras if name != "cluster"]  # serves only where there is a cluster
    asked = {*project()["dependencies"], *(text for extra in only for text in extra)}
    torch = next(text for text in (ROOT / "requirements-torch.txt").read_text().split() if text.startswith("torch=="))
    assert listed - {"python>=3.11", "pip"} == asked - {"torch"} | {torch}


def test_python_is_the_same_everywhere():
    conda = (ROOT / "environment.yml").read_text()
    assert project()["requires-python"] == ">=3.11"
    assert "python>=3.11" in conda


def test_the_licence_is_gpl_version_2():
    text = (ROOT / "LICENSE").read_text()
    assert "GNU GENERAL PUBLIC LICENSE" in text
    assert "Version 2, June 1991" in text


OTHERS = {"evidence", "resources", "scaling"}  # of no notebook
PROFILES = sorted(path for path in (ROOT / "config").glob("*.yaml") if path.stem not in OTHERS)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda path: path.stem)
def test_a_profile_only_sets_parameters_that_its_notebooks_have(profile):
    sections = set(yaml.safe_load(profile.read_text())) - {"all"}
    assert sections <= {notebook.stem for notebook in NOTEBOOKS}
    for notebook in NOTEBOOKS:
        notebooks.read_profile(profile, notebook)


@pytest.mark.parametrize("path", executed_notebooks(), ids=lambda path: path.stem)
def test_a_notebook_is_committed_with_parameters_and_outputs_and_no_error(path):
    book = nbformat.read(path, as_version=4)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert sum("parameters" in cell.metadata.get("tags", []) for cell in code) == 1
    tags = [tag for cell in code for tag in cell.metadata.get("tags", []) if tag.endswith("parameters")]
    assert tags in (["parameters"], ["parameters", "further-parameters", "injected-parameters"])
    for cell in code:
        assert ("further-parameters" in cell.metadata.get("tags", [])) == cell.metadata.get("jupyter", {}).get(
            "source_hidden", False
        ), "parameters that most readers never touch are folded, and nothing else is"
    assert any(cell.outputs for cell in code)
    assert not any(output.output_type == "error" for cell in code for output in cell.outputs)
    assert book.cells[0].source.startswith("# ")


MADE = ["scenes.json", "dataset/train.h5", "dataset/val.h5", "dataset/test.h5", "models/unet3d/weights.safetensors"]
MADE += ["tables/dataset.md", "tables/scores.md", "figures/training.png", "map/probability.tif"]
MADE += ["tables/calibration.md", "tables/change.md", "figures/networks.png", "figures/print/figures.md"]
STEPS = ["scenes", "dataset", "networks", "train", "evaluate", "figures", "map", "confidence", "change"]


def snakemake(folder, *words):
    """Run snakemake in a folder that shows the repository; count the jobs by step."""
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--nolock", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return count(done.stdout + done.stderr)


def count(said):
    counts = Counter[str]()
    for name, number in dict(re.findall(r"^(\w+) +(\d+)$", said, re.MULTILINE)).items():  # which is said twice
        counts[name.removesuffix("_longest")] += int(number)
    return {name: number for name, number in counts.items() if name in STEPS}


@pytest.fixture(scope="module")
def project_copy(tmp_path_factory):
    return copy_parts(tmp_path_factory.mktemp("project"), "Snakefile", "config", "glaciersar", "notebooks")


@pytest.fixture(scope="module")
def finished_copy(project_copy, tmp_path_factory):
    """A copy in which the mini profile has run: every file is there, and snakemake knows."""
    folder = shutil.copytree(project_copy, tmp_path_factory.mktemp("finished") / "project")
    for made in MADE:
        (folder / "runs/mini" / made).parent.mkdir(parents=True, exist_ok=True)
        (folder / "runs/mini" / made).write_text("made")
    snakemake(folder, "--touch", "--config", "profile=mini")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(("profile", "trainings"), [("mini", 1), ("simulated", 4)])
def test_snakemake_plans_every_step_of_a_profile(project_copy, profile, trainings):
    planned = snakemake(project_copy, "--dry-run", "--config", f"profile={profile}")
    assert planned == dict.fromkeys(STEPS, 1) | {"train": trainings}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changed", "again"),
    [
        (None, []),
        ("notebooks/10-figures.ipynb", ["figures"]),
        ("glaciersar/training/losses.py", ["networks", "train", "evaluate", "figures", "map", "confidence", "change"]),
        ("glaciersar/evaluation/metrics.py", [step for step in STEPS if step != "scenes"]),
        ("glaciersar/dataset/hdf5.py", STEPS),
        ("glaciersar/inventory/vectorize.py", ["change", "figures"]),
        ("glaciersar/simulate/radar.py", STEPS),
    ],
)
def test_only_what_depends_on_a_change_runs_again(finished_copy, tmp_path, changed, again):
    copy = shutil.copytree(finished_copy, tmp_path / "copy")
    if changed:
        (copy / changed).write_text((copy / changed).read_text() + "\n")  # a touch alone is no change
        os.utime(copy / changed, (time.time() + 5,) * 2)
    assert snakemake(copy, "--dry-run", "--config", "profile=mini") == dict.fromkeys(again, 1)


def test_a_step_is_planned_with_just_the_modules_that_its_notebook_imports(project_copy):
    """With the test above: a change of any module runs again the steps whose notebooks import it, and those after."""
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--nolock", "--dry-run", "--config", "profile=mini"]
    planned = subprocess.run(command, cwd=project_copy, capture_output=True, text=True, check=True)
    modules = {}
    for line in re.findall(r"^ +input: (.*)$", planned.stdout + planned.stderr, re.MULTILINE):
        inputs = line.split(", ")
        for notebook in (path for path in inputs if path.endswith(".ipynb")):  # none where all is asked for
            modules[notebook] = {path for path in inputs if path.startswith("glaciersar/")}
    assert len(modules) == len(STEPS)
    assert modules == {path: {str(file.relative_to(ROOT)) for file in files_behind(ROOT / path)} for path in modules}


def plan_published(folder, *config):
    """Give all that snakemake says when it plans the published profile."""
    words = [sys.executable, "-m", "snakemake", "--cores", "1", "--nolock", "--dry-run", "--printshellcmds"]
    words += ["--config", "profile=published", *config]
    planned = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    return planned.stdout + planned.stderr


@pytest.mark.slow
def test_the_published_profile_is_planned_without_scenes_and_map(project_copy, tmp_path):
    folder = tmp_path / "the data"
    folder.mkdir()
    for name in ("train.h5", "val.h5", "test.h5"):
        (folder / name).touch()
    said = plan_published(project_copy, f"data={folder}")
    assert count(said) == {"dataset": 1, "networks": 1, "train": 2, "evaluate": 1, "figures": 1, "confidence": 1}
    commands = re.findall(r"^Shell command: (glaciersar run .*)$", said, re.MULTILINE)
    assert len(commands) == 7
    assert all(f"--profile published --data '{folder}'" in command for command in commands)


@pytest.mark.slow
def test_the_published_files_that_are_missing_are_named(project_copy, tmp_path):
    (tmp_path / "train.h5").touch()
    said = plan_published(project_copy, f"data={tmp_path}")
    assert "val.h5, test.h5 missing, a folder with train.h5, val.h5 and test.h5 expected" in said
    assert "no data given, --config profile=published data=FOLDER expected" in plan_published(project_copy)


def test_make_help_lists_every_target():
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.search(r"\.PHONY: (.*)", makefile)[1].split())
    shown = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert {line.split()[0] for line in shown.splitlines()} == targets - {"help"} | {"help"}


def test_the_readme_shows_the_table_and_the_figures_that_the_notebooks_made():
    readme = (ROOT / "README.md").read_text()
    table = (ROOT / "figures/simulated/scores.md").read_text().strip()
    assert table in readme
    for link in re.findall(r"\]\(((?!https?:)[^)#]+)\)", readme):
        assert (ROOT / link).exists(), link
