# make demo   the whole graph on invented companies; needs git, make and Python ≥ 3.11 with venv
# make test   the tests, but for the slow ones
# make test-slow  tests that kill runs, fill servers and run every documented command
# make test-servers  quick tests on servers of Debian's packages: Ceph (radosgw ceph-mon ceph-osd ceph-common)
# make check  what CI runs: format, lint, types, import contracts, security, tests
# make security  secret scan, bandit, and known vulnerabilities of the locked packages
# make sbom   the bill of materials of the image, as CycloneDX JSON in build/
# make ui     Dagster's UI on http://127.0.0.1:3000
# make bench  the benchmarks, with their figures

PYTHON ?= python3
UV_VERSION := 0.13.8
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TESTS ?=

export UV_PROJECT_ENVIRONMENT := $(VENV)

.PHONY: demo test test-slow test-servers check security secrets bandit audit sbom format ui bench clean

demo: $(READY)
	$(BIN)/signal-assets demo

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow and not live and not servers" $(TESTS)

test-slow: $(READY)
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "slow and not live and not servers" $(TESTS)

test-servers: $(READY)
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "servers and not slow and not live" $(TESTS)

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) --jobs=2 security
	$(MAKE) test

security: secrets bandit audit

secrets: $(READY)
	$(BIN)/python -m tools.scan_secrets

bandit: $(READY)
	$(BIN)/bandit --quiet --recursive signal_assets tools --configfile pyproject.toml

audit: $(READY)
	$(BIN)/python -m tools.audit_dependencies

sbom: $(READY)
	$(BIN)/python -m tools.make_sbom build/sbom.cdx.json

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

ui: $(READY)
	$(BIN)/signal-assets ui

bench: $(READY)
	$(BIN)/python -m benchmarks

$(READY): pyproject.toml uv.lock setup.py
	$(PYTHON) -c "import sys; sys.exit(0 if sys.version_info >= (3, 11) else 'Python 3.11 or newer is needed: make PYTHON=python3.12')"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(BIN)/python -m uv sync --frozen --compile-bytecode --inexact --quiet --python $(BIN)/python
	touch $(READY)

clean:
	rm -rf $(VENV) demo build .mypy_cache .ruff_cache .pytest_cache .hypothesis
