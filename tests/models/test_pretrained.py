import json
import re
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from glaciersar import models
from glaciersar.errors import InputError
from glaciersar.models import pretrained
from glaciersar.radiometry import RANGES
from tests.support.keras_files import write_keras
from tests.support.networks import dates_for


@pytest.fixture
def model():
    torch.manual_seed(2)
    return models.build("ulstm", features=2, width=4, dropout=0.25)


@pytest.mark.parametrize("name", models.NAMES)
def test_a_saved_model_comes_back_as_it_was(name, tmp_path):
    model = models.build(name, features=2, width=4, dropout=0.25)
    dates = dates_for(model, 3)
    model.train()(torch.rand(2, 2, dates, 16, 16))  # moves the running statistics
    pretrained.save(model, tmp_path / "w.safetensors", recipe="corrected", feature_names="grd,insar")
    found = pretrained.load(tmp_path / "w.safetensors")
    assert (found.name, found.features, found.width, found.dropout) == (name, 2, 4, 0.25)
    assert found.metadata == {"recipe": "corrected", "feature_names": "grd,insar"}
    assert not found.training
    assert {value.data_ptr() % 64 for value in found.state_dict().values()} == {0}  # else last bits may differ
    series = torch.rand(1, 2, dates, 16, 16)
    with torch.no_grad():
        assert torch.equal(found(series), model.eval()(series))


def test_the_same_model_gives_the_same_bytes(model, tmp_path):
    written = set()
    for number in range(5):
        path = tmp_path / f"{number}.safetensors"
        pretrained.save(model, path, seed="1", recipe="corrected", feature_names="grd,insar", profile="mini")
        written.add(path.read_bytes())
    assert len(written) == 1


def test_a_changed_weight_or_word_of_the_header_is_refused(model, tmp_path):
    path = tmp_path / "w.safetensors"
    pretrained.save(model, path, trained_on="simulated radar")
    content = path.read_bytes()
    flipped = bytearray(content)
    flipped[-9] ^= 1
    for changed in (bytes(flipped), content.replace(b"simulated radar", b"Sentinel-1 data")):
        path.write_bytes(changed)
        with pytest.raises(InputError, match=r"w\.safetensors: content with checksum .* changed after it was written"):
            pretrained.load(path)


def test_a_file_of_an_older_version_without_a_checksum_is_loaded_and_told_once(model, tmp_path, capsys):
    header = {"name": "ulstm", "features": 2, "width": 4, "dropout": 0.25, "metadata": {"recipe": "corrected"}}
    path = tmp_path / "older.safetensors"
    save_file(model.state_dict(), path, {"glaciersar": json.dumps(header)})
    for _ in range(2):
        found = pretrained.load(path)
    assert all(torch.equal(value, found.state_dict()[key]) for key, value in model.state_dict().items())
    assert capsys.readouterr().out.count("older.safetensors: no checksum in it") == 1


def test_weights_laid_out_channels_last_are_saved_alike(model, tmp_path):
    pretrained.save(model, tmp_path / "plain.safetensors")
    pretrained.save(model.to(memory_format=torch.channels_last), tmp_path / "last.safetensors")
    assert (tmp_path / "plain.safetensors").read_bytes() == (tmp_path / "last.safetensors").read_bytes()


def test_weights_of_another_shape_or_none_are_refused_by_name(model, tmp_path):
    path = tmp_path / "w.safetensors"
    model.decoder.head = torch.nn.Conv2d(5, 2, 1)
    pretrained.save(model, path)
    with pytest.raises(InputError, match=r"w\.safetensors: \(2, 5, 1, 1\) found at weight decoder\.head\.weight"):
        pretrained.load(path)
    model.decoder.head = torch.nn.Identity()
    pretrained.save(model, path)
    with pytest.raises(InputError, match=r"nothing found at weight decoder\.head\.bias, \(2,\) expected for ulstm"):
        pretrained.load(path)


def test_files_of_something_else_are_refused(model, tmp_path):
    text, other, cut = (tmp_path / f"{name}.safetensors" for name in ("text", "other", "cut"))
    text.write_text("not safetensors")
    save_file({"a": torch.zeros(1)}, other)
    pretrained.save(model, cut)
    cut.write_bytes(cut.read_bytes()[:-10])
    for path, message in ((text, "cannot be read"), (cut, "cannot be read"), (other, "not weights of a network")):
        with pytest.raises(InputError, match=f"{path.name}: .*{message}"):
            pretrained.load(path)
    with pytest.raises(InputError, match="expected a file, or one of ICEmapper_maxpool_grd"):
        pretrained.load(tmp_path / "none.safetensors")


@pytest.mark.parametrize(
    "change",
    [
        {"name": "unet4d"},
        {"width": "4"},
        {"features": None},
        {"metadata": None},
    ],
)
def test_a_header_that_names_no_network_is_refused(model, tmp_path, change):
    header = {"name": "ulstm", "features": 2, "width": 4, "dropout": 0.25, "metadata": {}} | change
    header = {key: value for key, value in header.items() if value is not None}
    for text in (json.dumps(header), "not JSON", "[]"):
        save_file(model.state_dict(), tmp_path / "w.safetensors", {"glaciersar": text})
        with pytest.raises(InputError, match=r"w\.safetensors: .*name, features, width, dropout and metadata expected"):
            pretrained.load(tmp_path / "w.safetensors")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [(torch.Tensor.double, "of type float64, float32 expected"), (lambda x: x * torch.nan, "holds NaN or infinite")],
)
def test_weights_that_are_no_finite_float32_are_refused_by_name(model, tmp_path, change, sentence):
    with torch.no_grad():
        model.decoder.head.bias.data = change(model.decoder.head.bias)
    pretrained.save(model, tmp_path / "w.safetensors")
    with pytest.raises(InputError, match=rf"w\.safetensors: weight decoder\.head\.bias .*{sentence}"):
        pretrained.load(tmp_path / "w.safetensors")


@pytest.mark.parametrize("name", ["w.h5", "w.H5", "w.hdf5"])
def test_keras_files_are_taken_by_path(model, tmp_path, name):
    assert pretrained.load(write_keras(model, tmp_path / name)).name == "ulstm"


def test_git_ids_are_gits():
    assert pretrained.git_blob_id(b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    assert pretrained.git_blob_id(b"hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_six_files_are_known_each_with_its_own_git_id():
    ids = {entry.blob for entry in pretrained.PUBLISHED.values()}
    assert len(ids) == len(pretrained.PUBLISHED) == 6
    assert all(re.fullmatch("[0-9a-f]{40}", blob) for blob in ids)
    for name, entry in pretrained.PUBLISHED.items():
        assert entry.url.endswith(f"{pretrained.COMMIT}/weights/{name}.h5")
        assert "".join(entry.features) == name.rpartition("_")[2]
        assert entry.scaling == {feature: RANGES[feature] for feature in entry.features}


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A published file of our own, in a folder that stands for the network."""
    monkeypatch.setenv("GLACIERSAR_CACHE", str(tmp_path / "cache"))
    path = write_keras(models.build("unet3d_weighted", features=2, width=4), tmp_path / "there.h5")
    entry = replace(
        pretrained.PUBLISHED["ICEmapper_tweightedpool_grdinsar"],
        url=path.as_uri(),
        blob=pretrained.git_blob_id(path.read_bytes()),
    )
    monkeypatch.setitem(pretrained.PUBLISHED, entry.name, entry)
    return path, entry


def test_a_published_file_is_fetched_once_and_kept_as_safetensors(published):
    path, entry = published
    first = pretrained.load(entry.name)
    path.unlink()
    second = pretrained.load(entry.name)
    assert first.name == second.name == "unet3d_weighted"
    assert second.metadata["feature_names"] == "grd,insar"
    assert second.metadata["licence"] == "GPL-2.0"
    assert second.metadata["blob"] == entry.blob
    low, high = RANGES["insar"]
    assert f"insar {low} to {high}" in second.metadata["scaling"]
    assert first.metadata == second.metadata
    series = torch.rand(1, 2, 3, 8, 8)
    assert torch.equal(first(series), second(series))
    assert [kept.suffix for kept in pretrained.cache_folder().iterdir()] == [".safetensors"]


def test_a_published_file_taken_by_its_path_is_known_by_its_content(published, tmp_path):
    path, entry = published
    assert pretrained.load(path).metadata == pretrained.load(entry.name).metadata
    other = write_keras(models.build("unet3d_weighted", width=4), tmp_path / "other.h5")
    assert pretrained.load(other).metadata == {}


@pytest.mark.parametrize("change", [{"model": "unet3d"}, {"features": ("grd",)}])
def test_a_published_file_that_holds_another_model_than_listed_is_refused(published, monkeypatch, change):
    _, entry = published
    monkeypatch.setitem(pretrained.PUBLISHED, entry.name, replace(entry, **change))
    with pytest.raises(InputError, match=r"there\.h5: unet3d_weighted with 2 features found, unet3d.* expected"):
        pretrained.load(entry.name)
    assert not pretrained.cache_folder().exists()


def test_a_cache_that_cannot_be_written_is_named(published, monkeypatch, tmp_path):
    (tmp_path / "taken").write_text("a file")
    monkeypatch.setenv("GLACIERSAR_CACHE", str(tmp_path / "taken"))
    with pytest.raises(InputError, match=r"taken: cannot be written .* GLACIERSAR_CACHE"):
        pretrained.load(published[1].name)


def test_a_damaged_file_in_the_cache_is_named_with_the_way_out(published):
    pretrained.load(published[1].name)
    (kept,) = pretrained.cache_folder().iterdir()
    kept.write_bytes(kept.read_bytes()[:-1])
    with pytest.raises(InputError, match=rf"{kept.name}: cannot be read .*; remove it to download it again"):
        pretrained.load(published[1].name)


def test_a_download_with_another_git_id_is_refused_and_not_kept(published):
    path, entry = published
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(InputError, match=rf"there\.h5: git blob [0-9a-f]{{40}} found, {entry.blob} expected"):
        pretrained.load(entry.name)
    assert not pretrained.cache_folder().exists()


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/w.h5", "file:///nowhere/w.h5"])
def test_offline_is_told_in_one_sentence(published, monkeypatch, url):
    _, entry = published
    monkeypatch.setitem(pretrained.PUBLISHED, entry.name, replace(entry, url=url))
    with pytest.raises(InputError, match=rf"grdinsar: cannot be downloaded from {url} .* pass its path"):
        pretrained.load(entry.name)


def test_the_cache_lies_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("GLACIERSAR_CACHE", str(tmp_path))
    assert pretrained.cache_folder() == tmp_path
    monkeypatch.delenv("GLACIERSAR_CACHE")
    assert pretrained.cache_folder().name == "glaciersar"
