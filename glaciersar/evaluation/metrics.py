"""Scores of a map against reference outlines: confusion counts, boundary distance, tables."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from glaciersar.errors import InputError
from glaciersar.io.atomic import atomic_write

Mask = NDArray[np.bool_]
RATIOS = ("iou", "precision", "recall", "f1", "accuracy")


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


@dataclass(frozen=True)
class Confusion:
    """Count pixels by reference and map; the counts of several maps add up.

    A score is NaN where it would be 0/0.
    """

    tp: int = 0
    """Glacier in reference and map."""
    fp: int = 0
    """Glacier in the map only."""
    fn: int = 0
    """Glacier in the reference only."""
    tn: int = 0
    """Glacier in neither."""

    @classmethod
    def of(cls, truth: Mask, found: Mask, valid: Mask | None = None) -> "Confusion":
        """Count the pixels of a map, any shape; only those that are `valid`, if given."""
        inside = np.ones_like(truth, bool) if valid is None else valid
        return cls(
            tp=int((truth & found & inside).sum()),
            fp=int((~truth & found & inside).sum()),
            fn=int((truth & ~found & inside).sum()),
            tn=int((~truth & ~found & inside).sum()),
        )

    def __add__(self, other: "Confusion") -> "Confusion":
        return Confusion(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn, self.tn + other.tn)

    @property
    def iou(self) -> float:
        """Intersection over union of glacier."""
        return _ratio(self.tp, self.tp + self.fp + self.fn)

    @property
    def precision(self) -> float:
        """Fraction of the mapped glacier that is glacier in the reference."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """Fraction of the reference's glacier that the map has."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def accuracy(self) -> float:
        """Fraction of all pixels on which reference and map agree."""
        return _ratio(self.tp + self.tn, self.tp + self.fp + self.fn + self.tn)


def patch_iou(truth: Mask, found: Mask) -> NDArray[np.float64]:
    """Compute the IoU of each patch as the authors validate: 1 for a patch without glacier in reference and map.

    Args:
        truth: (N, H, W).
        found: (N, H, W).

    Returns:
        (N,) values; by their mean the released training chooses the weights to keep.
    """
    both, either = (truth & found).sum(axis=(1, 2)), (truth | found).sum(axis=(1, 2))
    iou: NDArray[np.float64] = (both + 1e-7) / (either + 1e-7)
    return iou


def boundary(mask: Mask, valid: Mask | None = None) -> Mask:
    """Mark the glacier pixels (H, W) that share an edge with a pixel without glacier.

    The edges of the map and of the valid area are no boundary: what lies beyond is unknown.
    """
    inside = np.ones_like(mask) if valid is None else valid
    marked = np.zeros_like(mask)
    for axis in (0, 1):
        here, there = [slice(None)] * 2, [slice(None)] * 2
        here[axis], there[axis] = slice(None, -1), slice(1, None)
        a, b = tuple(here), tuple(there)
        crossing = (mask[a] != mask[b]) & inside[a] & inside[b]
        marked[a] |= crossing & mask[a]
        marked[b] |= crossing & mask[b]
    return marked


def boundary_distances(truth: Mask, found: Mask, pixel: float, valid: Mask | None = None) -> NDArray[np.float64]:
    """Measure from every boundary pixel of one map to the nearest of the other, both ways.

    Args:
        truth: (H, W) reference.
        found: (H, W) map.
        pixel: Side of a pixel, metres.
        valid: (H, W) where the maps can be compared.

    Returns:
        Distances in metres, those from the reference first. Empty if one of the maps has no boundary.
    """
    one, other = boundary(truth, valid), boundary(found, valid)
    if not (one.any() and other.any()):
        return np.empty(0)
    to_one = distance_transform_edt(~one, sampling=pixel)
    to_other = distance_transform_edt(~other, sampling=pixel)
    return np.concatenate((to_other[one], to_one[other]))


@dataclass(frozen=True, kw_only=True)
class TileResult:
    """The map of one tile and its reference."""

    name: str
    truth: Mask
    """(H, W) glacier of the reference."""
    found: Mask | NDArray[np.floating]
    """(H, W) glacier of the map, or its probability: glacier where above 0.5."""
    valid: Mask | None = None
    """(H, W) pixels to compare; None takes all."""


def score_tiles(results: Iterable[TileResult], *, pixel: float) -> pd.DataFrame:
    """Score maps tile by tile and together.

    Args:
        results: One a tile; a generator is read one at a time, so that one tile is in memory.
        pixel: Side of a pixel, metres.

    Returns:
        A row a tile, then "pooled" (from summed counts and all boundary pixels), "mean" and "std" over tiles, which
        skip tiles where a score is NaN and have no counts. Columns: iou, precision, recall, f1, accuracy,
        boundary_median and boundary_p95 (metres), tp, fp, fn, tn.

    Raises:
        InputError: There is no tile, or a valid pixel has no probability (NaN).
    """
    rows, total, distances = {}, Confusion(), [np.empty(0)]
    for result in results:
        found = _classes(result)
        counts = Confusion.of(result.truth, found, result.valid)
        apart = boundary_distances(result.truth, found, pixel, result.valid)
        rows[result.name] = _row(counts, apart)
        total += counts
        distances.append(apart)
    if not rows:
        raise InputError("no tile to score found, at least one expected")
    tiles = pd.DataFrame.from_dict(rows, orient="index")
    scores = tiles.drop(columns=[*asdict(total)])
    closing = {"pooled": _row(total, np.concatenate(distances)), "mean": scores.mean(), "std": scores.std()}
    frame = pd.concat((tiles, pd.DataFrame.from_dict(closing, orient="index"))).rename_axis("tile")
    return frame.astype(dict.fromkeys(asdict(total), "Int64"))


def headline_scores(scores: pd.DataFrame) -> dict[str, float]:
    """Select what a table of models shows from the frame of `score_tiles`, pooled unless the name says otherwise."""
    rows = scores.astype(float).to_dict("index")
    picked = {name: rows["pooled"][name] for name in (*RATIOS, "boundary_median", "boundary_p95")}
    picked |= {"iou_truth": rows["pooled"]["iou_truth"]} if "iou_truth" in scores else {}
    return picked | {"mean_iou": rows["mean"]["iou"], "std_iou": rows["std"]["iou"], "tiles": len(scores) - 3}


def _classes(result: TileResult) -> Mask:
    if result.found.dtype == bool:
        return result.found.astype(bool, copy=False)
    missing = np.isnan(result.found) if result.valid is None else np.isnan(result.found) & result.valid
    if missing.any():
        raise InputError(f"{result.name}: {int(missing.sum())} valid pixels without a probability found, none expected")
    return result.found > 0.5


def _row(counts: Confusion, distances: NDArray[np.float64]) -> dict[str, float]:
    median, p95 = np.percentile(distances, (50, 95)) if distances.size else (np.nan, np.nan)
    ratios = {name: getattr(counts, name) for name in RATIOS}
    return ratios | {"boundary_median": median, "boundary_p95": p95} | asdict(counts)


def write_table(frame: pd.DataFrame, stem: str | Path, *, caption: str, digits: int = 3) -> list[Path]:
    """Write a table as stem.csv (full precision), stem.md and stem.tex (rounded to `digits`); returns their paths."""
    stem = Path(stem)
    frame = frame if isinstance(frame.index, pd.RangeIndex) else frame.reset_index()  # plain row numbers are no column
    shown = frame.map(lambda value: _text(value, digits))
    alignment = ["right" if pd.api.types.is_numeric_dtype(kind) else "left" for kind in frame.dtypes]
    markdown = shown.to_markdown(index=False, disable_numparse=True, colalign=alignment)
    latex = shown.to_latex(
        index=False,
        escape=True,
        caption=_escape(caption),
        column_format="".join(side[0] for side in alignment),
        position="htbp",
    )
    texts = {".csv": frame.to_csv(index=False, lineterminator="\n"), ".md": f"{caption}\n\n{markdown}\n", ".tex": latex}
    paths = []
    for suffix, text in texts.items():
        paths.append(stem.with_name(stem.name + suffix))
        with atomic_write(paths[-1]) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return paths


def _text(value: object, digits: int) -> str:
    if isinstance(value, float | np.floating):
        return f"{value:.{digits}f}" if np.isfinite(value) else "–"
    return "–" if value is pd.NA else str(value)


def _escape(text: str) -> str:
    """Escape the characters of a caption that LaTeX would read as commands."""
    return "".join("\\" + sign if sign in "&%$#_{}" else sign for sign in text)
