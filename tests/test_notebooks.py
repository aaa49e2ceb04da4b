"""glaciersar.notebooks"""

import subprocess
import sys

import nbformat
import pytest

from glaciersar import notebooks
from glaciersar.errors import InputError
from tests.support.notebooks import write_notebook


@pytest.fixture
def notebook(tmp_path):
    folder = tmp_path / "notebooks"
    folder.mkdir()
    return write_notebook(folder / "04-train.ipynb", "print(work, model, epochs, rate, fast, years)")


def test_parameters_are_read_with_their_defaults_and_types(notebook):
    defaults = {name: p.default for name, p in notebooks.read_parameters(notebook).items()}
    assert defaults == {
        "work": "runs/mini", "model": "unet3d", "weights": "", "epochs": 2, "rate": 0.5, "fast": True, "years": [2016]
    }  # fmt: skip
    assert notebooks.read_parameters(notebook)["work"].is_path


def test_further_parameters_are_checked_and_given_as_the_others_are(tmp_path):
    body = "print(model, epochs, window, dtype)"
    further = 'window = 384  # pixels\ndtype = "float32"'
    notebook = write_notebook(tmp_path / "04-train.ipynb", body, further=further)
    assert list(notebooks.read_parameters(notebook))[-2:] == ["window", "dtype"]
    assert notebooks.read_parameters(notebook)["window"].help == "pixels"
    with pytest.raises(InputError, match="'many' is str, expected int"):
        notebooks.check_parameters(notebook, {"window": "many"})
    values = notebooks.check_parameters(notebook, {"window": "64", "epochs": "7"})
    executed = notebooks.run_notebook(notebook, tmp_path / "out", values, progress=False)
    assert [cell.outputs[0]["text"] for cell in nbformat.read(executed, 4).cells if cell.get("outputs")] == [
        "unet3d 7 64 float32\n"
    ]


def test_texts_from_the_command_line_become_the_type_of_the_default(notebook):
    given = {"epochs": "7", "rate": "1", "fast": "false", "years": "[2016, 2020]", "model": "007"}
    assert notebooks.check_parameters(notebook, given) == {
        "epochs": 7, "rate": 1.0, "fast": False, "years": [2016, 2020], "model": "007"
    }  # fmt: skip


@pytest.mark.parametrize("text", ["5e-4", "+5E-4", "5.0e-4"])
def test_a_number_may_be_written_with_an_exponent(notebook, text):
    assert notebooks.check_parameters(notebook, {"rate": text}) == {"rate": 5e-4}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("rate", "fast", "'fast' is str, expected float"),
        ("rate", "nan", "nan found, a finite number expected"),
        ("rate", float("inf"), "inf found, a finite number expected"),
        ("epoch", 3, "no parameter is called 'epoch'; did you mean 'epochs'"),
        ("zzz", 3, "no parameter is called 'zzz'; it has work, model"),
        ("epochs", "many", "'many' is str, expected int"),
        ("epochs", 2.5, "2.5 is float, expected int"),
        ("epochs", True, "True is bool, expected int"),
        ("fast", 1, "1 is int, expected bool"),
        ("model", 3, "3 is int, expected str"),
        ("years", 2016, "2016 is int, expected list"),
        ("years", "[2016", "cannot be read as list"),
    ],
)
def test_a_wrong_name_or_type_is_refused_in_a_sentence(notebook, name, value, message):
    with pytest.raises(InputError, match=r"04-train\.ipynb") as caught:
        notebooks.check_parameters(notebook, {name: value})
    assert message in str(caught.value)


def test_paths_start_where_the_caller_stands_and_other_texts_stay(notebook, tmp_path):
    checked = notebooks.check_parameters(notebook, {"work": "data", "model": "data"}, relative_to=tmp_path)
    assert checked == {"work": str(tmp_path / "data"), "model": "data"}
    assert notebooks.check_parameters(notebook, {"work": ""})["work"] == ""


def test_a_name_may_stand_for_a_path_where_no_such_file_lies(notebook, tmp_path):
    assert notebooks.check_parameters(notebook, {"weights": "published"}, relative_to=tmp_path) == {
        "weights": "published"
    }
    (tmp_path / "published").touch()
    checked = notebooks.check_parameters(notebook, {"weights": "published"}, relative_to=tmp_path)
    assert checked == {"weights": str(tmp_path / "published")}
    url = "https://example.org/catalog.json"
    assert notebooks.check_parameters(notebook, {"work": url}) == {"work": url}


def test_a_profile_gives_its_common_and_its_own_parameters(notebook, tmp_path):
    config = tmp_path / "config"
    config.mkdir()
    (config / "big.yaml").write_text("all: {work: runs/big, unknown_here: 1, epochs: 3}\n04-train: {epochs: 9}\n")
    values = notebooks.read_profile(config / "big.yaml", notebook)
    assert values == {"work": str(tmp_path / "runs/big"), "epochs": 9}


def test_a_profile_with_a_mistyped_parameter_or_an_unknown_profile_is_refused(notebook, tmp_path):
    config = tmp_path / "config"
    config.mkdir()
    (config / "big.yaml").write_text("04-train: {epoch: 9}\n")
    with pytest.raises(InputError, match="no parameter is called 'epoch'"):
        notebooks.read_profile(config / "big.yaml", notebook)
    with pytest.raises(InputError, match=r"profile 'huge' is unknown; .* holds big"):
        notebooks.read_profile(config / "huge.yaml", notebook)
    (config / "torn.yaml").write_text("04-train: {epochs: 9\n")
    with pytest.raises(InputError, match=r"torn\.yaml: not YAML"):
        notebooks.read_profile(config / "torn.yaml", notebook)


def test_a_profile_with_the_old_name_of_a_parameter_is_refused_instead_of_ignored(notebook, tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "RENAMED", {"rounds": "epochs"})
    config = tmp_path / "config"
    config.mkdir()
    (config / "old.yaml").write_text("all: {rounds: 3, unknown_here: 1}\n")
    with pytest.raises(InputError, match=r"old\.yaml: rounds found, epochs expected"):
        notebooks.read_profile(config / "old.yaml", notebook)


def test_a_notebook_runs_in_its_own_directory_with_its_parameters(notebook, tmp_path):
    write_notebook(notebook, "import pathlib; print(pathlib.Path.cwd().name, epochs, work)")
    executed = notebooks.run_notebook(notebook, tmp_path / "out", {"epochs": 5}, progress=False)
    outputs = [o["text"] for cell in nbformat.read(executed, 4).cells for o in cell.get("outputs", []) if "text" in o]
    assert outputs == ["notebooks 5 runs/mini\n"]


def test_a_run_without_progress_shows_nothing_on_stderr_not_even_a_warning_of_the_kernel(notebook, tmp_path):
    command = "import sys; from glaciersar import notebooks; notebooks.run_notebook(*sys.argv[1:], progress=False)"
    run = [sys.executable, "-c", command, str(notebook), str(tmp_path / "out")]  # no other test's threads write to it
    assert subprocess.run(run, check=True, capture_output=True, text=True).stderr == ""


def test_a_kernel_that_is_interrupted_while_it_ends_says_nothing(tmp_path):
    """As jupyter_client interrupts it before it is shut down, at times while it still finishes its last cell."""
    body = """
handlers = get_ipython().kernel.shell_handlers
answer = handlers["execute_request"]
async def answer_interrupted(*request):
    await answer(*request)
    raise KeyboardInterrupt
handlers["execute_request"] = answer_interrupted
"""
    notebook = write_notebook(tmp_path / "04-train.ipynb", body)
    content = nbformat.read(notebook, 4)
    content.cells.append(nbformat.v4.new_code_cell("print(epochs)"))
    nbformat.write(content, notebook)
    command = "import sys; from glaciersar import notebooks; notebooks.run_notebook(*sys.argv[1:], progress=False)"
    run = [sys.executable, "-c", command, str(notebook), str(tmp_path / "out")]
    assert subprocess.run(run, check=True, capture_output=True, text=True).stderr == ""


def test_a_failing_notebook_tells_its_error_and_leaves_no_result(notebook, tmp_path):
    write_notebook(notebook, "raise ValueError('the loss became nan')")
    with pytest.raises(InputError, match="ValueError: the loss became nan"):
        notebooks.run_notebook(notebook, tmp_path / "out", progress=False)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["04-train.failed.ipynb"]


def test_a_path_that_is_no_notebook_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"train\.py: no such notebook"):
        notebooks.read_parameters(tmp_path / "train.py")
