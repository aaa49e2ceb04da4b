# A large region as many jobs: strips of it, each a job, and what joins them. The map is the one of a single run, to the byte.
#   snakemake --snakefile region.smk --cores all --config scenes=FOLDER weights=FILE strips=10 [out=runs/region] [options="--dates 15"]
# options are those of glaciersar map --help; joined=… those of glaciersar join. On a cluster add --profile profiles/slurm.
# Several networks map together by weights='[a.safetensors,b.safetensors]'; out has their spread.tif, too.
# A strip is mapped again when the weights, its options or their number have changed; of the scenes only their list is watched.
import shlex
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
SCENES, STRIPS = str(config["scenes"]), int(config["strips"])
WEIGHTS = [str(one) for one in (config["weights"] if isinstance(config["weights"], list) else [config["weights"]])]
OUT = config.get("out", "runs/region")
FILES = [f"{OUT}/strips/{strip}-of-{STRIPS}.zip" for strip in range(1, STRIPS + 1)]
SPREAD = [f"{OUT}/spread.tif"] if len(WEIGHTS) > 1 else []


def _given(files):
    """Give all weights as options, those that are files where snakemake has put them."""
    found = iter(files)
    placed = [next(found) if one.endswith(".safetensors") else one for one in WEIGHTS]
    return " ".join(f"--weights {shlex.quote(str(one))}" for one in placed)


rule all:
    input: f"{OUT}/probability.tif"


rule strip:
    input: [one for one in WEIGHTS if one.endswith(".safetensors")] # others are names of published ones
    params:
        scenes=SCENES,
        weights=lambda wildcards, input: _given(list(input)),
        options=config.get("options", ""),
    output: f"{OUT}/strips/{{strip}}-of-{STRIPS}.zip"
    threads: JOBS.threads("strip")
    resources: **JOBS.resources("strip")
    shell:
        "glaciersar map {params.scenes:q} {params.weights} --strip {wildcards.strip}/" + str(STRIPS)
        + " {params.options} --quiet --out {output:q}"


rule join:
    input: FILES
    params: options=config.get("joined", "")
    output: f"{OUT}/probability.tif", f"{OUT}/glacier.tif", *SPREAD
    threads: JOBS.threads("join")
    resources: **JOBS.resources("join")
    shell: "glaciersar join {input:q} {params.options} --quiet --out {output[0]:q}"
