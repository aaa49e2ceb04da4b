"""tools.image.server, with a real JupyterLab"""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from glaciersar.errors import InputError
from tools.image import server


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("root")


@pytest.fixture(scope="module")
def lab(root):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "COMMAND", (*server.COMMAND, "--allow-root"))
        with server.running(root, root / "lab.log") as started:
            yield started


def write(path, *sources):
    nbformat.write(new_notebook(cells=[new_markdown_cell("text"), *map(new_code_cell, sources)]), path)
    return path


@pytest.mark.slow
def test_the_cells_of_a_notebook_run_one_after_the_other_in_its_folder(lab, root):
    (root / "notebooks").mkdir()
    path = write(
        root / "notebooks" / "good.ipynb", "a = 1", "from pathlib import Path\nPath('made').write_text(str(a))"
    )
    assert lab.run_notebook(path, root=root) == 2
    assert (root / "notebooks" / "made").read_text() == "1"


@pytest.mark.slow
def test_a_cell_that_fails_is_named(lab, root):
    path = write(root / "bad.ipynb", "a = 1", "1 / 0", "raise SystemExit")
    with pytest.raises(InputError, match=r"^bad\.ipynb: code cell 2 of 3 fails: ZeroDivisionError: division by zero$"):
        lab.run_notebook(path, root=root)


@pytest.mark.slow
def test_a_terminal_says_what_a_command_prints(lab):
    assert lab.ask_terminal("echo $((2 * 3))") == ["6"]
    with pytest.raises(InputError, match=r"^false: status 1 in a terminal of JupyterLab"):
        lab.ask_terminal("false")


@pytest.mark.slow
def test_the_page_of_a_notebook_is_jupyterlab(lab):
    assert "jupyter-config-data" in lab.get("lab/tree/notebooks/good.ipynb").text


def test_a_server_that_ends_at_once_is_told_with_its_last_words(tmp_path, monkeypatch):
    monkeypatch.setattr(server, "COMMAND", ("sh", "-c", "echo no such program; false"))
    with (
        pytest.raises(InputError, match=r"JupyterLab doesn't answer on its port; its last words: no such program"),
        server.running(tmp_path, tmp_path / "log"),
    ):
        pass
