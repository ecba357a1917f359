# Two commands do all the set-up on a fresh machine: `make bench` and `make test`.
#
# What is installed is remembered in stamp files inside the virtual environment, so that the second
# run starts at once. They are older than pyproject.toml or constraints.txt when the dependencies changed.
#
# pyproject.toml says which versions of a dependency may work; constraints.txt says which were tested, of
# all packages, and those are installed here. `make test-newest` tries the newest that pyproject.toml
# allows, and `make constraints` writes down what it has tried.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash

VENV := .venv
# The first interpreter that is new enough; `make bench PYTHON=python3.12` chooses another. It is looked
# for once, since each try starts an interpreter.
ifeq ($(origin PYTHON),undefined)
PYTHON := $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && exit; done; echo python3)
endif

INSTALLED := $(VENV)/.stamp-installed
INSTALLED_DEV := $(VENV)/.stamp-installed-dev
CONSTRAINTS := constraints.txt
SOURCES := pyproject.toml $(CONSTRAINTS) $(wildcard startup/*)

# Packages are installed without bytecode, which Python writes when it first imports a module. Containers
# often forbid that with this variable, and then every process compiles PyTorch anew, for seconds.
unexport PYTHONDONTWRITEBYTECODE

# The environment of the newest versions.
NEWEST := .venv-newest

# $(call install,WHAT,ENVIRONMENT,CONSTRAINTS): create the environment if need be and install WHAT into
# it, in the versions of the constraints if there are any. An install that was interrupted may have left
# half-written packages, so the next one begins anew. Modules are compiled when they are first imported:
# compiling all of them takes half a minute. Constraints are given as variables because these hold for the
# tools that build packages as well.
define install
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "error: Python 3.11 or newer is needed, and '$(PYTHON)' is $$($(PYTHON) --version 2>&1 | head -n 1);" \
			"choose one with: make PYTHON=/path/to/python3.12"; exit 1; }
	@if [ -e $(2)/.installing ]; then \
		echo "==> the last install was interrupted; removing $(2)"; rm -rf $(2); fi
	@if [ ! -x $(2)/bin/pip ]; then \
		echo "==> creating the virtual environment $(2) with $$($(PYTHON) --version)"; \
		mkdir -p $(2) && touch $(2)/.installing && $(PYTHON) -m venv $(2); fi
	@echo "==> installing $(1) into $(2) (PyTorch is large: the first time takes minutes)"
	@touch $(2)/.installing
	@if [ -t 1 ]; then quiet=; else quiet=--quiet; fi; \
		$(if $(3),PIP_CONSTRAINT=$(3) PIP_BUILD_CONSTRAINT=$(3)) \
		$(2)/bin/pip install --disable-pip-version-check --no-compile $$quiet $(if $(3),,--upgrade --upgrade-strategy eager) \
		--editable '$(1)'
	@rm $(2)/.installing
endef

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

DATABASE ?= nonsingular.sqlite
# The published results of the zoo, which every clone has.
RESULTS := results/zoo.jsonl.gz

# $(call import,DATABASE): add the published results, if there are any. A result that differs from a stored
# one (exit code 1) is named, kept beside it and shown on its page, and does not stop the target.
define import
	@if [ -e $(RESULTS) ]; then echo "==> adding the published results of $(RESULTS)"; \
		$(VENV)/bin/nonsingular import $(RESULTS) --database $(1) || [ $$? -eq 1 ]; fi
endef

.PHONY: bench
bench: $(INSTALLED) ## Install if need be, score the bundled models and render the leaderboard; OPTIONS="--examples 60" for more
	@echo "==> scoring the bundled models with the battery digits-v1; what is stored is not computed again"
	@$(VENV)/bin/nonsingular bench --battery digits-v1 --database $(DATABASE) --no-site $(OPTIONS)
	$(call import,$(DATABASE))
	@$(VENV)/bin/nonsingular site --database $(DATABASE)

.PHONY: site
site: $(INSTALLED) ## Render the leaderboard from the published results and what is stored; computes no score
	$(call import,$(DATABASE))
	@echo "==> rendering the leaderboard"
	@$(VENV)/bin/nonsingular site --database $(DATABASE)

# Where the scores of `make publish` are kept until they are written to $(RESULTS).
PUBLISHED := results/build.sqlite
MNIST ?= data
CIFAR10 ?=
CIFAR10_TRAIN ?=
TEXTS ?=
publish = $(VENV)/bin/nonsingular bench --database $(PUBLISHED) --no-site $(OPTIONS)
# The random model, and deterministic ones to read it beside: the same network, and one with another defense.
RANDOMIZED := digits/mlp-noise-standard digits/mlp-standard digits/mlp-pgd-at
gap = --split train --probe input --probe flatness

.PHONY: publish
publish: $(INSTALLED_DEV) ## Score every bundled model for results/: hours; MNIST=FOLDER CIFAR10=FILE.npz CIFAR10_TRAIN=FILE.npz TEXTS=FOLDER name the examples; resumes
	$(call import,$(PUBLISHED))
	@echo "==> scoring the bundled models; what is stored or published is not computed again"
	@$(publish) --battery digits-v1
	@$(publish) --battery digits-v1 $(gap)
	@$(publish) --battery digits-randomized-v1 $(RANDOMIZED)
	@$(publish) --battery mnist-linf-v1 --data-root $(MNIST)
	@$(publish) --battery mnist-linf-v1 --data-root $(MNIST) $(gap)
	@for track in concepts detection anomaly; do \
		$(publish) --battery digits-$$track-v1 || exit 1; \
		$(publish) --battery mnist-$$track-v1 --data-root $(MNIST) || exit 1; \
	done
	@if [ -n "$(CIFAR10)" ]; then for battery in linf concepts; do \
		$(publish) --battery cifar10-$$battery-v1 --data $(CIFAR10) || exit 1; \
	done; fi
	@if [ -n "$(CIFAR10_TRAIN)" ]; then $(publish) --battery cifar10-linf-v1 --data $(CIFAR10_TRAIN) $(gap); fi
	@if [ -n "$(TEXTS)" ]; then $(publish) --battery movies-ci-v1 --data-root $(TEXTS); fi
	@$(VENV)/bin/nonsingular export --archive $(RESULTS) --current --by "the nonsingular project" --database $(PUBLISHED)

# Questions other than accuracy under attack, each with a small battery of its own.
TRACKS := digits-concepts-v1 digits-detection-v1
TRACK_MODELS := digits/mlp-standard digits/mlp-pgd-at
.PHONY: tracks
tracks: $(INSTALLED) ## Score two models, and methods of anomaly detection, on the small battery of every track and render their boards; minutes on two cores
	@for battery in $(TRACKS); do \
		echo "==> scoring $(TRACK_MODELS) with the battery $$battery"; \
		$(VENV)/bin/nonsingular bench $(TRACK_MODELS) --battery $$battery --database $(DATABASE) --no-site $(OPTIONS) || exit 1; \
	done
	@echo "==> scoring training methods with the battery digits-anomaly-v1"
	@$(VENV)/bin/nonsingular bench --battery digits-anomaly-v1 --database $(DATABASE) --no-site $(OPTIONS)
	@$(VENV)/bin/nonsingular site --database $(DATABASE)

.PHONY: findings
findings: $(INSTALLED) ## Judge the literature's claims by what is stored: docs/findings.md; DATABASE=FILE for another store
	@echo "==> writing docs/findings.md from $(DATABASE)"
	@$(VENV)/bin/nonsingular findings --database $(DATABASE) --out docs

DATASET ?= digits
.PHONY: zoo
zoo: $(INSTALLED) ## Retrain the bundled models; DATASET=mnist for others, OPTIONS="--data FILE.npz ..." for more
	@echo "==> training the bundled models of $(DATASET)"
	@$(VENV)/bin/nonsingular zoo $(DATASET) $(OPTIONS)

.PHONY: test
test: $(INSTALLED_DEV) ## Install if need be and run all tests
	@echo "==> running the tests"
	@$(VENV)/bin/python -m pytest -q -n 2 --dist worksteal --durations=25

.PHONY: test-fast
test-fast: $(INSTALLED_DEV) ## Run the quick tests alone, in less than 90 s on two cores: all that are not marked slow
	@echo "==> running the quick tests"
	@$(VENV)/bin/python -m pytest -q -n 2 --dist worksteal -m "not slow"

.PHONY: test-newest
test-newest: newest ## Run all tests with the newest versions that pyproject.toml allows, in an environment of their own
	@echo "==> running the tests with the newest versions"
	@$(NEWEST)/bin/python -m pytest -q -n 2 --dist worksteal

.PHONY: constraints
constraints: ## Write constraints.txt: the versions that `make test-newest` tried, or the newest where it was not run
	@if [ ! -x $(NEWEST)/bin/pip ] || [ -e $(NEWEST)/.installing ]; then $(MAKE) --no-print-directory newest; fi
	@echo "==> writing $(CONSTRAINTS)"
	@set -o pipefail; { echo "# The version of every package that was tested. Written by \`make constraints\`, used by the Makefile;"; \
		echo "# the ranges that may work are in pyproject.toml."; \
		$(NEWEST)/bin/pip --disable-pip-version-check list --format=freeze --exclude-editable \
			--exclude pip 2>/dev/null | sed 's/+.*//' | LC_ALL=C sort -f; } > $(CONSTRAINTS).new
	@mv $(CONSTRAINTS).new $(CONSTRAINTS)

.PHONY: newest
newest:
	$(call install,.[dev],$(NEWEST),)

.PHONY: lint
lint: $(INSTALLED_DEV) ## Check style, layout and types
	@echo "==> ruff check";          $(VENV)/bin/ruff check
	@echo "==> ruff format --check"; $(VENV)/bin/ruff format --check
	@echo "==> mypy";                $(VENV)/bin/mypy

.PHONY: format
format: $(INSTALLED_DEV) ## Lay the code out and repair what can be repaired
	@echo "==> formatting"
	@$(VENV)/bin/ruff check --fix --exit-zero
	@$(VENV)/bin/ruff format

.PHONY: docs
docs: $(INSTALLED) ## Write the pages of docs that come from the code
	@echo "==> writing docs/scores.md, docs/commands.md and the tables of other pages"
	@$(VENV)/bin/python -m leaderboard.documentation docs
	@$(VENV)/bin/python -m nonsingular.documentation docs/library.md

.PHONY: clean
clean: ## Remove the environment, the caches and the build outputs; keep the scores
	@echo "==> removing the environments, caches and build outputs (scores and site stay)"
	@rm -rf $(VENV) $(NEWEST) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): $(SOURCES)
	$(call install,.,$(VENV),$(CONSTRAINTS))
	@touch $@

$(INSTALLED_DEV): $(SOURCES)
	$(call install,.[dev],$(VENV),$(CONSTRAINTS))
	@touch $(INSTALLED) $@
