import subprocess
import sys

import pytest
from test_notebooks import write_notebook

from glaciersar import cli


@pytest.fixture
def notebook(tmp_path):
    return write_notebook(tmp_path / "03-train.ipynb", "print(model, epochs, fast)")


def test_run_executes_a_notebook_with_the_given_parameters(notebook, tmp_path, capsys):
    out = tmp_path / "out"
    words = ["run", str(notebook), "--model", "ulstm", "--epochs=4", "--fast", "false", "--out", str(out), "--quiet"]
    assert cli.main(words) == 0
    assert capsys.readouterr().out.strip() == str(out / "03-train.ipynb")
    assert "ulstm 4 False" in (out / "03-train.ipynb").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--epoch", "4"], "did you mean 'epochs'"),
        (["--epochs", "four"], "expected int"),
        (["--epochs"], "stands without a value"),
        (["epochs", "4"], "'epochs' found, a parameter of the notebook as --name value expected"),
        (["--profile", "huge"], "profile 'huge' is unknown"),
    ],
)
def test_a_mistake_is_one_sentence_and_a_status_that_is_not_zero(notebook, tmp_path, capsys, words, message):
    assert cli.main(["run", str(notebook), "--out", str(tmp_path / "out"), *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("glaciersar: ")
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_help_does_not_load_torch():
    code = (
        "import sys, glaciersar.cli as c\n"
        "try: c.main(['run', '--help'])\n"
        "except SystemExit: sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=False).returncode == 0
