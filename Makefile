# Two commands do everything: `make reproduce` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
PYTHON ?= python3
PROFILE ?= simulated
PART ?= main
SEEDS ?=
ARMS ?=
DATA ?=
TORCH_INDEX ?= # where PyTorch comes from, PyPI if nothing is said; https://download.pytorch.org/whl/cpu has the small CPU builds
BIN := .venv/bin
BESIDE := -n logical --dist loadscope --no-loadscope-reorder # one process a core; conftest.py says what stays together
COMPILE := .lock/bin/uv pip compile pyproject.toml --quiet --python-version 3.11 --generate-hashes --constraint requirements-torch.txt --no-emit-package torch --custom-compile-command "make lock"
EVERYTHING := --universal $(addprefix --extra ,archive cpu cubes dev docs evidence inventory notebooks onnx tensorboard) # all but cluster
IMAGE := --python-platform linux --constraint requirements.lock --extra archive --extra cpu --extra inventory --extra notebooks # for the Dockerfile
export PATH := $(abspath $(BIN)):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help env reproduce evidence evidence-check test test-fast test-gpu bench docs machine lab publish notebooks lock lock-check clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

env: .venv/made ## make the virtual environment .venv from requirements.lock

.venv/made: requirements.lock requirements-torch.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 14) else "Python 3.11, 3.12 or 3.13 is needed, e.g. make PYTHON=python3.11")'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet $(addprefix --index-url ,$(TORCH_INDEX)) --requirement requirements-torch.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

reproduce: .venv/made ## run every notebook of PROFILE (default: simulated, or published with DATA=folder), then print the IoU table
	$(BIN)/snakemake --cores all --quiet host reason --rerun-incomplete --nolock --config profile=$(PROFILE) $(if $(DATA),data="$(DATA)")
	@cat runs/$(PROFILE)/tables/scores.md
	@$(BIN)/python -m tools.seconds $(PROFILE)
	@echo "figures: runs/$(PROFILE)/figures   tables: runs/$(PROFILE)/tables   $(if $(DATA),,map: runs/$(PROFILE)/map   )executed notebooks: runs/$(PROFILE)/notebooks"

evidence: .venv/made ## run PART of the experiment (main, steps, dates, data, drift, training; hours), or only its SEEDS and ARMS, and write figures/evidence/PART
	$(BIN)/snakemake --snakefile evidence.smk --cores all --quiet host reason --rerun-incomplete --nolock --config part=$(PART) seeds="$(SEEDS)" arms="$(ARMS)" --forcerun tables
	$(BIN)/python -m tools.evidence figures
	@cat figures/evidence/$(PART)/scores.md 2>/dev/null || echo "no table of part $(PART) until a seed has all arms"

evidence-check: .venv/made ## train one arm of the experiment anew, compare it with the committed table or with the code that made it, renew the stamps
	$(BIN)/snakemake --snakefile evidence.smk --cores all --quiet host reason --rerun-incomplete --nolock runs/evidence/datasets/main/train.h5
	$(BIN)/python -m tools.evidence check

test: .venv/made ## check style, types, imports, dependencies and documentation, run the tests, run every notebook and compare its outputs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(MAKE) docs
	rm -rf runs/mini
	$(BIN)/python -m pytest $(BESIDE) --nbval --nbval-current-env notebooks tests

test-fast: .venv/made ## run the tests that are quick and need neither a GPU nor real data (within 2 minutes on 2 cores)
	$(BIN)/python -m pytest $(BESIDE) -m 'not (slow or gpu or real)' tests

test-gpu: .venv/made ## with a GPU at hand: hold it to what is promised (five minutes; paste what it prints into an issue)
	$(BIN)/python -m pytest -v -rA -m gpu tests

bench: .venv/made ## measure speed and memory and write benchmarks/RESULTS.md (three quarters of an hour on 2 idle cores)
	$(BIN)/python -m benchmarks

docs: .venv/made ## build the documentation into docs/_build/html; warnings are errors, local links are checked
	@test -x $(BIN)/sphinx-build || { echo "docs: sphinx-build is not installed; $(BIN)/pip install '.[docs]'" >&2; exit 1; }
	$(BIN)/sphinx-build -q -W --keep-going -n -d docs/_build/doctrees -b html docs docs/_build/html
	$(BIN)/sphinx-build -q -W --keep-going -n -d docs/_build/doctrees -b linkcheck -D linkcheck_ignore='https?://.*' docs docs/_build/links
	@echo "documentation: docs/_build/html/index.html"

machine: .venv/made ## tell which processor this is, whether it multiplies bf16, and how fast it is
	$(BIN)/python -m benchmarks.machine

lab: .venv/made ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab --notebook-dir=.

notebooks: .venv/made ## run the mini profile in place, so that the notebooks are committed with fresh outputs
	rm -rf runs/mini
	for notebook in notebooks/*.ipynb; do $(BIN)/jupyter nbconvert --to notebook --execute --inplace $$notebook || exit 1; done

publish: .venv/made ## copy tables and figures of runs/PROFILE to figures/PROFILE, and fill the numbers of README.md and docs/ from them
	$(BIN)/python -m tools.publish $(PROFILE)

lock: .lock/bin/uv ## write the lock files anew, with hashes, from the newest versions that pyproject.toml admits
	$(COMPILE) --upgrade --output-file requirements.lock $(EVERYTHING)
	$(COMPILE) --upgrade --output-file requirements-image.lock $(IMAGE)

lock-check: .lock/bin/uv ## check that the lock files follow from pyproject.toml (asks the package index, installs nothing)
	cp requirements.lock requirements-image.lock .lock
	$(COMPILE) --output-file .lock/requirements.lock $(EVERYTHING)
	$(COMPILE) --output-file .lock/requirements-image.lock $(IMAGE)
	@for file in requirements.lock requirements-image.lock; do \
	  diff --brief $$file .lock/$$file > /dev/null || { echo "$$file: does not follow from pyproject.toml; make lock" >&2; exit 1; }; done
	@echo "the lock files follow from pyproject.toml"

.lock/bin/uv:
	$(PYTHON) -m venv --clear .lock
	.lock/bin/python -m pip install --quiet uv==0.13.9

clean: ## remove everything that runs have made; the environment stays
	rm -rf runs .snakemake
