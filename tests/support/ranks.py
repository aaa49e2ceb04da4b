"""Several real processes of torch.distributed on CPUs, and what a script writes in each of them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def run_ranks(script: Path, count: int, out: Path, *arguments: str, limit: float = 300) -> list[dict[str, Any]]:
    """Run a script in `count` processes, started by `torch.distributed.run`, which talk by gloo.

    Args:
        script: Gets `out` and the further arguments, and writes `out`/RANK.json.
        count: Number of processes.
        out: An empty folder.
        arguments: Handed on.
        limit: Seconds until all are ended: a process that waits for another one would wait for ever.

    Returns:
        What each process wrote, by rank.
    """
    out.mkdir(parents=True)
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nnodes=1", f"--nproc-per-node={count}"]
    done = subprocess.run(
        [sys.executable, *launcher, str(script), str(out), *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=limit,
    )
    assert done.returncode == 0, done.stderr[:6000]  # of the processes; those of the launcher follow
    return [json.loads((out / f"{rank}.json").read_text()) for rank in range(count)]
