# The experiment of `make evidence PART=…`: archives, datasets, trainings, tables. The plan is config/evidence.yaml.
import sys
from pathlib import Path

sys.path.insert(0, str(Path.cwd()))

from tools.evidence.plan import WORK, read_plan

PLAN = read_plan()
PART = config.get("part", "main")
RUN = f"{sys.executable} -m tools.evidence"


def scores(part):
    """List the scores of a part, seed by seed, so that a run that stops early has whole seeds."""
    found = [f"{WORK}/scores/{arm}/{seed}/counts.csv" for seed in part.seeds for arm in part.arms]
    return found + ([f"{WORK}/scores/threshold/counts.csv"] if part.name == "main" else [])


rule tables:
    input: scores(PLAN.parts[PART])
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
    input: lambda wildcards: f"{WORK}/datasets/{PLAN.arm(wildcards.arm).data}/train.h5"
    params: lambda wildcards: {**PLAN.training, **PLAN.arm(wildcards.arm).options}
    output: f"{WORK}/scores/{{arm}}/{{seed}}/counts.csv"
    priority: lambda wildcards: -int(wildcards.seed)
    shell: f"{RUN} score {{wildcards.arm}} {{wildcards.seed}}"


rule baselines:
    input: f"{WORK}/datasets/main/train.h5"
    output: f"{WORK}/scores/threshold/counts.csv"
    shell: f"{RUN} baselines"
