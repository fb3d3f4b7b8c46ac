# Limbeck. `make` lists what there is.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help setup demo test lint bench serve
help: ## list the targets
	@grep -E '^[a-z]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

setup: $(VENV)/.done ## make .venv and install everything, pinned

$(VENV)/.done: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo 'Limbeck needs Python 3.11 or newer; $(PYTHON) is not. Name one that is: make PYTHON=python3.12 $(MAKECMDGOALS)' >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	@echo 'Installing into $(VENV); this takes a minute or two.'
	@started=$$(date +%s); \
	$(BIN)/python -m pip install -qq --no-compile --disable-pip-version-check --constraint constraints.txt --editable '.[dev]' \
	  && echo "Installed in $$(($$(date +%s) - started)) s."
	@touch $@

demo: setup ## run the whole pipeline on the sample that ships, and ask it questions
	$(BIN)/python examples/demo.py

test: setup ## run the tests
	$(BIN)/python -m pytest

lint: setup ## check style and types
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

bench: setup ## run the benchmarks
	$(BIN)/python -m benchmarks

serve: setup ## serve ./workspace on http://127.0.0.1:8080
	$(BIN)/limbeck serve
