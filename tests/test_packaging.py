"""What an installation needs: the core alone trains, maps and scores; a missing extra is named with its command."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest

from glaciersar.errors import InputError
from glaciersar.io.extras import EXTRAS, has_extra, require_extra
from glaciersar.models.shipped import SHIPPED

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "tests" / "support" / "core_only.py"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def distribution_names(requirements):
    return {re.split(r"[ <>=!~;\[]", text)[0].lower().replace("_", "-") for text in requirements}


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What the script prints with every library of every extra hidden."""
    extras = distribution_names(name for extra in PROJECT["optional-dependencies"].values() for name in extra)
    provided = {
        module
        for module, distributions in packages_distributions().items()
        if distribution_names(distributions) & extras
    }
    command = [sys.executable, SCRIPT, tmp_path_factory.mktemp("core"), *sorted(provided | set(EXTRAS))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.slow
def test_every_module_is_imported_without_extras(said):
    modules = [path for path in (ROOT / "glaciersar").rglob("*.py") if path.parent != ROOT / "glaciersar"]
    flat = [path for path in (ROOT / "glaciersar").glob("*.py") if path.name != "__init__.py"]
    assert said[0] == f"{len(modules) + len(flat)} modules imported"
    assert said[-1].strip() == "imported although hidden:"


@pytest.mark.slow
def test_a_network_is_trained_and_scored_without_extras(said):
    assert 0 < float(said[1].removeprefix("IoU ")) <= 1


@pytest.mark.slow
def test_a_missing_extra_is_told_in_a_sentence_with_its_command(said):
    told = dict(line.split(": ", 1) for line in said[2:-1])
    commands = {step: re.search(r"pip install \"glaciersar\[(\w+)\]\"$", text)[1] for step, text in told.items()}
    assert commands == {
        "simulate": "archive",
        "catalogue": "archive",
        "search": "archive",
        "notebook": "notebooks",
        "baseline": "evidence",
        "openvino": "cpu",
        "onnx": "onnx",
        "parquet": "inventory",
        "web map": "inventory",
    }


@pytest.mark.slow
def test_a_wheel_holds_every_module_and_every_data_file_and_shipped_weights(tmp_path):
    meta = pytest.importorskip("setuptools.build_meta")
    if int(version("setuptools").partition(".")[0]) < 77:
        pytest.skip("pyproject.toml asks for setuptools 77 to build")
    shutil.copytree(ROOT / "glaciersar", tmp_path / "glaciersar", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "glaciersar/models/weights").mkdir(exist_ok=True)
    for name in SHIPPED:
        for suffix in (".safetensors", ".json"):
            (tmp_path / f"glaciersar/models/weights/{name}{suffix}").touch()
    command = [sys.executable, "-c", f"import {meta.__name__} as meta; print(meta.build_wheel('.'))"]
    subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("glaciersar/")}
    files = (path.relative_to(tmp_path) for path in (tmp_path / "glaciersar").rglob("*") if path.is_file())
    assert packed == {path.as_posix() for path in files}


def test_the_extras_that_are_named_exist():
    assert set(EXTRAS.values()) <= PROJECT["optional-dependencies"].keys()
    for module, extra in EXTRAS.items():
        named = {"IPython": "ipykernel", "sklearn": "scikit-learn"}.get(module, module)  # which it comes with
        assert named.replace("_", "-") in PROJECT["optional-dependencies"][extra]


def test_a_library_of_an_extra_is_imported_where_it_is_installed(monkeypatch):
    assert require_extra("IPython.display").HTML
    assert has_extra("pystac")
    monkeypatch.setitem(EXTRAS, "no_such_library", "archive")
    assert not has_extra("no_such_library")
    with pytest.raises(InputError, match=r'^no_such_library is not installed.*pip install "glaciersar\[archive\]"$'):
        require_extra("no_such_library")
