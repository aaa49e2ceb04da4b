"""glaciersar.dependencies"""

import ast
import importlib
import inspect
import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from glaciersar.dependencies import PACKAGE, files_behind
from glaciersar.errors import InputError

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"


def names(*sources):
    return {path.relative_to(PACKAGE).as_posix() for path in files_behind(*sources)}


def write_code(path, *cells):
    nbformat.write(new_notebook(cells=[new_markdown_cell("import glaciersar.cli"), *map(new_code_cell, cells)]), path)
    return path


def test_training_depends_on_its_loss_its_network_and_its_data_but_on_no_plot():
    found = names("glaciersar.training.loop")
    assert found >= {"training/loop.py", "training/losses.py", "models/unet3d.py", "dataset/hdf5.py", "recipe.py"}
    assert found >= {"models/unet3d.py", "models/__init__.py", "__init__.py"}
    assert not any(name.startswith(("plots/", "scenes/", "simulate/", "inventory/")) for name in found)
    assert "cli.py" not in found


def test_a_notebook_depends_on_what_its_code_imports_directly_or_not(tmp_path):
    notebook = write_code(tmp_path / "a.ipynb", "%matplotlib inline\n!ls", "from glaciersar.inventory import vectorize")
    found = names(notebook)
    assert found == names("glaciersar.inventory.vectorize")
    assert found >= {"inventory/vectorize.py", "inventory/__init__.py", "errors.py", "__init__.py"}
    other = write_code(
        tmp_path / "b.ipynb", "import numpy", "if True:\n    import glaciersar.training.losses as losses"
    )
    assert names(other) == names("glaciersar.training.losses")
    assert names(notebook, other) == names(notebook) | names(other)
    assert names(write_code(tmp_path / "c.ipynb", "import numpy")) == set()


def test_of_a_room_the_modules_count_whose_names_a_notebook_uses(tmp_path):
    whole = write_code(tmp_path / "a.ipynb", "from glaciersar import inventory, scenes", "inventory.trace_glaciers()")
    direct = names("glaciersar.inventory.vectorize", "glaciersar.scenes")
    assert names(whole) == direct
    assert "scenes/search.py" not in names(whole), "nothing of scenes is used"
    renamed = write_code(tmp_path / "b.ipynb", "from glaciersar import inventory as i", "print(i.trace_glaciers)")
    assert names(renamed) == names("glaciersar.inventory.vectorize")
    name = write_code(tmp_path / "c.ipynb", "from glaciersar.inventory import trace_glaciers")
    assert names(name) == names("glaciersar.inventory.vectorize")
    module = write_code(tmp_path / "d.ipynb", "from glaciersar import plots", "plots.evidence.arms()")
    assert "plots/evidence.py" in names(module)


@pytest.mark.parametrize("stub", sorted(PACKAGE.glob("*/__init__.pyi")), ids=lambda stub: stub.parent.name)
def test_a_room_hands_on_what_its_stub_lists(stub):
    room = importlib.import_module(f"glaciersar.{stub.parent.name}")
    assert room.__all__
    for name in room.__all__:
        handed_on = getattr(room, name)
        assert inspect.getmodule(handed_on) in (None, handed_on) or handed_on.__module__.startswith(room.__name__)


def test_the_code_imports_modules_not_what_rooms_hand_on():
    """A name that a room hands on hides the module behind it from import rules and from what a step depends on."""
    root = PACKAGE.parent
    for path in [*PACKAGE.rglob("*.py"), *root.joinpath("tools").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                stub = root.joinpath(*node.module.split("."), "__init__.pyi")
                handed_on = stub.read_text() if stub.exists() else ""
                for alias in node.names:
                    is_module = stub.with_name(f"{alias.name}.py").exists()
                    assert is_module or f"import {alias.name} as" not in handed_on, (
                        f"{path}: {node.module}.{alias.name}"
                    )


def test_a_data_file_counts_with_the_modules_beside_it():
    assert "simulate/backscatter.yaml" in names("glaciersar.simulate.radar")
    assert "inventory/outlines.qml" in names("glaciersar.inventory.vectorize")
    assert not any(name.endswith((".yaml", ".qml")) for name in names("glaciersar.training.loop"))


def test_what_a_package_imports_counts_with_each_of_its_modules():
    """Python runs models/__init__.py before models/precision.py, and so all that it imports."""
    assert names("glaciersar.models.precision") >= names("glaciersar.models.unet3d")


@pytest.mark.parametrize("stem", ["02-dataset", "09-change"])
def test_every_file_that_python_loads_for_a_notebook_is_listed(stem):
    cells = json.loads((NOTEBOOKS / f"{stem}.ipynb").read_text("utf-8"))["cells"]
    tree = ast.parse("\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    known = {alias.asname or alias.name for node in imports for alias in node.names}
    used = [n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and ast.unparse(n.value) in known]  # then loaded
    lines = list(dict.fromkeys(map(ast.unparse, [*imports, *used])))
    show = "print(*(m.__file__ for n, m in sys.modules.items() if n.startswith('glaciersar')), sep='\\n')"
    command = [sys.executable, "-c", "\n".join([*lines, "import sys", show])]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(loaded) > 20
    assert set(map(Path, loaded)) <= set(files_behind(NOTEBOOKS / f"{stem}.ipynb"))


def test_an_unknown_module_or_broken_code_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"glaciersar\.training\.lop: no such module"):
        files_behind("glaciersar.training.lop")
    with pytest.raises(InputError, match=r"a\.ipynb: code that cannot be parsed"):
        files_behind(write_code(tmp_path / "a.ipynb", "import ("))
