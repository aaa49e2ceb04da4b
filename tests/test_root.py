"""glaciersar.root"""

from pathlib import Path

import pytest

from glaciersar import root
from glaciersar.errors import InputError

CHECKOUT = Path(root.__file__).parents[1]


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    monkeypatch.delenv(root.VARIABLE, raising=False)


@pytest.fixture
def project(tmp_path):
    (tmp_path / "project" / "notebooks" / "deep").mkdir(parents=True)
    (tmp_path / "project" / "pyproject.toml").write_text('[project]\nname = "glaciersar"\n')
    return tmp_path / "project"


@pytest.mark.parametrize("inside", [".", "notebooks", "notebooks/deep"])
def test_the_project_is_found_from_each_of_its_folders(project, inside):
    assert root.find_root(project / inside) == project


def test_the_working_directory_is_where_the_search_begins(project, monkeypatch):
    monkeypatch.chdir(project / "notebooks")
    assert root.find_root() == project


def test_a_project_within_another_is_the_nearer_one(project):
    inner = project / "notebooks" / "deep"
    (inner / "pyproject.toml").write_text('[project]\nname = "glaciersar"\n')
    assert root.find_root(inner) == inner


@pytest.mark.parametrize("text", ['[project]\nname = "another"\n', "[project", "project = 3", "", "\x00"])
def test_a_project_of_another_name_or_a_broken_file_is_passed_over(project, text):
    (project / "notebooks" / "pyproject.toml").write_text(text)
    assert root.find_root(project / "notebooks" / "deep") == project


def test_outside_of_all_projects_it_is_the_checkout_of_the_package(tmp_path):
    assert root.find_root(tmp_path) == CHECKOUT


def test_the_environment_names_it_before_all_others(project, tmp_path, monkeypatch):
    monkeypatch.setenv(root.VARIABLE, str(tmp_path))
    assert root.find_root(project) == tmp_path
    monkeypatch.setenv(root.VARIABLE, str(tmp_path / "absent"))
    with pytest.raises(InputError, match=r"GLACIERSAR_ROOT: no folder at .*absent', one expected"):
        root.find_root(project)


def test_without_any_project_the_sentence_says_what_to_set(tmp_path, monkeypatch):
    monkeypatch.setattr(root, "__file__", str(tmp_path / "site-packages" / "glaciersar" / "root.py"))
    with pytest.raises(InputError, match=r"no project glaciersar here or above it.*set GLACIERSAR_ROOT"):
        root.find_root(tmp_path)
