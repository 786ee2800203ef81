# Everything that one does with this repository. `make` alone says what there is.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.SUFFIXES:
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PACKAGES := $(patsubst %/pyproject.toml,%,$(wildcard libs/*/pyproject.toml services/*/pyproject.toml stack/pyproject.toml))
SOURCES := $(addsuffix /src,$(PACKAGES))
# `make run ARGS="--kafka"`, `make bench ARGS=...`, `make test ARGS="-k consent"`
ARGS ?=

.PHONY: help run install test lint format bench chaos lock clean

help: ## Say what there is
	@echo "make TARGET   (more words for the program behind it: make run ARGS=\"--kafka\")"
	@echo
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 12

run: install ## Install what is missing, start the whole stack, and stop it with Ctrl-C
	@exec $(BIN)/gdpr up $(ARGS)

test: lint ## Lint, then run every test; says on which broker
	@$(BIN)/pytest $(ARGS)

lint: install ## Style, types, and which module may import which
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy $(SOURCES)
	@$(BIN)/lint-imports

format: install ## Put the code into the agreed form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: install ## Measure every figure that the documentation names
	@$(BIN)/python -m benchmarks $(ARGS)

chaos: install ## Kill and freeze processes at random, then check that nothing was lost
	@$(BIN)/python -m tests.chaos $(ARGS)

clean: ## Remove the environment and the caches (the data in .data stays)
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# The stamp is made last, so that an install which was interrupted is done again.

install: $(STAMP) ## Install every package into .venv, by the hashes of requirements.lock

$(STAMP): requirements.lock $(addsuffix /pyproject.toml,$(PACKAGES))
	@rm -f $@
	@python=$$(for name in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	    if "$$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	    then echo "$$name"; break; fi; done); \
	if [ -z "$$python" ]; then \
	    echo "Python 3.11 or newer with its venv module is needed, and $$(python3 --version 2>/dev/null || echo 'no Python') is what is here."; \
	    echo "Install one (for example: apt-get install python3 python3-venv), or name it: make run PYTHON=/path/to/python3.12"; \
	    exit 1; fi; \
	if ! $(BIN)/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "Making $(VENV) with $$("$$python" --version)"; "$$python" -m venv --clear $(VENV); fi
	@uv=$$(command -v uv || true); \
	if [ -z "$$uv" ]; then \
	    uv=$(BIN)/uv; \
	    "$$uv" --version >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'; fi; \
	echo "Installing the packages of requirements.lock"; \
	"$$uv" pip install --quiet --python $(BIN)/python --require-hashes --requirement requirements.lock; \
	"$$uv" pip install --quiet --python $(BIN)/python --no-deps $(addprefix --editable ,$(PACKAGES))
	@touch $@

lock: ## Choose the newest versions of all packages and write requirements.lock
	@uv=$$(command -v uv || echo $(BIN)/uv); \
	"$$uv" pip compile pyproject.toml --group dev --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
	    --upgrade --quiet $(foreach package,$(PACKAGES),--no-emit-package $(shell sed -n 's/^name = "\(.*\)"/\1/p' $(package)/pyproject.toml)) \
	    -o requirements.lock
