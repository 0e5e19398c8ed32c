# `make help` lists everything. All of it works on a machine with Python 3.11, git and make.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
UV_VERSION := 0.13.8

# uv reads UV_FIND_LINKS where pip reads PIP_FIND_LINKS. Without either, the CPU build of torch comes from its own index.
ifdef PIP_FIND_LINKS
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
endif
ifeq ($(UV_FIND_LINKS)$(UV_INDEX)$(UV_TORCH_BACKEND),)
TORCH_BACKEND := --torch-backend cpu
endif

# Copies, because the framework rewrites a file of its own package at start. The environments of runs are links.
INSTALL := $(UV) pip install --quiet --compile-bytecode --link-mode copy
# Importing torch takes 8 s without bytecode files and 3 s with them.
unexport PYTHONDONTWRITEBYTECODE
# Skips the framework's offer to upgrade itself (sic).
export LIGHTING_TESTING := 1
export VIRTUAL_ENV := $(CURDIR)/$(VENV)
export PATH := $(CURDIR)/$(BIN):$(PATH)

# Two tests at a time; those of one file share their fixtures.
PARALLEL ?= -n 2 --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help browser bubblewrap nginx setup setup-dev setup-ray demo app stop test unit integration e2e much fmt lint type check audit audit-if-reachable fuzz lock bench screenshots ray faults fault-matrix soak compat clean

help: ## List the commands
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(VENV)/.ready ## Create .venv and install the app (a second time: nothing to do)

setup-dev: $(VENV)/.ready-dev ## The same, with what tests and checks need

$(UV):
	@echo "Creating $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(VENV)/.ready: requirements.lock | $(UV)
	@echo "Installing the app (about a minute)"
	@$(INSTALL) $(TORCH_BACKEND) -r requirements.lock
	@touch $@

$(VENV)/.ready-dev: requirements-dev.lock $(VENV)/.ready
	@echo "Installing what the tests need"
	@$(INSTALL) $(TORCH_BACKEND) -r requirements-dev.lock
	@touch $@

setup-ray: .venv-ray/.ready ## Install Ray beside the app, in .venv-ray: a cluster on this machine, for the tests

.venv-ray/.ready: requirements-ray.lock | $(UV)
	@echo "Installing Ray"
	@$(UV) venv --quiet --allow-existing --python $(BIN)/python .venv-ray
	@$(UV) pip install --quiet --compile-bytecode --python .venv-ray/bin/python -r requirements-ray.lock
	@touch $@

demo: setup ## Start the app, train examples/digits through it, print the best checkpoint
	@$(BIN)/python -m examples.demo

app: setup ## Start the app in the foreground; Ctrl-C ends it
	@lightning run app app.py --open-ui false

stop: ## Stop the app that `make demo` left running
	@$(BIN)/python -m examples.demo --stop

test: setup-dev setup-ray browser bubblewrap nginx check audit-if-reachable ## Checks and the whole test suite
	@$(BIN)/python -m pytest $(PARALLEL) --fault-matrix build/fault-matrix.md

integration: bubblewrap
unit integration: setup-dev setup-ray ## One ring of the tests
	@$(BIN)/python -m pytest $(PARALLEL) tests/$@

e2e: setup-dev browser nginx ## The outer ring of the tests, in a real browser
	@$(BIN)/python -m pytest $(PARALLEL) tests/$@

much: setup-dev browser ## The pages with 10 000 runs, a million values, 200 MB of log; every view, theme and width
	@TEST_MUCH=1 $(BIN)/python -m pytest tests/e2e/test_much.py

browser: ## Install Debian's chromium when it is missing (as root)
	@command -v chromium > /dev/null || { \
		echo "Installing chromium"; \
		apt-get update -qq && apt-get install -qq --yes chromium fonts-dejavu-core > /dev/null; }

bubblewrap: ## Install Debian's bubblewrap when it is missing (as root)
	@command -v bwrap > /dev/null || { \
		echo "Installing bubblewrap"; \
		apt-get update -qq && apt-get install -qq --yes bubblewrap > /dev/null; }

# Unpacked, not installed: installing would start a server on this machine.
nginx: ## Unpack Debian's nginx into build/ when the machine has none
	@command -v nginx > /dev/null || test -x build/nginx/usr/sbin/nginx || { \
		echo "Unpacking nginx"; mkdir -p build/nginx; \
		{ cd build/nginx && { apt-get download -qq nginx || { apt-get update -qq && apt-get download -qq nginx; }; } \
		&& dpkg -x nginx_*.deb .; } 2> build/nginx/log || { cat build/nginx/log; exit 1; }; }

fmt: setup-dev ## Format the code
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

lint: setup-dev ## Ruff, import contracts, spelling
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports && $(BIN)/codespell

type: setup-dev ## Types
	@$(BIN)/mypy

check: lint type ## All static checks

audit: setup-dev ## Ask the advisory services about every locked version (exit 3: none can be asked from here)
	@$(BIN)/python -m tests.audit

audit-if-reachable: setup-dev
	@$(BIN)/python -m tests.audit --if-reachable

fuzz: setup-dev ## Ten times as many cases as the tests run (minutes)
	@FUZZ_FACTOR=10 $(BIN)/python -m pytest tests/integration/test_fuzz.py

COMPILE := $(UV) pip compile --quiet --upgrade --python-version 3.11 --no-emit-find-links --no-emit-index-url

lock: $(UV) ## Renew the lock files from requirements*.txt
	@$(COMPILE) $(TORCH_BACKEND) requirements.txt -o requirements.lock
	@$(COMPILE) $(TORCH_BACKEND) -c requirements.lock requirements-dev.txt -o requirements-dev.lock
	@$(COMPILE) -c requirements.lock requirements-node.txt -o requirements-node.lock
	@$(COMPILE) requirements-ray.txt -o requirements-ray.lock
	@sed -i 's/^\(torch==[0-9.]*\)+cpu/\1/' requirements.lock requirements-dev.lock  # which build: the installer's settings

ray: setup-dev setup-ray ## Everything on a real Ray cluster, with the network gone for a full minute
	@TEST_NETWORK_GONE_S=60 $(BIN)/python -m pytest tests/integration/test_ray.py

faults: setup-dev ## Every fault in full: all signals and phases, a kill at every write, 50 sessions for an hour (hours)
	@TEST_ALL_FAULTS=1 $(BIN)/python -m pytest $(PARALLEL) tests/integration/faults

fault-matrix: setup-dev browser bubblewrap ## Run every test of a fault; renews docs/fault-matrix.md
	@$(BIN)/python -m pytest $(PARALLEL) --only-faults --fault-matrix docs/fault-matrix.md

soak: setup-dev ## 200 short runs with random kills of every process; ends with a report
	@$(BIN)/python -m tests.soak

compat: setup-dev ## The probe on every version and shape of Lightning; renews docs/compatibility.md (long)
	@$(BIN)/python -m tests.compat

bench: setup-dev ## Run every benchmark, quickly
	@for script in benchmarks/*.py; do $(BIN)/python $$script --quick || exit 1; done

screenshots: setup-dev ## Renew the README's pictures
	@$(BIN)/python -m examples.screenshots

clean: ## Remove what was built here (not the data folder)
	@rm -rf $(VENV) .venv-ray build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
