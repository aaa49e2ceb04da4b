"""tools.kills.compare"""

from tools.kills.compare import contents, differences


def test_each_file_that_differs_is_named(tmp_path):
    for name, text in {"a/same": "1", "a/other": "2", "gone": "3", "times": "4"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    expected = contents(tmp_path, lambda path: path.name == "times")
    assert sorted(expected) == ["a/other", "a/same", "gone"]
    (tmp_path / "a/other").write_text("5")
    (tmp_path / "gone").rename(tmp_path / "new")
    (tmp_path / "times").unlink()
    said = differences(contents(tmp_path), expected)
    assert said == ["a/other differs", "gone is missing", "new is left over"]
    assert differences(expected, expected) == []
