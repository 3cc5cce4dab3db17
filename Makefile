# The tasks of this project. `make` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN_STAMP := $(VENV)/.run
DEV_STAMP := $(VENV)/.dev
WORKERS ?= 2
export PYTHONUNBUFFERED := 1

.PHONY: help demo serve test check format lint types imports bench lock campaign fonts clean

help: ## List the tasks
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed")'
	$(PYTHON) -m venv $(VENV)

$(RUN_STAMP): requirements.txt pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

$(DEV_STAMP): requirements-dev.txt pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@ $(RUN_STAMP)

fonts: ## Install a Chinese font for posters, where one is missing
	@sh deploy/fonts.sh

demo: $(RUN_STAMP) fonts ## A month of a made-up bureau in a minute and a half; ARGS="--exit" to stop after it
	$(BIN)/notifier demo $(ARGS)

serve: $(RUN_STAMP) ## Run the service with ./notifier.toml
	$(BIN)/notifier serve $(ARGS)

test: $(DEV_STAMP) fonts ## Run the whole test suite
	$(BIN)/pytest -q -n $(WORKERS) --dist worksteal --ignore=tests/journeys $(ARGS)
	$(BIN)/pytest -q tests/journeys $(ARGS) # real services with deadlines: one at a time

check: $(DEV_STAMP) lint types imports test ## What CI wants: format, lint, types, imports, tests

lint: $(DEV_STAMP) ## Check format and lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(DEV_STAMP) ## Check types
	$(BIN)/mypy

imports: $(DEV_STAMP) ## Read the import contracts aloud
	$(BIN)/lint-imports

format: $(DEV_STAMP) ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(DEV_STAMP) ## Every benchmark, one after the other; JSON on standard output (docs/benchmarks.md)
	@for name in ledger_import plan_import layout dispatch recovery render channels_send trace coordinate counting online_check; do \
	  echo "# $$name" >&2; $(BIN)/python -m bench.$$name || exit 1; done

campaign: $(DEV_STAMP) ## The long crash and random-walk tests, and a hundred plans that must be one
	NOTIFIER_CAMPAIGN=100 $(BIN)/pytest -q tests/journeys tests/usecases tests/solver/test_repeating.py $(ARGS)

lock: $(DEV_STAMP) ## Lock the versions anew, with hashes
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --extra postgres --extra coordination pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --all-extras pyproject.toml -o requirements-dev.txt

clean: ## Remove what was made here
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
