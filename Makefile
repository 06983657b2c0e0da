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

.PHONY: lint
lint: setup ## ruff, mypy, shellcheck
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	git ls-files '*.sh' | xargs -r $(BIN)/shellcheck

.PHONY: format
format: setup ## let ruff lay the code out
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
