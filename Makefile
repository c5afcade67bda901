# make quickstart   set up, then train a small medical model and export it (about ten minutes on 2 cores)
# make lifecycle    the same, and on through fine-tuning, RL, a reward model and RL on it (half an hour on 2 cores)
# make test         set up, then run the tests
# make lint         set up, then ruff and mypy
#
# PYTHON=python3.12 chooses the interpreter; each version gets an environment of its own. Both commands reuse it.

PYTHON ?= python3
# Installed first, so that pip takes this very build and nothing newer. TORCH= keeps the interpreter's own (docs/install.md).
TORCH ?= torch==2.13.0
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
VENV := .venv-$(VERSION)
READY := $(VENV)/.ready
OUTPUT ?= runs/quickstart
LIFE ?= runs/lifecycle
TESTS ?= tests

.PHONY: quickstart lifecycle test lint clean

quickstart: $(READY)
	$(VENV)/bin/megatron-qm quickstart --output $(OUTPUT)

lifecycle: $(READY)
	$(VENV)/bin/megatron-qm lifecycle --quickstart $(OUTPUT) --output $(LIFE)

test: $(READY)
	$(VENV)/bin/python -m pytest $(TESTS)

lint: $(READY)
	$(VENV)/bin/python -m ruff check .
	$(VENV)/bin/python -m mypy

$(READY): pyproject.toml
	@test -n "$(VERSION)" || { echo "error: $(PYTHON) does not run; set PYTHON=..." >&2; exit 2; }
	$(PYTHON) -m venv $(if $(TORCH),,--system-site-packages) $(VENV)
	@if [ -n "$(TORCH)" ]; then echo "installing $(TORCH)"; $(VENV)/bin/python -m pip install -q "$(TORCH)"; fi
	@echo "installing megatron-qm"; $(VENV)/bin/python -m pip install -q -e ".[dev]"
	@touch $@

clean:
	rm -rf .venv-* runs
