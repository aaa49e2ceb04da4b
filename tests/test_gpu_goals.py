"""benchmarks.gpu"""

from pathlib import Path

import torch

from benchmarks import gpu

RESULTS = Path(gpu.__file__).with_name("RESULTS.md")


def test_without_a_gpu_each_goal_has_a_row_that_says_so(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    section = gpu.main()
    assert section.count(gpu.ABSENT) == len(gpu.GOALS)
    assert all(goal in section for goal in gpu.GOALS)


def test_steps_and_maps_are_timed_by_what_runs_on_a_cpu_too(monkeypatch):
    monkeypatch.setattr(gpu, "BATCH", 1)
    monkeypatch.setattr(gpu, "DATES", 1)
    assert gpu.step_ms("unet3d", device="cpu", side=16, width=2) > 0
    assert gpu.busy_percent(device="cpu", side=70, width=2) == 0  # no device beside the CPU


def test_the_committed_results_have_the_rows():
    assert all(goal in RESULTS.read_text() for goal in gpu.GOALS)
