# `make demo` and `make test` do all their own set-up; `make help` lists the rest.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help install demo demo-tensorflow test lint unit lock clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 20

install: $(READY)  ## make .venv from the lock and install Plimsoll into it

$(READY): images/locks/all.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Plimsoll needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement images/locks/all.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

lint: $(READY)  ## style, types and the direction of imports
	$(BIN)/ruff check runtime tests entry_scripts benchmarks
	$(BIN)/ruff format --check runtime tests entry_scripts benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports

lock:  ## resolve all dependencies anew and write the hashed lock
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	    --extra onnx --extra tensorflow --extra sklearn --extra examples --extra report --extra test --extra bench \
	    pyproject.toml images/locks/build.in --output-file images/locks/all.txt

clean:  ## remove everything that the other targets made
	rm -rf $(VENV) demo .coverage* .pytest_cache .mypy_cache .ruff_cache
