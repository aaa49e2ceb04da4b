# The whole way from scenes to tables, figures and a map: each step is a notebook run with a profile's parameters.
#   snakemake --cores all [--config profile=simulated]
# A step runs again when its notebook, its parameters, the modules it stands on or anything before it has changed.
from pathlib import Path

import yaml

from glaciersar.notebooks import read_profile

PROFILE = config.get("profile", "simulated")
PARAMETERS = yaml.safe_load(Path(f"config/{PROFILE}.yaml").read_text())
MODELS = PARAMETERS["all"]["models"]
RUNS = f"runs/{PROFILE}"


def code(*names):
    """List the source files of modules and packages."""
    files = {name: [*Path("glaciersar").glob(f"{name}.py"), *Path("glaciersar", name).glob("*.*")] for name in names}
    assert all(files.values()), f"no module or package for each of {names}"
    return sorted(str(file) for found in files.values() for file in found)


GROUND = code("grid", "radiometry", "outlines", "scenes", "files")


def parameters(notebook):
    """What decides the result of a notebook, so that a change runs it again: not how it shows its progress."""
    chosen = read_profile(f"config/{PROFILE}.yaml", f"notebooks/{notebook}.ipynb")
    return {name: value for name, value in chosen.items() if name != "progress"}


def run(notebook, more=""):
    return f"glaciersar run {{input.notebook}} --profile {PROFILE} {more} --out {RUNS}/notebooks"


rule all:
    input:
        f"{RUNS}/tables/scores.md",
        f"{RUNS}/figures/training.png",
        f"{RUNS}/map/probability.tif",


rule scenes:
    input:
        GROUND, code("simulate"),
        notebook="notebooks/01-scenes.ipynb",
    params: parameters("01-scenes")
    output: f"{RUNS}/scenes.json"
    shell: run("01-scenes")


rule dataset:
    input:
        GROUND, rules.scenes.output, "glaciersar/dataset/building.py",
        notebook="notebooks/02-dataset.ipynb",
    params: parameters("02-dataset")
    output: expand("{runs}/dataset/{subset}.h5", runs=RUNS, subset=["train", "val", "test"])
    shell: run("02-dataset")


rule train:
    input:
        rules.dataset.output,
        code("training", "augment", "losses", "schedule", "recipe", "models"), "glaciersar/dataset/sampling.py",
        notebook="notebooks/03-train.ipynb",
    params: parameters("03-train")
    output: f"{RUNS}/models/{{model}}/weights.safetensors"
    shell: run("03-train", "--model {wildcards.model}") + "/{wildcards.model}"


rule evaluate:
    input:
        expand(rules.train.output, model=MODELS), rules.dataset.output,
        code("evaluation", "metrics", "mapping", "figures", "dataset"),
        notebook="notebooks/04-evaluate.ipynb",
    params: parameters("04-evaluate")
    output: f"{RUNS}/tables/scores.md"
    shell: run("04-evaluate")


rule figures:
    input:
        rules.evaluate.output, code("figures", "dataset"),
        notebook="notebooks/05-figures.ipynb",
    params: parameters("05-figures")
    output: f"{RUNS}/figures/training.png"
    shell: run("05-figures")


rule map:
    input:
        expand(rules.train.output, model=MODELS), rules.scenes.output, rules.dataset.output, GROUND, code("mapping", "figures", "dataset"),
        notebook="notebooks/08-map.ipynb",
    params: parameters("08-map")
    output: f"{RUNS}/map/probability.tif"
    shell: run("08-map")
