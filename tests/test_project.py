"""The promises that the files beside the package make to each other."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
import yaml

from glaciersar import notebooks
from glaciersar.errors import InputError
from glaciersar.publish import publish, put_block

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def names(requirements):
    return {re.split(r"[ <>=!~;\[]", text.strip())[0].lower() for text in requirements}


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def all_requirements():
    extras = project()["optional-dependencies"].values()
    return names(project()["dependencies"]).union(*(names(extra) for extra in extras))


def test_environment_yml_names_the_packages_of_pyproject():
    *conda, pip = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    listed = names(conda) | names(text for text in pip["pip"] if not text.startswith("--"))
    assert listed - {"python", "pip"} == all_requirements()


def test_the_lock_pins_every_package_of_pyproject():
    lines = (ROOT / "requirements.lock").read_text().split()
    pinned = {line.split("==")[0].lower() for line in lines if "==" in line}
    assert len(pinned) == len(lines)
    assert {name.replace("_", "-") for name in all_requirements()} <= {name.replace("_", "-") for name in pinned}


def test_python_is_the_same_everywhere():
    conda = (ROOT / "environment.yml").read_text()
    assert project()["requires-python"] == ">=3.11"
    assert "python>=3.11" in conda


def test_the_licence_is_gpl_version_2():
    text = (ROOT / "LICENSE").read_text()
    assert "GNU GENERAL PUBLIC LICENSE" in text
    assert "Version 2, June 1991" in text


@pytest.mark.parametrize("profile", sorted((ROOT / "config").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_profile_only_sets_parameters_that_its_notebooks_have(profile):
    sections = set(yaml.safe_load(profile.read_text())) - {"all"}
    assert sections <= {notebook.stem for notebook in NOTEBOOKS}
    for notebook in NOTEBOOKS:
        notebooks.read_profile(profile, notebook)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_with_parameters_and_outputs_and_no_error(path):
    book = nbformat.read(path, as_version=4)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert sum("parameters" in cell.metadata.get("tags", []) for cell in code) == 1
    assert any(cell.outputs for cell in code)
    assert not any(output.output_type == "error" for cell in code for output in cell.outputs)
    assert book.cells[0].source.startswith("# ")


def plan(folder, *config):
    """Ask snakemake what it would do: how many jobs a rule, and all that it says."""
    for name in ("Snakefile", "config", "glaciersar", "notebooks"):
        (folder / name).symlink_to(ROOT / name)
    words = [sys.executable, "-m", "snakemake", "--dry-run", "--cores", "1", "--printshellcmds", "--config", *config]
    planned = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    said = planned.stdout + planned.stderr
    return {name: int(n) for name, n in re.findall(r"^(\w+) +(\d+)$", said, re.MULTILINE)}, said


@pytest.mark.parametrize(("profile", "trainings"), [("mini", 1), ("simulated", 4)])
def test_snakemake_plans_every_step_of_a_profile(tmp_path, profile, trainings):
    counts, said = plan(tmp_path, f"profile={profile}")
    steps = {"scenes": 1, "dataset": 1, "train": trainings, "evaluate": 1, "figures": 1, "map": 1, "all": 1}
    assert counts == steps | {"total": trainings + 6}
    assert ("--model unet3d --recipe as_released" in said) == (profile == "simulated")


def test_snakemake_plans_the_published_profile_without_scenes_and_map(tmp_path):
    folder = tmp_path / "the data"
    folder.mkdir()
    for name in ("train.h5", "val.h5", "test.h5"):
        (folder / name).touch()
    counts, said = plan(tmp_path, "profile=published", f"data={folder}")
    assert counts == {"dataset": 1, "train": 2, "evaluate": 1, "figures": 1, "all": 1, "total": 6}
    commands = re.findall(r"^Shell command: (glaciersar run .*)$", said, re.MULTILINE)
    assert len(commands) == 5
    assert all(f"--profile published --data '{folder}'" in command for command in commands)


def test_snakemake_names_the_published_files_that_are_missing(tmp_path):
    (tmp_path / "train.h5").touch()
    _, said = plan(tmp_path, "profile=published", f"data={tmp_path}")
    assert "val.h5, test.h5 missing, a folder with train.h5, val.h5 and test.h5 expected" in said


def test_snakemake_asks_for_the_published_data(tmp_path):
    _, said = plan(tmp_path, "profile=published")
    assert "no data given, --config profile=published data=FOLDER expected" in said


def test_make_help_lists_every_target():
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.search(r"\.PHONY: (.*)", makefile)[1].split())
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {line.split()[0] for line in shown.splitlines()} == targets - {"help"} | {"help"}


def test_the_readme_shows_the_table_and_the_figures_that_the_notebooks_made():
    readme = (ROOT / "README.md").read_text()
    table = (ROOT / "figures/simulated/scores.md").read_text().strip()
    assert table in readme
    for link in re.findall(r"\]\(((?!https?:)[^)#]+)\)", readme):
        assert (ROOT / link).exists(), link


def test_publishing_fills_the_readme_from_the_run(tmp_path):
    run = tmp_path / "runs" / "simulated"
    (run / "tables").mkdir(parents=True)
    (run / "figures").mkdir()
    (run / "tables" / "scores.md").write_text("| iou |\n| 0.5 |\n")
    (run / "figures" / "errors.png").write_bytes(b"png")
    (tmp_path / "README.md").write_text("before\n<!-- scores: made by x -->\nold\n<!-- end of scores -->\nafter\n")
    publish("simulated", root=tmp_path)
    text = (tmp_path / "README.md").read_text()
    assert "| 0.5 |" in text
    assert "old" not in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert (tmp_path / "figures/simulated/errors.png").read_bytes() == b"png"


def test_publishing_before_the_run_or_without_a_place_for_the_table_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"04-evaluate\.ipynb makes it"):
        publish("simulated", root=tmp_path)
    with pytest.raises(InputError, match="no block"):
        put_block("text", "scores", "table", source="x")
