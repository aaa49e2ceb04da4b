"""tools.kills.campaign and tools.kills.page, on a run of some steps that writes a file each"""

import itertools
import json
import sys
from dataclasses import replace

import pytest

from glaciersar.errors import InputError
from tools.kills.campaign import Campaign, run_campaign, run_whole
from tools.kills.moments import Moment
from tools.kills.page import write_page
from tools.kills.tasks import Task

WORK = """
import os, sys, time
from pathlib import Path
print(f"begun {{os.getpid()}}", flush=True)
folder = Path("out")
folder.mkdir(exist_ok=True)
for k in range(4):
    path = folder / str(k)
    if not path.exists():
        {write}
sys.exit({status})
"""
GOOD = "time.sleep(0.2); path.with_suffix('.part').write_text(str(k)); path.with_suffix('.part').replace(path)"
BAD = "path.touch(); time.sleep(0.2); path.write_text(str(k))"  # half-written under its final name


class Steps(Task):
    def tell_left(self):
        return f"{len(list(self.folder.iterdir()))} files"


def task(folder, write=GOOD, status=0):
    code = WORK.format(write=write, status=status)
    command = [sys.executable, "-c", code]
    return Steps(kind="map", command=command, cwd=folder, folder=folder / "out", log=folder / "log")


def kill(task, count, expected):
    campaign = Campaign(kind="map", steps=1, whole_seconds=1.0, files=4)
    moments = itertools.cycle(Moment(0, seconds) for seconds in (0.3, 0.1))
    run_campaign(task, campaign, moments, expected, count=count, after_each=lambda _: None)
    return campaign


def test_a_run_that_resumes_ends_equal_however_often_it_is_killed(tmp_path):
    expected, ends = run_whole(task(tmp_path))
    assert sorted(expected) == ["0", "1", "2", "3"]
    assert 0.8 < ends[-1] < 60
    campaign = kill(task(tmp_path), 3, expected)
    assert len(campaign.kills) == 3
    assert campaign.different
    assert not any(campaign.different.values())
    path = tmp_path / "campaign.json"
    campaign.save(path)
    assert Campaign.load(path) == campaign
    assert json.loads(path.read_text())["kind"] == "map"
    page = write_page([campaign])
    assert f"| 3 | {len(campaign.different)} | 4 |" in page
    assert page.count("| equal |") == 3


def test_a_campaign_that_was_stopped_goes_on_with_its_run(tmp_path):
    expected, _ = run_whole(task(tmp_path))
    campaign = Campaign(kind="map", steps=1, whole_seconds=1.0, files=4)

    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_campaign(task(tmp_path), campaign, iter([Moment(0, 0.5)]), expected, count=9, after_each=stop)
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("[0-3]")}
    run_campaign(task(tmp_path), campaign, iter([]), expected, count=1, after_each=lambda _: None)
    assert made
    assert all(path.stat().st_mtime_ns == time for path, time in made.items())
    assert campaign.different == {1: []}


def test_a_half_written_file_is_found(tmp_path):
    expected, _ = run_whole(task(tmp_path))
    campaign = kill(task(tmp_path, BAD), 2, expected)
    assert any("differs" in said for run in campaign.different.values() for said in run)
    assert "differs" in write_page([campaign])


def test_a_run_that_fails_by_itself_is_told(tmp_path):
    with pytest.raises(InputError, match="map: exit status 3 found, 0 expected"):
        run_whole(replace(task(tmp_path), command=task(tmp_path, status=3).command))
