# Two commands do everything: `make demo` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
BIN := .venv/bin

.PHONY: help
help:
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

# The stamp is newer than everything that decides what is installed.
.venv/.installed: pyproject.toml requirements.lock
	bash lab/setup/python.sh
	touch $@

.PHONY: setup
setup: .venv/.installed ## the Python packages, in .venv

.PHONY: host
host: ## the Debian packages that the lab needs, and whether this machine can run it
	@bash lab/setup/host.sh

.PHONY: demo
demo: host setup ## bring up a fleet of real routers and mark their traffic
	@bash lab/setup/demo.sh

# Who tests routers waits for them a third of the time: two workers for each of two cores keep both busy.
WORKERS ?= 4

.PHONY: test
test: setup lint ## every test, on real routers too
	@bash lab/setup/host.sh sshd:openssh-server chromium:chromium linux.uml:user-mode-linux
	$(BIN)/pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder --durations 20

SECONDS ?= 600

.PHONY: chaos
chaos: host setup ## random faults during rollouts, for SECONDS=600; every router must end wholly old or wholly new
	$(BIN)/python -m tests.lab.chaos --seconds $(SECONDS)

.PHONY: unit
unit: setup ## the tests that need no router
	$(BIN)/pytest -m 'not lab' tests/unit

# The scripts that are sent to routers are put together in tests/unit/tasks/test_remote.py, for shellcheck too.
.PHONY: lint
lint: setup ## ruff, mypy, shellcheck
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	git ls-files '*.sh' ':!tasks/remote' | xargs -r $(BIN)/shellcheck
	$(BIN)/python -m tasks.remote reader | $(BIN)/shellcheck --exclude=SC2016 -

.PHONY: format
format: setup ## let ruff lay the code out
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: clean
clean: ## the lab's routers, and what make put here; the cached root filesystem stays
	[ ! -x $(BIN)/lvsfleet ] || $(BIN)/lvsfleet lab down
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis
