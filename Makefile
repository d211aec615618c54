# What a developer types; `make` alone lists it. Needs Python 3.10 or newer with venv, and git.
# All that is made here lies in .venv/ and build/. A step is done again only when what it reads has changed.

PYTHON ?= python3
PYTEST_ARGS ?= -n auto --dist loadgroup
BENCH_ARGS ?=
DEMO_ARGS ?=
LOCK_ARGS ?=

BIN := .venv/bin
ENV := PYTHON=$(PYTHON) scripts/environment
# The MLflow releases that the tests and benchmarks meet, each in an environment of its own.
PEERS := build/mlflow/locked.stamp build/mlflow-2/locked.stamp build/mlflow-1/locked.stamp

# Folders too, whose times change when a file in them goes.
PACKAGE := $(shell find src ! -path '*/__pycache__*' ! -path '*/server/static*') pyproject.toml hatch_build.py README.md LICENSE
UI := $(shell find ui -type f ! -path '*/node_modules/*')
CHECKED := $(shell find src tests benchmarks examples scripts .ci -name '*.py' 2>/dev/null) hatch_build.py pyproject.toml

.DELETE_ON_ERROR:
.PHONY: help test lint format demo docs bench lock clean

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

test: lint build/test/wheel.stamp $(PEERS)  ## Check the source, then test the built wheel in an environment of its own
	scripts/test_wheel build/test $(PYTEST_ARGS)

lint: build/lint.stamp build/ui-checked.stamp  ## Style, types, the direction of imports, and the web UI's source

format: .venv/locked.stamp  ## Put the code into the house style
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

demo: build/demo/package.stamp  ## Train a few real models and record them in .runstone/
	build/demo/bin/runstone demo $(DEMO_ARGS)
	@echo "For the command runstone in this shell: source build/demo/bin/activate"

docs: build/docs/locked.stamp  ## Build the documentation into build/site
	NO_MKDOCS_2_WARNING=1 build/docs/bin/mkdocs build --strict --quiet --site-dir build/site

bench: .venv/locked.stamp  ## Measure, beside MLflow (and FastTrackML) on the same machine
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

lock:  ## Pin the requirements anew (LOCK_ARGS=--upgrade takes the newest)
	PYTHON=$(PYTHON) scripts/lock $(LOCK_ARGS)

clean:  ## Remove all that was made here
	rm -rf .venv build dist site .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

build/lint.stamp: .venv/locked.stamp $(CHECKED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@mkdir -p $(@D) && touch $@

# The wheel's build makes the web UI's pages where there are none: those that are older than their source go.
build/ui.stamp: $(UI)
	rm -rf src/runstone/server/static
	@mkdir -p $(@D) && touch $@

build/ui-checked.stamp: .venv/locked.stamp build/ui.stamp scripts/ui hatch_build.py
	$(BIN)/python scripts/ui check
	@touch $@

build/wheel.stamp: .venv/locked.stamp $(PACKAGE) build/ui.stamp
	rm -rf build/dist
	$(BIN)/python -m build --wheel --no-isolation --outdir build/dist . > build/wheel.log || (cat build/wheel.log; exit 1)
	@touch $@

.venv/locked.stamp: requirements/dev.txt scripts/environment
	$(ENV) .venv requirements/dev.txt
	.venv/bin/python -m pip install -qq --no-deps --no-build-isolation --editable .
	@touch $@

build/%/locked.stamp: requirements/%.txt scripts/environment
	$(ENV) build/$* requirements/$*.txt
	@touch $@

build/demo/package.stamp: build/demo/locked.stamp $(PACKAGE) build/ui.stamp
	build/demo/bin/python -m pip install -qq --no-deps --force-reinstall .
	@touch $@

build/%/wheel.stamp: build/%/locked.stamp build/wheel.stamp
	build/$*/bin/python -m pip install -qq --no-deps --force-reinstall build/dist/*.whl
	build/$*/bin/python -m pip check || (echo "requirements/$*.txt is older than pyproject.toml: make lock"; exit 1)
	@touch $@

.PRECIOUS: build/%/locked.stamp build/%/wheel.stamp
