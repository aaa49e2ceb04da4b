"""Weights on disk: our own files, those that ship with the package, and the six that the authors published."""

import hashlib
import json
import os
import tempfile
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

import platformdirs
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from glaciersar.errors import InputError
from glaciersar.io.atomic import atomic_write
from glaciersar.io.checksums import KEY, tensors_checksum, verify
from glaciersar.io.limits import parse_json
from glaciersar.io.open_raster import check_regular
from glaciersar.models import build
from glaciersar.models.keras import from_keras, refuse_archive
from glaciersar.models.layers import Network
from glaciersar.models.shipped import SHIPPED, shipped_file
from glaciersar.radiometry import RANGES

__all__ = ["PUBLISHED", "SHIPPED", "Published", "cache_folder", "from_keras", "load", "save", "weight_file"]

HEADER = "glaciersar"  # one JSON entry in the file's header: several would be written in any order
LICENCE = "GPL-2.0"
CITATION = "K. A. Maslov et al., ICEmapper, preprint doi 10.31223/X5472T; github.com/konstantin-a-maslov/icemapper"
COMMIT = "bdc60c0d1ea8d2614f1af9a5fb728da1b467e5c4"
URL = f"https://raw.githubusercontent.com/konstantin-a-maslov/icemapper/{COMMIT}/weights/"


@dataclass(frozen=True, kw_only=True)
class Published:
    """A weight file that the authors published, trained on Svalbard."""

    name: str
    model: str
    features: tuple[str, ...]
    """In the order of the input's channels."""
    blob: str
    """Git's id of the file: SHA-1 of its content behind a header with its size."""
    url: str
    licence: str = LICENCE
    citation: str = CITATION

    @property
    def scaling(self) -> dict[str, tuple[float, float]]:
        """Values that `radiometry.scale` maps to 0 and 1, by feature; dB or coherence."""
        return {feature: RANGES[feature] for feature in self.features}

    @property
    def metadata(self) -> dict[str, str]:
        """The metadata of a model loaded from this file."""
        return {
            "feature_names": ",".join(self.features),
            "scaling": ", ".join(f"{feature} {low} to {high}" for feature, (low, high) in self.scaling.items()),
            "source": self.url,
            "blob": self.blob,
            "licence": self.licence,
            "citation": self.citation,
        }


PUBLISHED = {
    name: Published(name=name, model=model, features=features, blob=blob, url=f"{URL}{name}.h5")
    for name, model, features, blob in (
        ("ICEmapper_maxpool_grd", "unet3d", ("grd",), "a96b2b5253eeced173da77d45c1748bacce94b5d"),
        ("ICEmapper_tweightedpool_grd", "unet3d_weighted", ("grd",), "24d4f648b9f7346ae830da4978fd280a9adb7ff1"),
        (
            "ICEmapper_tweightedpool_grdinsar",
            "unet3d_weighted",
            ("grd", "insar"),
            "3d9abd0fe324a25cc99f9121bffd3493a8e75fc5",
        ),
        ("ICEmapper_tweightedpool_insar", "unet3d_weighted", ("insar",), "7251f30658b2f58e4c8c3f600ac6fe5467bbb78a"),
        ("ICEmapper_tweightedpool_rtc", "unet3d_weighted", ("rtc",), "a89bbd766435f65a65ebcd1fef94336e53325d14"),
        (
            "ICEmapper_tweightedpool_rtcinsar",
            "unet3d_weighted",
            ("rtc", "insar"),
            "12e1d52552eb9a0be90985dccedb81eb8262a2cc",
        ),
    )
}


def save(model: Network, path: str | Path, **metadata: str) -> None:
    """Write a model as safetensors, with a checksum: the same model and metadata always give the same bytes.

    Args:
        model: From `models.build` or `load`.
        path: File to write, whole or not at all.
        metadata: Texts kept in the file, for example feature_names="grd", recipe="corrected".
    """
    header = {
        "name": model.name,
        "features": model.features,
        "width": model.width,
        "dropout": model.dropout,
        "metadata": metadata,
    }
    tensors = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    header[KEY] = tensors_checksum(tensors, header)
    with atomic_write(path) as temporary:
        save_file(tensors, temporary, {HEADER: json.dumps(header, sort_keys=True)})


def load(name_or_path: str | Path) -> Network:
    """Load weights: a file that `save` wrote, a Keras .h5 file, or a name in `SHIPPED` or `PUBLISHED`.

    A shipped file lies in the package and is checked against its record. A published file is downloaded once, checked
    against its git id, converted and kept in `cache_folder()`. The same file on disk is known by its content.

    Returns:
        The model in evaluation mode; `model.metadata` holds the texts given to `save`, or those of a published file.

    Raises:
        InputError: No such file or name, not a weight file, the download failed or is not the published file, the
            cache cannot be written, or what should have been shipped is not there.
    """
    if str(name_or_path) in SHIPPED:
        return _load_own(shipped_file(str(name_or_path)), checked=True)
    if str(name_or_path) in PUBLISHED:
        return _load_published(PUBLISHED[str(name_or_path)])
    path = Path(name_or_path)
    check_regular(path)
    if not path.is_file():
        known = ", ".join((*PUBLISHED, *SHIPPED))
        raise InputError(f"{path}: no such weight file; expected a file, or one of {known}")
    refuse_archive(path)
    if path.suffix.lower() not in (".h5", ".hdf5"):
        return _load_own(path)
    model = from_keras(path)
    found = git_blob_id(path.read_bytes())
    for entry in PUBLISHED.values():
        if entry.blob == found:
            model.metadata = entry.metadata
    return model


def weight_file(name_or_path: str | Path) -> Path:
    """Find the file on disk of weights that `load` has loaded; of a published name its converted copy in the cache."""
    name = str(name_or_path)
    if name in SHIPPED:
        return shipped_file(name)
    return _kept(PUBLISHED[name]) if name in PUBLISHED else Path(name)


def _load_own(path: Path, *, checked: bool = False) -> Network:
    """Load a file that `save` wrote, and verify its checksum unless the whole file is `checked` already."""
    try:
        with safe_open(path, "pt") as file:
            entries = file.metadata() or {}
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path}: cannot be read as safetensors ({error}); expected weights of glaciersar") from error
    if HEADER not in entries:
        raise InputError(f"{path}: no entry {HEADER!r} in its header, so not weights of a network of this package")
    try:
        header = parse_json(entries[HEADER])
        with torch.device("meta"):  # no memory, no random numbers: every weight comes from the file
            model = build(header["name"], **{key: header[key] for key in ("features", "width", "dropout")})
        model.metadata = {str(name): str(value) for name, value in header["metadata"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError, OverflowError, ArithmeticError) as error:
        raise InputError(
            f"{path}: header {entries[HEADER]} found, "
            f"name, features, width, dropout and metadata expected ({type(error).__name__}: {error})"
        ) from error
    empty = model.state_dict()
    expected = {key: tuple(value.shape) for key, value in empty.items()}
    for key in sorted(expected.keys() | state.keys()):
        found = tuple(state[key].shape) if key in state else "nothing"
        if found != expected.get(key):
            raise InputError(
                f"{path}: {found} found at weight {key}, {expected.get(key, 'nothing')} expected for {model.name} "
                f"with {model.features} features and width {model.width}"
            )
        kind, wanted = (str(one[key].dtype).removeprefix("torch.") for one in (state, empty))
        if kind != wanted:
            raise InputError(f"{path}: weight {key} is of type {kind}, {wanted} expected")
        if not state[key].isfinite().all():
            raise InputError(f"{path}: weight {key} holds NaN or infinite values, finite ones expected")
    if not checked:
        verify(header.get(KEY), tensors_checksum(state, header), path)
    aligned = {key: value.clone() for key, value in state.items()}  # in the file they lie anywhere: other last bits
    model.load_state_dict(aligned, assign=True)
    return model.eval()


def cache_folder() -> Path:
    """Find the folder for downloads: GLACIERSAR_CACHE if set, else the platform's folder for caches."""
    if chosen := os.environ.get("GLACIERSAR_CACHE"):
        return Path(chosen)
    return platformdirs.user_cache_path("glaciersar", appauthor=False, opinion=False)


def git_blob_id(content: bytes) -> str:
    """Compute the id that git gives to content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _kept(entry: Published) -> Path:
    return cache_folder() / f"{entry.name}-{entry.blob[:12]}.safetensors"


def _load_published(entry: Published) -> Network:
    kept = _kept(entry)
    if not kept.exists():
        model = _convert(_download(entry), entry)
        try:
            save(model, kept, **entry.metadata)
        except (InputError, OSError) as error:
            reason = error.__cause__ or error
            raise InputError(
                f"{kept.parent}: cannot be written ({reason}), a writable folder expected in GLACIERSAR_CACHE"
            ) from error
    try:
        return _load_own(kept)
    except InputError as error:
        raise InputError(f"{error}; remove it to download it again") from error


def _convert(content: bytes, entry: Published) -> Network:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{entry.name}.h5"
        file.write_bytes(content)
        model = from_keras(file)
    if (model.name, model.features) != (entry.model, len(entry.features)):
        raise InputError(
            f"{entry.url}: {model.name} with {model.features} features found, "
            f"{entry.model} with {len(entry.features)} expected"
        )
    return model


def _download(entry: Published) -> bytes:
    try:
        with urllib.request.urlopen(entry.url, timeout=60) as answer:
            content: bytes = answer.read()
    except (OSError, HTTPException) as error:
        raise InputError(
            f"{entry.name}: cannot be downloaded from {entry.url} ({error}); get the file elsewhere and pass its path"
        ) from error
    if (found := git_blob_id(content)) != entry.blob:
        raise InputError(f"{entry.url}: git blob {found} found, {entry.blob} expected; nothing of it was kept")
    return content
