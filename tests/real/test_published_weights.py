"""The six weight files of glaciersar.models.pretrained, against the table of ../shared/PAPER.md."""

import re

from glaciersar.models import pretrained


def test_each_published_file_has_the_model_the_features_and_the_git_id_of_the_paper_notes(shared):
    text = (shared / "PAPER.md").read_text()
    rows = re.findall(r"\| (ICEmapper\w+)\.h5 \| (\w+), ([\w +]+) \| (\w{40}) \|", text)
    known = {e.name: (e.model, e.features, e.blob) for e in pretrained.PUBLISHED.values()}
    assert {name: (model, tuple(features.split(" + ")), blob) for name, model, features, blob in rows} == known
    assert len(rows) == 6
    assert pretrained.COMMIT in text
