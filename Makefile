# The two sacred commands: `make demo` and `make test` do all set-up on a fresh machine.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test test-slow lint types docs bench clean

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e ".[test,docs,demo]"
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps aeon==1.6.0
	touch $@

demo: $(STAMP)
	$(BIN)/caudal compare nafld --budget demo --lang both --out results/nafld-demo

test: $(STAMP) lint types docs
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --durations=25 --durations-min=2

test-slow: $(STAMP)
	$(BIN)/python -m pytest -m slow

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

docs: $(STAMP)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

bench: $(STAMP)
	$(BIN)/python -m benchmarks kernels

clean:
	rm -rf $(VENV) site dist build .pytest_cache .mypy_cache .ruff_cache
