# The whole way from scenes to tables, figures and a map: each step is a notebook run with a profile's parameters.
#   snakemake --cores all [--config profile=simulated [data=FOLDER] [coastline=FILE] [glaciers=FILE] [published_tiles=FILE]]
# On a cluster, with its profile: snakemake --profile profiles/slurm [--config profile=simulated gpus=1] (docs/cluster.md).
# With data, a folder with train.h5, val.h5 and test.h5, nothing is simulated or built; without scenes there is no map.
# The other files are what the study area is drawn on; without a coastline it is drawn on the tile grid alone.
# A step runs again when its notebook, its parameters, a module that the notebook imports (directly or not) or anything before it has changed.
import shlex
import sys
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError

sys.path.insert(0, str(Path.cwd()))  # the package of this checkout, whose files are compared

from glaciersar.dependencies import files_behind
from glaciersar.job_resources import JobResources
from glaciersar.notebooks import read_profile

PROFILE = config.get("profile", "simulated")
PARAMETERS = yaml.safe_load(Path(f"config/{PROFILE}.yaml").read_text())
JOBS = JobResources.read("config/resources.yaml", "published" if PROFILE == "published" else "simulated", gpus=config.get("gpus"))
MODELS = PARAMETERS["all"]["models"]
RUNS = f"runs/{PROFILE}"
DATA = config.get("data", "")
GROUND = {name: config[name] for name in ("coastline", "glaciers", "published_tiles") if config.get(name)}
STUDY_AREA = " ".join(f"--{name} {shlex.quote(str(path))}" for name, path in GROUND.items())
DATASET = expand("{folder}/{subset}.h5", folder=DATA or f"{RUNS}/dataset", subset=["train", "val", "test"])
SUMMARY = f"{RUNS}/tables/dataset.md"

if PROFILE == "published" and not DATA:
    raise WorkflowError("profile published: no data given, --config profile=published data=FOLDER expected")
if absent := [Path(path).name for path in DATASET if DATA and not Path(path).exists()]:
    raise WorkflowError(f"{DATA}: {', '.join(absent)} missing, a folder with train.h5, val.h5 and test.h5 expected")


def code(notebook):
    """List the files of the package that a notebook imports, directly or not."""
    return [str(path.relative_to(Path.cwd())) for path in files_behind(Path(f"notebooks/{notebook}.ipynb"))]


def parameters(notebook):
    """Give the parameters whose change runs a notebook again: all but what it shows as it goes and the folder of the run."""
    chosen = read_profile(f"config/{PROFILE}.yaml", f"notebooks/{notebook}.ipynb")
    return {name: value for name, value in chosen.items() if name not in ("progress", "pictures", "work")}


def run(notebook, more=""):
    if DATA and notebook not in ("08-map", "09-change"):
        more = f"--data {shlex.quote(str(DATA))} {more}"
    return f"glaciersar run {{input.notebook}} --profile {PROFILE} {more} --out {RUNS}/notebooks"


def trained(name):
    """Give the parameters of a trained model by its name: unet3d-as_released is unet3d by that recipe."""
    model, _, recipe = name.partition("-")
    return f"--model {model}" + (f" --recipe {recipe}" if recipe else "")


def weights(notebook):
    """List the trained weights that a notebook needs: those of its model, or of all if the profile names none."""
    return expand(rules.train.output, model=parameters(notebook).get("model", MODELS))


rule all:
    input:
        f"{RUNS}/tables/scores.md",
        f"{RUNS}/tables/calibration.md",
        f"{RUNS}/figures/networks.png",
        f"{RUNS}/figures/print/figures.md",
        [] if DATA else [f"{RUNS}/map/probability.tif", f"{RUNS}/tables/change.md"],


rule scenes:
    input:
        code("01-scenes"),
        notebook="notebooks/01-scenes.ipynb",
    params: parameters("01-scenes")
    output: f"{RUNS}/scenes.json"
    threads: JOBS.threads("scenes")
    resources: **JOBS.resources("scenes")
    shell: run("01-scenes")


rule dataset: # builds the files, or checks and shows given ones
    input:
        code("02-dataset"), DATASET if DATA else rules.scenes.output,
        notebook="notebooks/02-dataset.ipynb",
    params: parameters("02-dataset")
    output: SUMMARY, [] if DATA else DATASET
    threads: JOBS.threads("dataset")
    resources: **JOBS.resources("dataset")
    shell: run("02-dataset")


rule networks:
    input:
        code("03-models"), SUMMARY, DATASET,
        notebook="notebooks/03-models.ipynb",
    params: parameters("03-models")
    output: f"{RUNS}/figures/networks.png"
    threads: JOBS.threads("networks")
    resources: **JOBS.resources("networks")
    shell: run("03-models")


rule train:
    input:
        code("04-train"), SUMMARY, DATASET,
        notebook="notebooks/04-train.ipynb",
    params: parameters("04-train"), how=lambda wildcards: trained(wildcards.model)
    output: f"{RUNS}/models/{{model}}/weights.safetensors"
    threads: (workflow.cores if DATA else 0) or JOBS.threads("train") # large data on one machine: one model after the other
    priority: 1 # before steps that need one model only, so that all cores are busy to the end
    resources: **JOBS.resources("train")
    shell: run("04-train", "{params.how}") + "/{wildcards.model}"


use rule train as train_longest with: # started first, because it takes longest
    output: f"{RUNS}/models/{{model,ulstm[^/]*}}/weights.safetensors"
    priority: 2


ruleorder: train_longest > train


rule evaluate:
    input:
        code("05-evaluate"), expand(rules.train.output, model=MODELS), DATASET,
        notebook="notebooks/05-evaluate.ipynb",
    params: parameters("05-evaluate")
    output: f"{RUNS}/tables/scores.md"
    threads: JOBS.threads("evaluate")
    resources: **JOBS.resources("evaluate")
    shell: run("05-evaluate")


rule confidence:
    input:
        code("07-confidence"), weights("07-confidence"), DATASET,
        notebook="notebooks/07-confidence.ipynb",
    params: parameters("07-confidence")
    output: f"{RUNS}/tables/calibration.md"
    threads: JOBS.threads("confidence")
    resources: **JOBS.resources("confidence")
    shell: run("07-confidence")


rule change:
    input:
        code("09-change"), rules.confidence.output, DATASET,
        notebook="notebooks/09-change.ipynb",
    params: parameters("09-change")
    output: f"{RUNS}/tables/change.md"
    threads: JOBS.threads("change")
    resources: **JOBS.resources("change")
    shell: run("09-change")


rule map:
    input:
        code("08-map"), weights("08-map"), rules.scenes.output, rules.dataset.output, rules.confidence.output,
        notebook="notebooks/08-map.ipynb",
    params: parameters("08-map")
    output: f"{RUNS}/map/probability.tif"
    threads: JOBS.threads("map")
    resources: **JOBS.resources("map")
    shell: run("08-map")


rule figures: # last: it gathers the figures of all other steps
    input:
        code("10-figures"), rules.evaluate.output, rules.networks.output, rules.confidence.output,
        [] if DATA else [rules.map.output, rules.change.output],
        notebook="notebooks/10-figures.ipynb",
    params: parameters("10-figures"), ground=STUDY_AREA
    output: f"{RUNS}/figures/training.png", f"{RUNS}/figures/print/figures.md"
    threads: JOBS.threads("figures")
    resources: **JOBS.resources("figures")
    shell: run("10-figures", "{params.ground}")
