# The experiment of `make evidence PART=…`: archives, datasets, trainings, tables. The plan is config/evidence.yaml.
import sys
from pathlib import Path

sys.path.insert(0, str(Path.cwd()))

from tools.evidence.plan import FIGURES, MAIN, WORK, read_plan
from tools.evidence.tables import arms_of_this_code

PLAN = read_plan()
PART = config.get("part", "main")
SEEDS = [int(seed) for seed in str(config.get("seeds", "")).split()]
ARMS = str(config.get("arms", "")).split()
RUN = f"{sys.executable} -m tools.evidence"


def scores(part):
    """List the scores of a part that are wanted: of the given seeds and arms, or all, without those of this code."""
    there = {seed: arms_of_this_code(FIGURES / part.name / f"seed-{seed}") for seed in SEEDS or part.seeds}
    arms = [arm for arm in part.scored if not ARMS or arm in ARMS]
    found = [f"{WORK}/scores/{arm}/{seed}/counts.csv" for seed in there for arm in arms if arm not in there[seed]]
    first = part.name == MAIN and not (FIGURES / MAIN / "baselines.csv").exists()
    return found + ([f"{WORK}/scores/threshold/counts.csv"] if first else [])


def datasets(arm):
    """List the datasets that an arm needs: its own, and that of two years where a drawing style is measured."""
    return [arm.data] + (["pairs"] if "ragged_share" in PLAN.datasets[arm.data] else [])


SHIFTS = [shift for part in PLAN.parts.values() for shift in part.shifts.values()]
OTHERS = {PLAN.reference(PLAN.parts[PART])[0].name, MAIN} - {PART} # what the part is compared with
COMPARED = [path for part in sorted(OTHERS) if (path := FIGURES / part / "counts.csv").exists()]


wildcard_constraints:
    arm="|".join(arm for part in PLAN.parts.values() for arm in part.arms), # a shift has no training


rule tables:
    input: scores(PLAN.parts[PART]), COMPARED
    params: part=PART
    output: touch(f"{WORK}/tables-{PART}.done")
    shell: f"{RUN} tables {{params.part}}"


rule archive:
    params: lambda wildcards: dict(PLAN.archives[wildcards.name])
    output: f"{WORK}/archives/{{name}}/catalog.json"
    threads: 2
    shell: f"{RUN} archive {{wildcards.name}}"


rule dataset:
    input: lambda wildcards: f"{WORK}/archives/{PLAN.datasets[wildcards.name]['archive']}/catalog.json"
    params: lambda wildcards: dict(PLAN.datasets[wildcards.name])
    output: expand("{work}/datasets/{{name}}/{subset}.h5", work=WORK, subset=["train", "val", "test"])
    shell: f"{RUN} dataset {{wildcards.name}}"


rule score:
    input: lambda wildcards: [f"{WORK}/datasets/{name}/train.h5" for name in datasets(PLAN.arm(wildcards.arm))]
    params: lambda wildcards: {**PLAN.training, **PLAN.arm(wildcards.arm).options}
    output: f"{WORK}/scores/{{arm}}/{{seed}}/counts.csv"
    priority: lambda wildcards: -int(wildcards.seed)
    shell: f"{RUN} score {{wildcards.arm}} {{wildcards.seed}}"


rule shifted: # of all parts at once: it only maps
    input:
        [f"{WORK}/scores/{arm}/{{seed}}/counts.csv" for arm in sorted({shift.arm for shift in SHIFTS})],
        [f"{WORK}/datasets/{data}/test.h5" for data in sorted({shift.data for shift in SHIFTS})],
    output: [f"{WORK}/scores/{shift.name}/{{seed}}/counts.csv" for shift in SHIFTS]
    shell: f"{RUN} shifted {{wildcards.seed}}"


rule baselines:
    input: f"{WORK}/datasets/main/train.h5"
    output: f"{WORK}/scores/threshold/counts.csv"
    shell: f"{RUN} baselines"
