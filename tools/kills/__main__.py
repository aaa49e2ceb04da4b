"""python -m tools.kills reproduce|dataset|training|map|page [--kills N] [--seed N] [--go-on] [--place FOLDER]"""

import argparse
import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from glaciersar.errors import InputError
from glaciersar.io.atomic import atomic_write, write_json
from tools.kills import build
from tools.kills.campaign import Campaign, run_campaign, run_whole
from tools.kills.moments import Moment, draw_moments
from tools.kills.page import write_page
from tools.kills.tasks import SMALL, Task, reproduce_task, small_task

KINDS = ("reproduce", *SMALL)
COUNT = 20
"""Kills of each kind; those of `reproduce` are spread over the run."""


def main() -> int:
    """Kill runs of one kind, or write the page from all that was found; exit status 1 if a run ended differently."""
    parser = argparse.ArgumentParser(prog="python -m tools.kills", description=__doc__)
    parser.add_argument("what", choices=[*KINDS, "page"])
    parser.add_argument("--kills", type=int, default=COUNT)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--place", type=Path, default=Path("runs/kills"), help="folder of the runs (default runs/kills)"
    )
    parser.add_argument("--go-on", action="store_true", help="with the campaign and the run that were stopped")
    parser.add_argument("--root", type=Path, default=Path(), help="checkout that reproduce runs in, its .venv made")
    parser.add_argument("--out", type=Path, default=Path("docs/kills.md"), help="the page")
    given = parser.parse_args()
    place, results = given.place.resolve(), [given.place / f"{kind}.json" for kind in KINDS]
    if given.what == "page":
        found = [Campaign.load(path) for path in results if path.exists()]
        with atomic_write(given.out) as temporary:
            temporary.write_text(write_page(found), encoding="utf-8")
        return 0
    place.mkdir(parents=True, exist_ok=True)
    root = given.root.resolve()
    task = reproduce_task(place, root) if given.what == "reproduce" else small_task(given.what, place, Path.cwd())
    if given.what in SMALL:
        _prepare(place)
    elif task.folder.exists() and not given.go_on:
        raise InputError(f"{task.folder}: an earlier run found, a checkout without one expected")
    expected, ends = _never_killed(task, place / f"{task.kind}-never-killed.json")
    print(f"{task.kind}: never killed, {ends[-1]:.1f} s, {len(expected)} files", flush=True)
    rng = np.random.default_rng([given.seed, KINDS.index(given.what)])
    path = place / f"{task.kind}.json"
    campaign = Campaign(kind=task.kind, steps=len(ends), whole_seconds=ends[-1], files=len(expected))
    if given.go_on and path.exists():
        campaign = Campaign.load(path)
    moments = itertools.islice(
        _moments(task, ends, max(given.kills, COUNT), rng), len(campaign.kills) + campaign.missed, None
    )
    run_campaign(task, campaign, moments, expected, count=given.kills, after_each=lambda so_far: _tell(so_far, path))
    return int(any(campaign.different.values()))


def _never_killed(task: Task, kept: Path) -> tuple[dict[str, str], list[float]]:
    """Run without a kill, or take what an earlier such run has left here: its files, hashed, and when steps ended."""
    if not kept.exists():
        files, ends = run_whole(task)
        write_json(kept, {"files": files, "ends": ends})
    told = json.loads(kept.read_text())
    return told["files"], told["ends"]


def _prepare(place: Path) -> None:
    """Make what the small kinds read."""
    if not (place / "archive/catalog.json").exists():
        build.make_archive(place)
    if not (place / "data/test.h5").exists():
        build.build(place, "data", workers=1)


def _moments(task: Task, ends: list[float], count: int, rng: np.random.Generator) -> Iterator[Moment]:
    """Draw moments: in order over the steps of a run, or each over the whole of work that is one step."""
    if task.kind == "reproduce":
        return iter(draw_moments(ends, count, rng))
    return (Moment(0, float(rng.uniform(0, ends[-1]))) for _ in itertools.count())


def _tell(campaign: Campaign, path: Path) -> None:
    campaign.save(path)
    ended = {run: "; ".join(said) or "equal" for run, said in campaign.different.items()}
    last = campaign.kills[-1] if campaign.kills else None
    print(f"{campaign.kind}: {len(campaign.kills)} kills, last: {last}, ended: {ended}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
