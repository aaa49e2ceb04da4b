"""python -m tools.load [--place FOLDER] [--out PAGE]"""

import argparse
import shutil
import sys
from pathlib import Path

from glaciersar.io.atomic import atomic_write
from tools.evidence.stamp import processor
from tools.kills import build
from tools.kills.compare import differences
from tools.kills.page import table
from tools.load.measure import Measured, measure
from tools.load.server import EVERY, serve
from tools.load.work import DATES, REGIONS, SIDE

BUILDERS = 8
REFUSAL = "another process writes there"
PAGE = """\
# Under load

Made by `python -m tools.load`, on {machine}, with other work beside it: seconds and memory are ratios to the row above
of the same kind, each measured once. Results are compared byte by byte. Radar is *simulated*.

{table}

- *Regions*: {side} × {side} pixels and {dates} dates each, mapped by one process in threads.
- *Builders*: processes that begin to build one dataset in one folder. One builds, the others are refused in a sentence
  before they touch a file. *Workers* are the processes of one build, which make a tile each.
- *Busy server*: {requests} requests for rasters or parts of them, of which {refused} were answered with 503, one in
  {every}. The archive lies on a server of this machine, whose lists may name its own host.
"""


def main() -> int:
    """Measure, and write the page; exit status 1 if a result is not that of one at a time."""
    parser = argparse.ArgumentParser(prog="python -m tools.load", description=__doc__)
    parser.add_argument("--place", type=Path, default=Path("runs/load"), help="folder of the runs (default runs/load)")
    parser.add_argument("--out", type=Path, default=Path("docs/load.md"), help="the page")
    given = parser.parse_args()
    place = given.place.resolve()
    place.mkdir(parents=True, exist_ok=True)
    if not (place / "archive/catalog.json").exists():
        build.make_archive(place)
    groups = [_regions(place), _builds(place)]
    served, requests, refused = _served(place)
    groups.append(served)
    rows, good = [["what", "seconds", "memory", "result"]], True
    for group in groups:
        (_, first), *_ = group
        for title, measured in group:
            said = _judge(measured, first)
            good &= said.startswith("equal")
            ratios = [f"{measured.seconds / first.seconds:.2f}", f"{measured.bytes / first.bytes:.2f}"]
            rows.append([title, *(ratios if measured is not first else ["1", "1"]), said])
    page = PAGE.format(
        machine=processor(),
        table=table(rows),
        side=SIDE,
        dates=DATES,
        requests=requests,
        refused=refused,
        every=EVERY,
    )
    with atomic_write(given.out) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return 0 if good else 1


Group = list[tuple[str, Measured]]


def _regions(place: Path) -> Group:
    return [
        (f"{REGIONS} regions, {count} at a time", _map(place, str(place / "archive/catalog.json"), count))
        for count in (1, REGIONS)
    ]


def _map(place: Path, source: str, at_a_time: int, name: str = "regions") -> Measured:
    out = place / f"{name}-{at_a_time}"
    shutil.rmtree(out, ignore_errors=True)
    command = ["tools.load.work", source, str(out), str(at_a_time)]
    return _tell(measure([command], out, log=place / "work.log"), f"{name}, {at_a_time} at a time")


def _builds(place: Path) -> Group:
    group = []
    for title, count, workers in (
        ("a build by 1 worker", 1, 1),
        (f"a build by {BUILDERS} workers", 1, BUILDERS),
        (f"{BUILDERS} builders of one dataset", BUILDERS, 1),
    ):
        out = place / "built"
        shutil.rmtree(out, ignore_errors=True)
        command = ["tools.load.build", str(place), "built", str(workers)]
        group.append((title, _tell(measure([command] * count, out, log=place / "work.log"), title)))
    return group


def _served(place: Path) -> tuple[Group, int, int]:
    """Map from a server that answers, and from one that is busy; give its requests and refusals too."""
    group: Group = []
    requests = refused = 0
    for busy in (False, True):
        with serve(place / "archive", busy=busy) as counts:
            title = f"{REGIONS} regions from a {'busy ' if busy else ''}server, {REGIONS} at a time"
            group.append((title, _map(place, f"{counts.url}/catalog.json", REGIONS, "busy" if busy else "served")))
            requests, refused = counts.rasters, counts.refused
    return group, requests, refused


def _tell(measured: Measured, title: str) -> Measured:
    took = f"{measured.seconds:.1f} s, {measured.bytes / 1e6:.0f} MB"
    print(f"{title}: {took}, exit status {measured.statuses}, {len(measured.files)} files", flush=True)
    if any(status not in (0, 2) for status in measured.statuses):
        print(measured.said[-2000:], file=sys.stderr)
    return measured


def _judge(measured: Measured, first: Measured) -> str:
    """Say whether the result is that of the first of its kind, and how many were refused."""
    refused = measured.statuses.count(2)
    if refused != measured.said.count(REFUSAL) or measured.statuses.count(0) + refused < len(measured.statuses):
        return f"**failed**: exit status {', '.join(map(str, measured.statuses))}"
    if wrong := differences(measured.files, first.files) or ([] if measured.files else ["nothing written"]):
        return f"**different**: {'; '.join(wrong)}"
    return f"equal, {len(measured.files)} files" + (f"; {refused} refused in a sentence" if refused else "")


if __name__ == "__main__":
    sys.exit(main())
