"""tools.numbers.markers"""

import pytest
from markdown_it import MarkdownIt

from glaciersar.errors import InputError
from tools.numbers.markers import MARKER, fill, parse

IOU = '<!-- n: t.csv model=a show="IoU, pooled" as=.2f -->'


@pytest.fixture
def root(tmp_path):
    (tmp_path / "t.csv").write_text('model,"IoU, pooled"\na,0.876\n')
    return tmp_path


def test_markers_of_a_page_are_filled_and_filling_again_changes_nothing(root):
    page = f"A [link](x.md), {IOU}?<!-- /n --> and ({IOU}0.1<!-- /n -->).\n\n| a | {IOU}<!-- /n --> |\n"
    filled = fill(page, root, where="page.md")
    assert filled == page.replace("?", "0.88").replace("0.1", "0.88").replace("--><!-- /n", "-->0.88<!-- /n")
    assert fill(filled, root, where="page.md") == filled


def test_a_page_is_rendered_with_the_numbers_only(root):
    page = f"An IoU of {IOU}?<!-- /n -->.\n\n| a | b |\n|---|---|\n| x | {IOU}?<!-- /n --> |\n"
    html = MarkdownIt("gfm-like", {"linkify": False}).render(fill(page, root, where="page.md"))
    shown = MARKER.sub(lambda marker: marker["value"], html)
    assert "<p>An IoU of 0.88.</p>" in shown
    assert "<td>0.88</td>" in shown


@pytest.mark.parametrize(
    "page",
    [
        f"{IOU}1<!-- /n --> begins a line",
        f"- {IOU}1<!-- /n --> begins an item",
        f"no end {IOU}1",
        "no start 1<!-- /n -->",
    ],
)
def test_a_marker_that_markdown_would_not_read_as_one_is_refused(root, page):
    with pytest.raises(InputError, match=r"page\.md: a marker"):
        fill(page, root, where="page.md")


def test_an_error_names_page_and_marker(root):
    with pytest.raises(InputError, match=r"page\.md: <!-- n: t\.csv model=b show=x -->: t\.csv: no row with model=b"):
        fill("a <!-- n: t.csv model=b show=x --><!-- /n -->", root, where="page.md")


@pytest.mark.parametrize("text", ["t.csv model=a", "t.csv show", "t.csv show=a take=median"])
def test_a_marker_without_a_column_or_with_an_unknown_word_is_refused(text):
    with pytest.raises(InputError, match="expected"):
        parse(text)
