"""tools.numbers.commands"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from glaciersar.errors import InputError
from tools.evidence.plan import read_plan
from tools.numbers import commands

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def project(tmp_path):
    """A copy of what the Snakefile reads."""
    shutil.copy2(ROOT / "Snakefile", tmp_path)
    for name in ("config", "glaciersar", "notebooks"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.mark.slow
def test_the_commands_are_those_that_the_snakefile_runs(project):
    words = [sys.executable, "-m", "snakemake", "--cores", "1", "--nolock", "--dry-run", "--printshellcmds"]
    planned = subprocess.run(
        [*words, "--config", "profile=simulated"], cwd=project, capture_output=True, text=True, check=True
    )
    said = re.findall(r"^Shell command: (glaciersar run .*)$", planned.stdout + planned.stderr, re.MULTILINE)
    run = {" ".join(command.split()) for command in said}
    listed = {command for command, _ in commands.of_steps(ROOT) if command.startswith("glaciersar run")}
    assert {command for command in listed if "MODEL" not in command} <= run
    assert {command for command in run if "04-train" in command} <= listed  # every row of the table of scores


def test_every_committed_table_and_figure_has_its_command():
    shown = " ".join(made for _, made in commands.of_steps(ROOT))
    folder = ROOT / "figures/simulated"
    for name in [*(path.stem for path in folder.glob("*.csv")), *(path.name for path in folder.glob("*.png"))]:
        assert shown.count(f"`{name}`") == 1, name


def test_a_file_that_no_notebook_writes_is_named(tmp_path):
    for folder in ("figures/simulated", "notebooks"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy2(ROOT / "notebooks/05-evaluate.ipynb", tmp_path / "notebooks")
    (tmp_path / "figures/simulated/scores.csv").touch()
    assert commands.made_by(tmp_path, "simulated") == {"05-evaluate": ["scores"]}
    (tmp_path / "figures/simulated/odd.png").touch()
    with pytest.raises(InputError, match=r"figures/simulated: odd\.png found"):
        commands.made_by(tmp_path, "simulated")


def test_every_arm_of_the_plan_has_its_command():
    plan, listed = read_plan(ROOT / "config/evidence.yaml"), commands.of_experiment(ROOT)
    for name, part in plan.parts.items():
        (rows,) = [rows for command, rows in listed if f"PART={name} " in command and "ARMS=ROW" in command]
        assert re.findall(r"`(\w+)`", rows) == part.scored


def test_a_page_that_a_tool_makes_says_so():
    for page, command in commands.PAGES.items():
        text = (ROOT / page).read_text()
        assert (ROOT / "/".join(command.split()[2].split("."))).with_suffix(".py").exists() or (
            ROOT / "/".join(command.split()[2].split(".")) / "__main__.py"
        ).exists()
        if not page.startswith("docs/model-cards"):  # their form is that of Hugging Face
            assert command.split(" FOLDER")[0] in text
