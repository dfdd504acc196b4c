# Everything a newcomer needs: `make help`. The environment builds itself on the first target that wants it.

PYTHON ?= $(shell for v in python3.14 python3.13 python3.12 python3.11 python3; do command -v $$v >/dev/null && $$v -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$v && break; done)
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
# Processes that run tests, each on servers of its own; most tests wait for others most of their time.
TESTERS ?= 4
BENCHMARKS := $(patsubst tests/benchmarks/bench_%.py,%,$(wildcard tests/benchmarks/bench_*.py))

# Where the environment forbids bytecode, each of our many processes would compile all of Headgate for itself.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help demo test lint types docs fairness bench faults explore overspend lock clean

help: ## show this list
	@awk -F':.*## ' '/^[a-z%-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY) ## one job's whole journey on this machine, with three tenants and a flood (REAL=1: the real model)
	@$(BIN)/headgate demo $(if $(REAL),--real)

test: $(READY) ## all tests, on embedded servers (TESTERS=1: one after the other)
	$(BIN)/pytest -n $(TESTERS) --dist loadfile --no-loadscope-reorder

lint: $(READY) ## ruff and the one-way imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(READY) ## mypy --strict
	$(BIN)/mypy

docs: $(READY) ## rewrite what is generated: asyncapi.yaml, JSON Schemas, tables of settings and of an agent's fields
	$(BIN)/python -m shared.published.generate

fairness: $(READY) ## rewrite the tables and the picture of docs/fairness.md, from new runs
	@$(BIN)/python -m tests.fairness

bench: $(READY) ## every benchmark in its turn, one line of JSON each (make bench-NAME: one)
	@$(MAKE) --no-print-directory --jobs=1 --keep-going $(addprefix bench-,$(BENCHMARKS))

bench-%: $(READY)
	@$(BIN)/python -m tests.benchmarks.bench_$*

faults: $(READY) ## the fault matrix, one line of JSON (FAULT=name: one row)
	@$(BIN)/python -m tests.faults $(if $(FAULT),--fault $(FAULT))

explore: $(READY) ## the gate against its specification, in new stories for MINUTES=10
	@$(BIN)/python -m tests.properties $(MINUTES)

overspend: $(READY) ## a hard budget under 32 slots and kill -9, fifty times, one line of JSON
	@$(BIN)/python -m tests.faults.overspend

lock: $(READY) ## resolve requirements.lock anew (hashes, no addresses)
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --quiet -o requirements.lock

clean: ## remove the environment, caches and the embedded servers' data
	rm -rf $(VENV) .headgate .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Headgate needs Python 3.11 or newer with venv: install it, or say make PYTHON=/path/to/python3" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "building $(VENV) from requirements.lock (once, about a minute)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)
