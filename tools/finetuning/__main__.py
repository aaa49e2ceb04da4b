"""Train what is missing, and write docs/fine-tuning.md and figures/fine-tuning from all that is there.

python -m tools.finetuning [--tiles 1 2] [--seeds 1] [--jobs 2] [--work runs/finetuning]

With --tiles or --seeds only these are trained now; what was trained before stays, and a killed training is taken up.
Remove the folder of the run to measure anew.
"""

import argparse
from pathlib import Path

from tools.finetuning import measure, report
from tools.finetuning.plan import PLAN

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tools.finetuning", description=__doc__)
    parser.add_argument("--tiles", type=int, nargs="*", default=PLAN.counts, choices=PLAN.counts)
    parser.add_argument("--seeds", type=int, nargs="*", default=PLAN.seeds, choices=PLAN.seeds)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--work", type=Path, default=Path("runs/finetuning"))
    given = parser.parse_args()
    measure.measure(PLAN, given.work, counts=given.tiles, seeds=given.seeds, jobs=given.jobs)
    report.write(PLAN, given.work, Path("docs/fine-tuning.md"), Path("figures/fine-tuning"))
