# usance: every target says what it does; `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help venv demo dev test lint types soak bench permissions lock clean
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# Byte code once for all starts; twice as fast on two cores as pip's own.
COMPILE := $(BIN)/python -m compileall -q -j 2 -x '/(tests?|faker|polyfactory|pip|setuptools)/' .venv
LOCK := uv pip compile pyproject.toml --group build --python-version 3.11 --universal \
	--generate-hashes --no-header --no-annotate --quiet

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## */  make \1\t/' | expand -t 16

venv: .venv/.runtime  ## make .venv with exactly what the lock names, and usance itself
demo: venv  ## start a demo book and its console on http://127.0.0.1:8000
	$(BIN)/usance serve --demo
dev: .venv/.dev  ## add the tools for tests and checks to .venv
# The normal suite repeats the same random histories; `make soak`, or another USANCE_SEED, draws new ones.
test: lint types  ## check style, types and layers, then run the normal test suite
	USANCE_SEED=$${USANCE_SEED-house} $(BIN)/python -m pytest -n 2
lint: dev  ## check style (ruff) and the direction of imports (import-linter)
	$(BIN)/ruff check
	$(BIN)/lint-imports --no-cache
types: dev  ## check types (mypy, strict)
	$(BIN)/mypy
soak: dev  ## run the long tests, some two hours: random histories, kills by the hundred
	$(BIN)/python -m pytest -m soak -n 2 --maxschedchunk 1
bench: venv  ## measure against the yardsticks, one JSON line a bench
	for name in kernel quote day day-peak day-idle repay read audit drill notices policy decide \
		features tiers; do \
		$(BIN)/usance bench $$name --json || failed=1; done; test -z "$$failed"
permissions: venv  ## write docs/permissions.md: who may ask for which route
	$(BIN)/usance permissions --markdown > docs/permissions.md
lock:  ## renew the lock files from pyproject.toml (needs uv)
	$(LOCK) -o requirements.lock
	$(LOCK) --group dev -c requirements.lock -o requirements-dev.lock
	sed -i "s/ ; sys_platform == 'linux'//" requirements.lock requirements-dev.lock
clean:  ## remove .venv and everything that was generated
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache dist
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps: a target is run again only when its lock or the project's metadata changed.
.venv/.python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer, please")'
	$(PYTHON) -m venv .venv
	@touch $@
.venv/.runtime: requirements.lock pyproject.toml | .venv/.python
	$(PIP) install --require-hashes --no-compile --no-deps -r requirements.lock
	$(PIP) install --no-build-isolation --no-deps --no-compile --no-index --editable .
	@$(COMPILE)
	@touch $@
.venv/.dev: requirements-dev.lock .venv/.runtime
	$(PIP) install --require-hashes --no-compile --no-deps -r requirements-dev.lock
	@$(COMPILE)
	@touch $@
