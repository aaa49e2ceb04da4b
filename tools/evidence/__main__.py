"""Make one thing of the experiment; evidence.smk calls this, `make evidence` calls that.

python -m tools.evidence archive NAME | dataset NAME | score ARM SEED | shifted SEED | baselines | tables PART | figures
| check
"""

import sys
from pathlib import Path

from tools.evidence import check, data, score, tables
from tools.evidence.figures import draw_figures
from tools.evidence.plan import FIGURES, WORK, Plan, read_plan


def make(plan: Plan, what: str, words: list[str], *, work: Path = WORK, figures: Path = FIGURES) -> None:
    """Make an archive, a dataset, the scores of an arm or of the baselines, the tables of a part, or all figures."""
    if what == "archive":
        data.simulate(plan, words[0], work)
    elif what == "dataset":
        data.build(plan, words[0], work)
    elif what == "score":
        score.score_arm(plan, plan.arm(words[0]), int(words[1]), work)
    elif what == "shifted":
        for part in plan.parts.values():
            for shift in part.shifts.values():
                score.score_shift(plan, shift, int(words[0]), work)
    elif what == "baselines":
        score.score_baselines(plan, work)
    elif what == "tables":
        tables.write_part(plan, words[0], work, figures)
    elif what == "figures":
        draw_figures(figures)
    elif what == "check":
        check.check_tables(plan, work, figures)
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    make(read_plan(), sys.argv[1], sys.argv[2:])
