# The two sacred commands: `make demo` and `make test` do all set-up on a fresh machine.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt
TORCH := $(VENV)/.torch
DEMO := $(VENV)/.demo
TEST := $(VENV)/.test

.PHONY: demo test test-slow lint types docs bench extras release clean

$(TORCH): constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) torch
	touch $@

# What a user of the main job installs, no more: the first results come minutes sooner.
$(DEMO): $(TORCH) pyproject.toml
	$(PIP) -e ".[demo]"
	touch $@

$(TEST): $(TORCH) pyproject.toml
	$(PIP) -e ".[test,docs,datasets,release]"
	$(PIP) --no-deps aeon==1.6.0
	touch $@ $(DEMO)

demo: $(DEMO)
	$(BIN)/caudal compare nafld --budget demo --lang both --out results/nafld-demo

test: $(TEST) lint types docs
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --durations=25 --durations-min=2

test-slow: $(TEST)
	$(BIN)/python -m pytest -m slow

lint: $(TEST)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(TEST)
	$(BIN)/mypy

docs: $(TEST)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

bench: $(TEST)
	$(BIN)/python -m benchmarks kernels

# Every extra alone, command by command: writes the table of docs/install.md.
extras: $(TEST)
	$(BIN)/python tests/cli/test_extras.py

# All of a release but the upload.
release: $(TEST)
	$(BIN)/python tools/release.py

clean:
	rm -rf $(VENV) site dist build .pytest_cache .mypy_cache .ruff_cache
