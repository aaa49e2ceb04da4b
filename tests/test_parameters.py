"""glaciersar.parameters"""

import ast
import logging
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from papermill.translators import PythonTranslator

from glaciersar import parameters
from glaciersar.errors import InputError
from glaciersar.root import VARIABLE
from tests.support.notebooks import PARAMETERS, executed_notebooks, write_notebook

ROOT = Path(__file__).resolve().parents[1]

CALL = "from glaciersar import parameters\n\nparameters.check(globals())"
BODY = f"{CALL}\nfrom pathlib import Path\nPath(work).mkdir(parents=True)\nprint(model, window, fast, years)"


def namespace(*cells, **values):
    """Give the globals of a notebook whose cells ran, the last of which checks."""
    found = {"In": ["", *cells, CALL]}
    for cell in cells:
        exec(cell, found)
    return found | values


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("path", executed_notebooks(), ids=lambda path: path.stem)
def test_the_parameters_are_those_that_papermill_finds(path, monkeypatch):
    """Its own parser, by another way, is the oracle; it cannot parse a comment with an equals sign."""
    monkeypatch.setattr(logging.getLogger("papermill"), "disabled", True)
    cells = nbformat.read(path, as_version=4).cells
    found = [
        (theirs.name, ast.literal_eval(theirs.default), theirs.help)
        for tag in parameters.TAGS
        for cell in cells
        if tag in cell.metadata.get("tags", [])
        for theirs in PythonTranslator.inspect(cell)
    ]
    declared = parameters.read_parameters(path).values()
    assert [(ours.name, ours.default, ours.help) for ours in declared if "=" not in ours.help] == found


def test_what_is_no_literal_is_no_parameter_and_a_value_may_span_lines():
    literals = 'years = [  # first\n    2016,\n]  # of "#1"\nrate: float = -1.5\n'
    found = parameters.declared_in(f"import os\nwork = os.getcwd()\n{literals}a, b = 1, 2\nmodel: str")
    assert {name: (p.default, p.help) for name, p in found.items()} == {
        "years": ([2016], 'of "#1"'), "rate": (-1.5, "")
    }  # fmt: skip


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cells": [{"source": "a ="}]}', '{"cells": 3}'])
def test_a_file_that_is_no_notebook_is_refused_in_a_sentence(tmp_path, text):
    (tmp_path / "04-train.ipynb").write_text(text)
    with pytest.raises(InputError, match=r"04-train\.ipynb: .*, a notebook of format 4 expected"):
        parameters.read_parameters(tmp_path / "04-train.ipynb")


def test_each_item_of_a_list_has_the_type_of_the_default_s(root):
    declared = parameters.declared_in("years = [2016]\nrates = [0.5]\nmixed = [1, 'a']\nempty = []")
    given = {"years": "[2016, 2020]", "rates": [1, "5e-4"], "mixed": ["b", 2.0], "empty": [None]}
    checked = parameters.check_values(declared, given, of="it")
    assert checked == {"years": [2016, 2020], "rates": [1.0, 5e-4], "mixed": ["b", 2.0], "empty": [None]}
    with pytest.raises(InputError, match="it: parameter 'years', item 2: 'late' is str, expected int"):
        parameters.check_values(declared, {"years": [2016, "late"]}, of="it")


def test_relative_paths_start_at_the_project_and_other_texts_stay(root):
    found = namespace(PARAMETERS, model="runs", weights="published")
    parameters.check(found)
    assert found["work"] == str(root / "runs/mini")
    assert (found["model"], found["weights"], found["epochs"]) == ("runs", "published", 2)
    (root / "published").touch()
    parameters.check(found)
    assert found["weights"] == str(root / "published")


SEVERAL = """weights = ""  # path or name, or a list of them: of a network
model = "unet3d"  # name of a run, or a list of names
source = ""  # path: scenes
"""


def test_a_parameter_whose_comment_says_so_takes_one_text_or_a_list(root):
    (root / "a.safetensors").touch()
    declared = parameters.declared_in(SEVERAL)
    given = {"weights": "[a.safetensors, ICEmapper_maxpool_grd]", "model": "[unet3d, ulstm]"}
    found = parameters.check_values(declared, given, of="a test", relative_to=root)
    assert found == {
        "weights": [str(root / "a.safetensors"), "ICEmapper_maxpool_grd"],
        "model": ["unet3d", "ulstm"],
    }
    for one in ("a.safetensors", ["a.safetensors"]):  # as papermill gives it
        found = parameters.check_values(declared, {"weights": one}, of="a test", relative_to=root)["weights"]
        assert found == (str(root / one) if isinstance(one, str) else [str(root / one[0])])


def test_relative_paths_of_a_list_start_at_the_project(root):
    (root / "a.safetensors").touch()
    names = namespace(SEVERAL, weights=["a.safetensors", "unet3d-simulated"])
    parameters.check(names)
    assert names["weights"] == [str(root / "a.safetensors"), "unet3d-simulated"]


@pytest.mark.parametrize(
    ("name", "value"), [("weights", "[1, 2]"), ("weights", []), ("model", ["a", ""]), ("source", ["a"])]
)
def test_a_list_of_anything_but_texts_or_where_one_is_expected_is_refused(name, value):
    with pytest.raises(InputError, match=f"parameter '{name}'"):
        parameters.check_values(parameters.declared_in(SEVERAL), {name: value}, of="a test")


def test_a_project_is_looked_for_only_where_a_path_is_relative(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "absent"))
    found = namespace(PARAMETERS, work=str(tmp_path), weights="published")
    parameters.check(found)
    with pytest.raises(parameters.ParameterError, match="GLACIERSAR_ROOT: no folder"):
        parameters.check(namespace(PARAMETERS))


def test_texts_that_papermill_was_given_become_the_type_of_the_default(root):
    found = namespace(PARAMETERS, parameters.GIVEN + 'fast = "false"\nyears = "[2020]"\nrate = 1')
    parameters.check(found)
    assert (found["fast"], found["years"], found["rate"]) == (False, [2020], 1.0)
    assert type(found["rate"]) is float


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("epoch = 3", "this notebook: no parameter is called 'epoch'; did you mean 'epochs'?"),
        ('epochs = "many"', "this notebook: parameter 'epochs': 'many' is str, expected int (default 2)"),
        ("rate = float('nan')", "this notebook: parameter 'rate': nan found, a finite number expected"),
        ("model = None", "this notebook: parameter 'model': None is NoneType, expected str (default 'unet3d')"),
    ],
)
def test_a_wrong_parameter_is_one_sentence_without_the_calls_that_led_to_it(root, given, message):
    with pytest.raises(parameters.ParameterError) as caught:
        parameters.check(namespace(PARAMETERS, "seed = 1", parameters.GIVEN + given))
    assert str(caught.value) == message
    assert caught.value._render_traceback_() == [f"ParameterError: {message}"]


def test_run_again_in_an_open_notebook_it_leaves_what_the_notebook_has_made(root):
    found = namespace(PARAMETERS)
    parameters.check(found)
    found |= {"work": Path(found["work"]), "epochs": object(), "other": "text"}
    found["In"] += ["other = 3", "%matplotlib", CALL]
    parameters.check(found)
    assert found["work"] == root / "runs/mini"
    assert found["other"] == "text"


def test_a_parameter_changed_by_hand_and_run_again_counts(root):
    found = namespace(PARAMETERS)
    parameters.check(found)
    found["In"] += ["epochs = 9.5", CALL]
    found |= {"epochs": 9.5}
    parameters.check(found)
    assert found["epochs"] == 9.5  # what a hand writes into the cell is its default from then on


def test_where_no_cell_is_kept_as_by_nbval_relative_paths_start_at_the_project_too(monkeypatch):
    monkeypatch.chdir(ROOT / "notebooks")
    found = {"In": [""], "work": "runs/mini"}
    parameters.check(found)
    assert Path(found["work"]).resolve() == ROOT / "runs/mini"


def test_outside_of_a_notebook_it_says_what_it_wants():
    with pytest.raises(InputError, match=r"the globals\(\) of a notebook expected"):
        parameters.check({})


@pytest.mark.parametrize("path", executed_notebooks(), ids=lambda path: path.stem)
def test_every_notebook_checks_in_its_first_cell_below_the_parameters_and_starts_at_the_project(path):
    code = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    below = next(cell for cell in code if not any(tag.endswith("parameters") for tag in cell.metadata.get("tags", [])))
    assert "\nparameters.check(globals())" in below.source
    declared = parameters.read_parameters(path).values()
    assert [found.name for found in declared if not found.help] == []  # `glaciersar run --help` shows the comments
    assert [found.name for found in declared if found.is_path and found.default.startswith(".")] == []


def test_the_help_has_every_parameter_with_its_default_and_meaning(tmp_path):
    said = parameters.describe(write_notebook(tmp_path / "04-train.ipynb", "", further="window = 384  # pixels"))
    lines = said.splitlines()
    assert lines[0] == "parameters of 04-train.ipynb:"
    assert len(lines) == 9
    assert lines[1].split(maxsplit=2) == ["--work", "PATH", 'folder of this run (default "runs/mini")']
    assert lines[3].split(maxsplit=2) == ["--weights", "PATH|NAME", 'of trained weights (default "")']
    assert lines[6].split(maxsplit=2) == ["--fast", "true|false", "(default true)"]
    assert lines[8].split(maxsplit=2) == ["--window", "INTEGER", "pixels (default 384)"]


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    (folder / "notebooks").mkdir(parents=True)
    (folder / "pyproject.toml").write_text('[project]\nname = "glaciersar"\n')
    write_notebook(folder / "notebooks" / "04-train.ipynb", BODY, further="window = 384  # pixels")
    return folder


def run_papermill(project, start, *words, **variables):
    """Run the notebook by papermill's own command from a folder; gives the status and all that it says."""
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE} | variables
    command = [sys.executable, "-m", "papermill", str(project / "notebooks/04-train.ipynb"), "out.ipynb", *words]
    ran = subprocess.run(
        command, cwd=start, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return ran.returncode, ran.stdout


@pytest.mark.slow
def test_plain_papermill_finds_the_same_folder_from_the_root_from_notebooks_and_from_anywhere(project, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    starts = {project: {}, project / "notebooks": {}, elsewhere: {VARIABLE: str(project)}}
    for k, (start, variables) in enumerate(starts.items()):
        words = ["-p", "work", f"runs/{k}", "-p", "fast", "false", "-p", "window", "64"]
        status, said = run_papermill(project, start, *words, **variables)
        assert status == 0, said
        printed = [o["text"] for c in nbformat.read(start / "out.ipynb", 4).cells for o in c.get("outputs", [])]
        assert printed == ["unet3d 64 False [2016]\n"]
        assert (project / "runs" / str(k)).is_dir()
    assert sorted(path.name for path in (project / "runs").iterdir()) == ["0", "1", "2"]
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-p", "epoch", "3"], "no parameter is called 'epoch'; did you mean 'epochs'?"),
        (["-p", "epochs", "many"], "parameter 'epochs': 'many' is str, expected int (default 2)"),
    ],
)
def test_plain_papermill_is_refused_by_the_notebook_in_one_sentence(project, words, message):
    status, _ = run_papermill(project, project, *words)
    assert status != 0
    cells = nbformat.read(project / "out.ipynb", 4).cells
    (error,) = [o for cell in cells for o in cell.get("outputs", []) if o["output_type"] == "error"]
    assert error["traceback"] == [f"ParameterError: this notebook: {message}"]
    assert not (project / "runs").exists()
