# Every task of the project. CI and people call the same targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
ARGS ?=
# Whole modules, since the tests of one share its shop; one worker more than there are cores, since
# a test waits now and then for what it has started.
WORKERS := $(shell expr $$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2) + 1)
PARALLEL := -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
# Of npm: rules for pages, rules for descriptions of interfaces, and a client made from one.
NPM_TOOLS := axe-core@4.14.1 @redocly/cli@2.77.0 @stoplight/spectral-cli@6.16.3 \
  openapi-typescript@7.13.0 openapi-fetch@0.17.0 typescript@5.9.3

.PHONY: help install run tools test coverage test-fast check format chaos hosts mutants rooms screenshots bench lock clean

help:  ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# A stamp for each set of dependencies: made again when its lock file changes.
$(VENV)/%.stamp: requirements/%.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Bazar needs Python 3.11 or newer; name one with: make PYTHON=python3.12" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing requirements/$*.txt into $(VENV)"
	@$(PIP) install --require-hashes -r requirements/$*.txt
	@$(PIP) install --no-build-isolation --no-deps -e .
	@touch $@

install: $(VENV)/run.stamp  ## Set up .venv with the locked dependencies

run: install  ## Start the shop on this machine (options: make run ARGS="--port 8000")
	@$(BIN)/bazar up $(ARGS)

# Programs with a place of their own: the maker of Python clients wants an older typer than Bazar,
# what reads the files of deploy/ is no business of the shop, and Patroni takes whatever packages
# it finds, and not all of them fit.
PLACES := $(VENV)/clients/stamp $(VENV)/deploy/stamp $(VENV)/hosts/stamp
$(PLACES): $(VENV)/%/stamp: requirements/%.txt
	@$(PYTHON) -m venv $(VENV)/$*
	@$(VENV)/$*/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r $<
	@touch $@

tools: $(PLACES)  ## Install what some tests use beside Python's packages (needs npm)
	@npm install --silent --prefix . --no-save --no-package-lock $(NPM_TOOLS)

test: $(VENV)/test.stamp check  ## Check the code, then run every test
	$(BIN)/python -m pytest $(PARALLEL) $(ARGS)

coverage: $(VENV)/test.stamp  ## Run every test, and measure which lines ran
	@$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest $(PARALLEL) $(ARGS)
	@$(BIN)/python -m coverage combine --quiet
	@$(BIN)/python -m coverage report

test-fast: $(VENV)/test.stamp  ## Run the tests that start no shop, for the loop while writing
	$(BIN)/python -m pytest $(PARALLEL) tests/unit tests/contract tests/service $(ARGS)

check: $(VENV)/test.stamp  ## Lint, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/lint-imports

format: $(VENV)/test.stamp  ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

chaos: $(VENV)/test.stamp  ## Break the shop in every way known, and see whether it keeps its word
	PYTHONPATH=tests:src $(BIN)/python -m chaos $(ARGS)

hosts: $(VENV)/test.stamp $(VENV)/hosts/stamp  ## Run the shop on nine hosts that lose each other (needs Linux, iproute2, nftables, etcd)
	PYTHONPATH=tests:src $(BIN)/python -m hosts $(ARGS)

mutants: $(VENV)/test.stamp  ## Break the code on purpose, and see whether the tests notice
	PYTHONPATH=tests:src $(BIN)/python -m mutants $(ARGS)

rooms: $(VENV)/test.stamp  ## Draw the rooms of the package, docs/rooms.svg, from the code
	PYTHONPATH=src $(BIN)/python docs/rooms.py $(ARGS)

screenshots: $(VENV)/test.stamp  ## Write every page of the shop in every state into screenshots/ (needs chromium)
	PYTHONPATH=tests:src $(BIN)/python -m browser $(ARGS)

bench: $(VENV)/bench.stamp  ## Measure the shop and its references in turns (needs wrk)
	$(BIN)/python -m bench $(ARGS)

lock:  ## Write the lock files anew, with hashes and without addresses (needs uv)
	uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header \
	  pyproject.toml --extra postgres --extra tls --group build -o requirements/run.txt $(ARGS)
	uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header \
	  pyproject.toml --extra postgres --extra tls --group build --group test -c requirements/run.txt -o requirements/test.txt $(ARGS)
	uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header \
	  pyproject.toml --extra postgres --extra tls --group build --group bench -c requirements/run.txt -o requirements/bench.txt $(ARGS)
	uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header \
	  --group clients -o requirements/clients.txt $(ARGS)
	uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header \
	  --group hosts -o requirements/hosts.txt $(ARGS)
	uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header \
	  --group deploy -o requirements/deploy.txt $(ARGS)

clean:  ## Remove what was built; the shop's data stays
	rm -rf $(VENV) build dist .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis
