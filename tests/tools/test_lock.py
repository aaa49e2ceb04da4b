"""The lock files: hashes, what follows from pyproject.toml, what is installed; tools.lock"""

import importlib.util
import re
import subprocess
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from glaciersar.errors import InputError
from tools.lock import ALL, IMAGE, TORCH, read_lock, read_versions

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = [name for name in PROJECT["optional-dependencies"] if name != "cluster"]  # serves only where there is one
PYTHONS = ("3.11", "3.12", "3.13")


@pytest.fixture(scope="module")
def pins():
    return read_lock(ROOT / ALL)


def asked(*extras):
    """Give what the core and some extras of pyproject.toml ask for."""
    texts = [*PROJECT["dependencies"], *(text for extra in extras for text in PROJECT["optional-dependencies"][extra])]
    return [Requirement(text) for text in texts]


def needed_by(name):
    """Give what an installed package needs here, without its extras; nothing where it is not installed."""
    try:
        texts = distribution(name).requires or []
    except PackageNotFoundError:
        return []
    found = [Requirement(text) for text in texts]
    return [one for one in found if not one.marker or one.marker.evaluate({"extra": ""})]


def applies(pin, python):
    return not pin.marker or Marker(pin.marker).evaluate(
        {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux"}
    )


def makefile_says(*targets):
    words = ["make", "--no-print-directory", "--dry-run", "--always-make", *targets]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_lines_are_read_as_pip_reads_them(tmp_path):
    one, other = "sha256:" + "0" * 64, "sha256:" + "1" * 64
    (tmp_path / "lock").write_text(
        "# made by uv\n"
        f"Ruamel.YAML_clib==1.0 ; python_version < '3.12' \\\n    --hash={one} \\\n    --hash={other}\n    # via x\n"
        "torch==2.13.0\n"
    )
    pins = read_lock(tmp_path / "lock")
    assert {name: pin.version for name, pin in pins.items()} == {"ruamel-yaml-clib": "1.0", "torch": "2.13.0"}
    assert pins["ruamel-yaml-clib"].hashes == {one, other}
    assert [applies(pins["ruamel-yaml-clib"], python) for python in ("3.11", "3.12")] == [True, False]


@pytest.mark.parametrize("text", ["numpy>=2\n", "numpy==1\nnumpy==1\n", "-e .\n"])
def test_a_line_that_pins_nothing_is_refused(tmp_path, text):
    (tmp_path / "a.lock").write_text(text)
    with pytest.raises(InputError, match=r"^a\.lock: "):
        read_lock(tmp_path / "a.lock")


@pytest.mark.parametrize("file", [ALL, IMAGE])
def test_every_package_has_hashes(file):
    assert [name for name, pin in read_lock(ROOT / file).items() if not pin.hashes] == []


def test_torch_alone_stands_apart(pins):
    assert read_lock(ROOT / TORCH).keys() == {"torch"}
    assert "torch" not in pins
    assert not [name for name in pins if name.startswith("nvidia-") or name == "triton"], "one build's libraries"


def test_the_lock_pins_what_pyproject_asks_for():
    versions = read_versions(ROOT)
    for requirement in asked(*EXTRAS):
        assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), requirement


@pytest.mark.parametrize("python", PYTHONS)
def test_nothing_that_pyproject_asks_for_is_left_out_on_a_supported_python(pins, python):
    names = {canonicalize_name(requirement.name) for requirement in asked(*EXTRAS)}
    assert [name for name in names - {"torch"} if not applies(pins[name], python)] == []


def test_what_pinned_packages_need_is_pinned_too():
    """As pip would resolve it, by the metadata of what is installed here at the locked version."""
    versions, checked = read_versions(ROOT), 0
    for name, version in versions.items():
        if name == "torch" and importlib.util.find_spec("nvidia"):
            continue  # its build for CUDA needs NVIDIA's packages, which no lock file pins
        for requirement in needed_by(name):
            if distribution(name).version.partition("+")[0] == version:
                checked += 1
                pinned = versions.get(canonicalize_name(requirement.name))
                assert pinned, f"{name} needs {requirement.name}, which is not pinned"
                assert requirement.specifier.contains(pinned, prereleases=True), f"{name} needs {requirement}"
    assert checked > 300


def test_the_lock_was_made_from_the_present_pyproject():
    """A requirement that was dropped is seen too: uv notes beside each pin what asks for it."""
    blocks = re.split(r"^(?=\w)", (ROOT / ALL).read_text(), flags=re.MULTILINE)
    direct = {block.partition("==")[0] for block in blocks if "glaciersar (pyproject.toml)" in block}
    names = {canonicalize_name(requirement.name) for requirement in asked(*EXTRAS)}
    assert direct == names - {"torch"}, "make lock"


def test_the_image_takes_what_it_needs_at_the_versions_of_the_lock(pins):
    image = read_lock(ROOT / IMAGE)
    for name, pin in image.items():
        assert (pin.version, pin.hashes) == (pins[name].version, pins[name].hashes)
    command = makefile_says("lock").splitlines()[-1]
    extras = re.findall(r"--extra (\w+)", command)
    assert IMAGE in command
    names = {canonicalize_name(requirement.name) for requirement in asked(*extras)}
    assert {"archive", "cpu", "inventory", "notebooks"} <= {*extras}, "what a notebook needs"
    assert names - {"torch"} <= image.keys()
    assert image.keys().isdisjoint({"mypy", "ruff", "sphinx", "rustac"})
