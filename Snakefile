# The whole way from scenes to tables, figures and a map: each step is a notebook run with a profile's parameters.
#   snakemake --cores all [--config profile=simulated]
# A step runs again when its notebook, its parameters, the modules it stands on or anything before it has changed.
import yaml

PROFILE = config.get("profile", "simulated")
PARAMETERS = yaml.safe_load(open(f"config/{PROFILE}.yaml"))
MODELS = PARAMETERS["all"]["models"]
RUNS = f"runs/{PROFILE}"

GROUND = expand("glaciersar/{module}.py", module=["grid", "radiometry", "outlines", "scenes", "files"])
SIMULATE = expand("glaciersar/simulate/{part}", part=["landscape.py", "radar.py", "archive.py", "backscatter.yaml"])
LEARN = expand("glaciersar/{module}.py", module=["training", "dataset", "augment", "losses", "schedule", "recipe"])
NETS = expand("glaciersar/models/{module}.py", module=["__init__", "layers", "unet2d", "unet3d", "ulstm"])


def parameters(notebook):
    """What decides the result of a notebook, so that a change runs it again."""
    return PARAMETERS["all"], PARAMETERS.get(notebook)


def run(notebook, more=""):
    return f"glaciersar run {{input.notebook}} --profile {PROFILE} {more} --quiet --out {RUNS}/notebooks"


rule all:
    input:
        f"{RUNS}/tables/scores.md",
        f"{RUNS}/figures/training.png",
        f"{RUNS}/map/probability.tif",


rule scenes:
    input:
        GROUND, SIMULATE,
        notebook="notebooks/01-scenes.ipynb",
    params: parameters("01-scenes")
    output: f"{RUNS}/scenes.json"
    shell: run("01-scenes")


rule dataset:
    input:
        GROUND, rules.scenes.output, "glaciersar/building.py",
        notebook="notebooks/02-dataset.ipynb",
    params: parameters("02-dataset")
    output: expand("{runs}/dataset/{subset}.h5", runs=RUNS, subset=["train", "val", "test"])
    shell: run("02-dataset")


rule train:
    input:
        LEARN, NETS, rules.dataset.output,
        notebook="notebooks/03-train.ipynb",
    params: parameters("03-train")
    output: f"{RUNS}/models/{{model}}/weights.safetensors"
    shell: run("03-train", "--model {wildcards.model}") + "/{wildcards.model}"


rule evaluate:
    input:
        expand(rules.train.output, model=MODELS), rules.dataset.output, "glaciersar/metrics.py", "glaciersar/mapping.py",
        notebook="notebooks/04-evaluate.ipynb",
    params: parameters("04-evaluate")
    output: f"{RUNS}/tables/scores.md"
    shell: run("04-evaluate")


rule figures:
    input:
        rules.evaluate.output, "glaciersar/figures.py",
        notebook="notebooks/05-figures.ipynb",
    params: parameters("05-figures")
    output: f"{RUNS}/figures/training.png"
    shell: run("05-figures")


rule map:
    input:
        expand(rules.train.output, model=MODELS), rules.scenes.output, "glaciersar/mapping.py",
        notebook="notebooks/08-map.ipynb",
    params: parameters("08-map")
    output: f"{RUNS}/map/probability.tif"
    shell: run("08-map")
