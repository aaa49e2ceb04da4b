# A large region as many jobs: strips of it, each a job, and what joins them. The map is the one of a single run, to the byte.
#   snakemake --snakefile region.smk --cores all --config scenes=FOLDER weights=FILE strips=10 [out=runs/region] [options="--dates 15"]
# options are those of glaciersar map --help; joined=… those of glaciersar join. On a cluster add --profile profiles/slurm.
# A strip is mapped again when the weights, its options or their number have changed; of the scenes only their list is watched.
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

sys.path.insert(0, str(Path.cwd()))

from glaciersar.job_resources import JobResources

if missing := [name for name in ("scenes", "weights", "strips") if not config.get(name)]:
    raise WorkflowError(f"{missing[0]} missing, --config scenes=FOLDER weights=FILE strips=NUMBER expected")
if not str(config["strips"]).isdecimal():
    raise WorkflowError(f"strips={config['strips']} found, a number expected")

JOBS = JobResources.read("config/resources.yaml", "region", gpus=config.get("gpus"))
SCENES, WEIGHTS, STRIPS = str(config["scenes"]), str(config["weights"]), int(config["strips"])
OUT = config.get("out", "runs/region")
FILES = [f"{OUT}/strips/{strip}-of-{STRIPS}.zip" for strip in range(1, STRIPS + 1)]


rule all:
    input: f"{OUT}/probability.tif"


rule strip:
    input: WEIGHTS if WEIGHTS.endswith(".safetensors") else [] # else the name of published ones
    params:
        scenes=SCENES,
        weights=lambda wildcards, input: input[0] if input else WEIGHTS,
        options=config.get("options", ""),
    output: f"{OUT}/strips/{{strip}}-of-{STRIPS}.zip"
    threads: JOBS.threads("strip")
    resources: **JOBS.resources("strip")
    shell:
        "glaciersar map {params.scenes:q} --weights {params.weights:q} --strip {wildcards.strip}/" + str(STRIPS)
        + " {params.options} --quiet --out {output:q}"


rule join:
    input: FILES
    params: options=config.get("joined", "")
    output: f"{OUT}/probability.tif", f"{OUT}/glacier.tif"
    threads: JOBS.threads("join")
    resources: **JOBS.resources("join")
    shell: "glaciersar join {input:q} {params.options} --quiet --out {output[0]:q}"
