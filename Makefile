# Two commands do all the set-up on a fresh machine: `make bench` and `make test`.
#
# What is installed is remembered in stamp files inside the virtual environment, so that the second
# run starts at once. They are older than pyproject.toml when the dependencies changed.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash

VENV := .venv
# The first interpreter that is new enough; `make bench PYTHON=python3.12` chooses another.
PYTHON ?= $(firstword $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p; done) python3)

INSTALLED := $(VENV)/.stamp-installed
INSTALLED_DEV := $(VENV)/.stamp-installed-dev
INSTALLING := $(VENV)/.installing
SOURCES := pyproject.toml $(wildcard startup/*)

# $(call install,WHAT): create the environment if need be and install WHAT into it. An install that
# was interrupted may have left half-written packages, so the next one begins anew.
define install
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "error: Python 3.11 or newer is needed, and '$(PYTHON)' is $$($(PYTHON) --version 2>&1 | head -n 1);" \
			"choose one with: make PYTHON=/path/to/python3.12"; exit 1; }
	@if [ -e $(INSTALLING) ]; then \
		echo "==> the last install was interrupted; removing $(VENV)"; rm -rf $(VENV); fi
	@if [ ! -x $(VENV)/bin/pip ]; then \
		echo "==> creating the virtual environment $(VENV) with $$($(PYTHON) --version)"; \
		mkdir -p $(VENV) && touch $(INSTALLING) && $(PYTHON) -m venv $(VENV); fi
	@echo "==> installing $(1) into $(VENV) (PyTorch is large: the first time takes minutes)"
	@touch $(INSTALLING)
	@if [ -t 1 ]; then quiet=; else quiet=--quiet; fi; \
		$(VENV)/bin/pip install --disable-pip-version-check $$quiet --editable '$(1)'
	@rm $(INSTALLING)
endef

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: bench
bench: $(INSTALLED) ## Install if need be, score the bundled models and render the leaderboard
	@echo "==> scoring the bundled models with the battery digits-v1; what is stored is not computed again"
	@$(VENV)/bin/nonsingular bench --battery digits-v1

.PHONY: site
site: $(INSTALLED) ## Render the leaderboard from what is stored
	@echo "==> rendering the leaderboard"
	@$(VENV)/bin/nonsingular site

DATASET ?= digits
.PHONY: zoo
zoo: $(INSTALLED) ## Retrain the bundled models; DATASET=mnist for others, OPTIONS="--data FILE.npz ..." for more
	@echo "==> training the bundled models of $(DATASET)"
	@$(VENV)/bin/nonsingular zoo $(DATASET) $(OPTIONS)

DATABASE ?= nonsingular.sqlite
.PHONY: findings
findings: $(INSTALLED) ## Judge the literature's claims by what is stored: docs/findings.md; DATABASE=FILE for another store
	@echo "==> writing docs/findings.md from $(DATABASE)"
	@$(VENV)/bin/nonsingular findings --database $(DATABASE) --out docs

.PHONY: test
test: $(INSTALLED_DEV) ## Install if need be and run all tests
	@echo "==> running the tests"
	@$(VENV)/bin/python -m pytest -q -n 2 --dist worksteal --durations=10

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
	@echo "==> writing docs/scores.md"
	@$(VENV)/bin/python -m leaderboard.documentation > docs/scores.md

.PHONY: clean
clean: ## Remove the environment, the caches and the build outputs; keep the scores
	@echo "==> removing $(VENV), caches and build outputs (scores and site stay)"
	@rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): $(SOURCES)
	$(call install,.)
	@touch $@

$(INSTALLED_DEV): $(SOURCES)
	$(call install,.[dev])
	@touch $(INSTALLED) $@
