"""Plan the mapping of Svalbard and of all glaciers from measured rates, and write it to docs/scaling.md.

python -m tools.scaling [docs/scaling.md]
"""

import math
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import yaml

from glaciersar import models
from glaciersar.errors import InputError
from glaciersar.inference.sliding_window import DEFAULT_TILING, WindowLayout
from glaciersar.io.atomic import atomic_write
from glaciersar.models.costs import count_flop
from tools.job_queue import simulate_queue
from tools.numbers.sources import Query, look_up
from tools.scaling_page import BREAKS, PAGE

ROOT = Path(__file__).resolve().parents[1]
RESULTS = "benchmarks/RESULTS.md"
NETWORKS = ("unet3d", "ulstm")
WIDTH = 32
TILE = 1152  # pixels, side of the tile on which benchmarks/mapping.py measured
MAP_BYTES = 4 + 1  # of a pixel: probability and mask
SIDE = 384  # pixels of the patch whose operations are counted; they grow with its area


@dataclass(frozen=True, kw_only=True)
class Rates:
    """What was measured, on two threads."""

    pixels: Mapping[str, float]
    """A second, of windows, by network."""
    read: float
    """Pixels of one date that a process reads and prepares a second."""
    stored: float
    """Bytes of a pixel of one date in a compressed GeoTIFF."""
    memory: float
    """MiB, most of what mapping by windows takes."""
    join: float
    """MiB, most of what a map that streams takes."""
    device: float
    """GiB of a GPU for a window."""


def measured(root: Path = ROOT) -> Rates:
    """Read the rates from committed tables.

    Raises:
        InputError: A table or a row is missing.
    """

    def number(section: str, row: str, column: str, *, page: str = RESULTS, first: str = "") -> float:
        return float(look_up(Query(path=f"{page}#{section}", show=column, rows={first: row}), root))

    text = (root / RESULTS).read_text(encoding="utf-8")
    dataset = re.search(r"(\d+) tiles of 10 km at 10 m, (\d+) dates, from ([\d.]+) GB", text)
    if not dataset:
        raise InputError(f"{RESULTS}: no size of a dataset found, the section of benchmarks/building.py expected")
    tiles, dates, gigabytes = map(float, dataset.groups())
    default, tile = "the default, openvino bf16", f"a tile of 15 × {TILE} × {TILE}"
    seconds = {name: number(f"{name}, {tile}", default, "median s") for name in NETWORKS}
    streamed = "larger than memory"
    return Rates(
        pixels={name: window_pixels((TILE, TILE)) / seconds[name] for name in NETWORKS},
        read=number("Building a dataset", "1 process", "tiles a minute") * 1e6 * dates / 60,
        stored=gigabytes * 1e9 / (tiles * 1e6 * dates),
        memory=max(number(f"{name}, {tile}", default, "peak MiB") for name in NETWORKS),
        join=number(f"Mapping {streamed}", "2929², streamed", "peak MiB"),
        device=number(
            "Memory of a GPU", "map, a window of 640 × 640", "ulstm, 16 bits", page="docs/gpu-memory.md", first="GiB"
        ),
    )


def window_pixels(shape: tuple[int, int]) -> int:
    """Count the pixels of all windows of a raster, those of the overlap in each."""
    layout = WindowLayout.over(shape, DEFAULT_TILING)
    return len(layout.tops) * len(layout.lefts) * layout.size[0] * layout.size[1]


@cache
def flop_of_pixel(name: str, dates: int) -> float:
    """Count the operations of a network for a pixel of a series."""
    with torch.device("meta"):
        network = models.build(name, width=WIDTH)
    return count_flop(network, dates=dates, side=SIDE) / SIDE**2


@dataclass(frozen=True)
class Plan:
    """An area that is mapped in some years."""

    name: str
    shape: tuple[int, int]
    """Of one grid, pixels."""
    grids: int
    """How many such there are."""
    given: Mapping[str, Any]
    """config/scaling.yaml."""

    @property
    def years(self) -> int:
        """Of the plan."""
        return int(self.given["years"])

    @property
    def pixels(self) -> int:
        """Of a year."""
        return self.grids * self.shape[0] * self.shape[1]

    @property
    def windowed(self) -> int:
        """Pixels of all windows of a year."""
        return self.grids * window_pixels(self.shape)

    def size(self, rates: Rates) -> dict[str, float]:
        """Tell bytes, files and requests, of all years."""
        layout = WindowLayout.over(self.shape, DEFAULT_TILING)
        across, down = (_blocks(starts, side, self.given["limits"]["block"]) for starts, side in (
            (layout.lefts, layout.size[1]), (layout.tops, layout.size[0])))  # fmt: skip
        windows = self.grids * len(layout.tops) * len(layout.lefts) * self.years
        series = self.pixels * self.given["dates"] * self.years
        return {
            "pixels, 10⁹": self.pixels * self.years / 1e9,
            "windows": windows,
            "radar to read, TB": series * rates.stored / 1e12,
            "hours of the link": series * rates.stored * 8 / (self.given["limits"]["link"] * 1e9) / 3600,
            "blocks to read, 10⁶": self.grids * self.years * self.given["dates"] * across * down / 1e6,
            "strips, TB": self.windowed * self.years * 4 / 1e12,
            "maps, TB": self.pixels * self.years * MAP_BYTES / 1e12,
            "files of maps": self.grids * self.years * 2,
        }

    def time(self, rates: Rates, network: str) -> dict[str, float]:
        """Tell hours of two threads, of a GPU, and of reading for it, and the price of each way."""
        gpu, price = self.given["gpu"], self.given["price"]
        windowed = self.windowed * self.years
        cpu = windowed / rates.pixels[network] / 3600
        flop = windowed * flop_of_pixel(network, self.given["dates"])
        computed = flop / (gpu["peak"] * 1e12 * gpu["share"]) / 3600
        read = windowed * self.given["dates"] / rates.read / gpu["readers"] / 3600
        return {
            "FLOP, 10¹⁸": flop / 1e18,
            "2 threads, hours": cpu,
            "EUR": cpu * price["cpu"],
            "GPU computes, hours": computed,
            "its readers, hours": read,
            "EUR with a GPU": max(computed, read) * price["gpu"],
        }

    def jobs(self, rates: Rates, network: str) -> list[float]:
        """List the hours of each job on two threads: strips of a large grid, or some grids together."""
        limits, rows = self.given["limits"], len(WindowLayout.over(self.shape, DEFAULT_TILING).tops)
        strips = self.years * (math.ceil(rows / limits["rows"]) if self.grids == 1 else self.grids / limits["tiles"])
        hours = self.windowed * self.years / rates.pixels[network] / 3600
        return [hours / math.ceil(strips) + limits["start"] / 3600] * math.ceil(strips)


def _blocks(starts: list[int], side: int, block: int) -> int:
    """Count the blocks that windows touch along one side, once for each window."""
    return sum((start + side - 1) // block - start // block + 1 for start in starts)


def plans(given: Mapping[str, Any]) -> list[Plan]:
    """List the plans: Svalbard, and the Earth with few and with many tiles."""
    earth, svalbard = given["earth"], given["svalbard"]
    tile = (earth["tile"] * given["pixel"] / 1000) ** 2  # km²
    found = [Plan("Svalbard", (svalbard["height"], svalbard["width"]), 1, given)]
    for name in ("densest", "sparsest"):
        grids = math.ceil(earth["ice"] * earth[name] / tile)
        found.append(Plan(f"all glaciers, {name}", (earth["tile"], earth["tile"]), grids, given))
    return found


def tables(given: Mapping[str, Any], rates: Rates) -> dict[str, pd.DataFrame]:
    """Compute the tables of the page."""
    found = plans(given)
    limits = given["limits"]
    queue = {}
    for plan in found:
        jobs = plan.jobs(rates, NETWORKS[0])
        for workers in limits["workers"]:
            elapsed = simulate_queue(jobs, workers, slowest=limits["slowest"], lost=limits["lost"])
            queue[plan.name, workers] = {
                "jobs": len(jobs),
                "minutes of a job": jobs[0] * 60,
                "days": elapsed.hours / 24,
                "started again": elapsed.repeated,
                "busy": f"{elapsed.busy:.0%}",
            }
    return {
        "size": pd.DataFrame({plan.name: plan.size(rates) for plan in found}),
        "time": pd.DataFrame({(plan.name, name): plan.time(rates, name) for plan in found for name in NETWORKS}).T,
        "queue": pd.DataFrame(queue).T,
    }


def page(given: Mapping[str, Any], rates: Rates) -> str:
    """Write the page."""
    made, price, gpu = tables(given, rates), given["price"], given["gpu"]
    size, time = made["size"], made["time"]
    first = ("Svalbard", NETWORKS[0])
    readers = _at(time, first, "its readers, hours")
    numbers = {
        **{name: given[name] for name in ("years", "date", "pixel", "dates")},
        **{name: given["earth"][name] for name in ("ice", "densest")},
        **{name: gpu[name] for name in ("share", "peak", "readers")},
        **given["svalbard"],
        **given["limits"],
        "gpu": gpu["name"],
        "wide": WIDTH,
        "cpu_price": price["cpu"],
        "gpu_price": price["gpu"],
        "storage": price["storage"],
        "ratio": given["earth"]["sparsest"] / given["earth"]["densest"],
        "stored": rates.stored,
        "waits": readers / _at(time, first, "GPU computes, hours"),
        "alone": readers * gpu["readers"],
        "keep": _at(size, "radar to read, TB", "Svalbard") * price["storage"],
    }
    where = pd.DataFrame(BREAKS, columns=["what", "how large", "and then"])
    limits = numbers | _limits(given, rates, made)
    return PAGE.format(
        **numbers,
        size=size.rename_axis("").map(_short).to_markdown(disable_numparse=True),
        time=_by_plan(time).to_markdown(disable_numparse=True, index=False),
        queue=_by_plan(made["queue"]).to_markdown(disable_numparse=True, index=False),
        breaks=where.map(lambda text: text.format(**limits)).to_markdown(disable_numparse=True, index=False),
    )


def _limits(given: Mapping[str, Any], rates: Rates, made: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Compute the numbers of the last table."""
    size, workers = made["size"], max(given["limits"]["workers"])
    svalbard, *earth = plans(given)
    most = earth[-1].name
    layout = WindowLayout.over(svalbard.shape, DEFAULT_TILING)
    blocks = _at(size, "blocks to read, 10⁶", most)
    return {
        "memory": _short(rates.memory),
        "device": rates.device,
        "join": rates.join,
        "carry": layout.carry().numel() * 8 / 1e6,
        "unfinished": 2 * svalbard.pixels * MAP_BYTES / 1e9,
        "strips": _at(size, "strips, TB", "Svalbard") * 1000 / given["years"],
        "tile_jobs": _range([plan.grids * plan.years for plan in earth]),
        "files": _range([_at(size, "files of maps", plan.name) for plan in earth]),
        "blocks": _range([_at(size, "blocks to read, 10⁶", plan.name) for plan in earth]),
        "per_second": _short(blocks * 1e6 / (_at(made["queue"], (most, workers), "days") * 86400)),
        "workers": workers,
        "link_hours": _at(size, "hours of the link", "Svalbard"),
        "link_earth": _at(size, "hours of the link", most),
        "together": _at(made["time"], ("Svalbard", NETWORKS[0]), "2 threads, hours")
        / _at(size, "hours of the link", "Svalbard"),
    }


def _at(table: pd.DataFrame, row: object, column: str) -> float:
    value: Any = table.loc[row, column]  # type: ignore[index]
    return float(value)


def _by_plan(table: pd.DataFrame) -> pd.DataFrame:
    shown = table.rename_axis(["area", "network" if table.index[0][1] in NETWORKS else "workers"]).map(_short)
    return shown.reset_index().astype(str)


def _short(value: float | str) -> str:
    """Write a number by three digits, in full above them."""
    if isinstance(value, str):
        return value
    return f"{value:,.0f}".replace(",", " ") if value >= 100 or value == int(value) else f"{value:.3g}"


def _range(values: list[float]) -> str:
    return " to ".join(map(_short, values))


def write(path: str | Path = ROOT / "docs/scaling.md") -> str:
    """Write the page from config/scaling.yaml; returns it."""
    given = yaml.safe_load((ROOT / "config/scaling.yaml").read_text(encoding="utf-8"))
    text = page(given, measured())
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return text


if __name__ == "__main__":
    print(write(*sys.argv[1:2]))
