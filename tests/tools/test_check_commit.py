"""tools.check_commit, and the hooks that call it."""

from pathlib import Path

import nbformat
import pytest
import yaml

from tests.support.notebooks import executed_notebooks
from tools.check_commit import CHECKS, MIB, main

ROOT = Path(__file__).resolve().parents[2]


def write_notebook(path, *, executed=True, error=False):
    cell = nbformat.v4.new_code_cell("1 / 0", execution_count=1 if executed else None)
    if error:
        cell.outputs = [nbformat.v4.new_output("error", ename="ZeroDivisionError", evalue="by zero", traceback=[])]
    nbformat.write(nbformat.v4.new_notebook(cells=[cell, nbformat.v4.new_code_cell("")]), path)
    return str(path)


def test_the_notebooks_of_the_repository_are_executed_and_without_errors():
    assert main(["notebooks", *map(str, executed_notebooks())]) == 0


@pytest.mark.parametrize(
    ("state", "told"),
    [({"executed": False}, "1 of 1 code cells not executed"), ({"error": True}, "ends in ZeroDivisionError: by zero")],
)
def test_a_notebook_that_was_not_run_or_failed_is_refused(tmp_path, capsys, state, told):
    assert main(["notebooks", write_notebook(tmp_path / "a.ipynb", **state)]) == 1
    assert told in capsys.readouterr().out


@pytest.mark.parametrize(("name", "most"), [("a.h5", 2), ("a.ipynb", 3)])
def test_a_file_that_is_too_large_is_refused(tmp_path, capsys, name, most):
    path = tmp_path / name
    path.write_bytes(bytes(most * MIB))
    assert main(["sizes", str(path)]) == 0
    path.write_bytes(bytes(most * MIB + 1))
    assert main(["sizes", str(path)]) == 1
    assert f"at most {most} MiB expected" in capsys.readouterr().out


def test_the_hooks_call_checks_that_exist():
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    called = [hook["entry"].split()[-1] for hook in local["hooks"] if "check_commit" in hook["entry"]]
    assert sorted(called) == sorted(CHECKS)
