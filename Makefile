# Each target makes the virtual environment that it needs; nothing but Python 3.11 or later and make must be there.
#   make demo    train on handwritten digits and draw a picture
#   make test    all tests
#   make parity  the tests that compare with PyTorch, which it installs
#   make random  random networks and programs, natively and by definition: some minutes (RANDOM=20000: hours)
#   make lint    style, types, import contracts
#   make bench   against PyTorch and JAX (BENCH_ARGS="--burn --require-peers")
#   make gates   what a step and an import cost outside the computation, against their limits
#   make docs    the documentation, as pages in build/docs

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# A stamp stands for a set of extras that is installed; it is made anew when pyproject.toml changes.
STAMP := $(VENV)/.installed
# How many networks are trained, and how many programs run.
RANDOM ?= 600

.PHONY: demo test parity random lint style types contracts examples bench gates docs clean

demo: $(STAMP)-demo
	$(BIN)/python examples/digits_demo.py build/demo

test: $(STAMP)-test
	$(BIN)/python -m pytest -n 2 $(PYTEST_ARGS)

# What is marked "parity": `pytest -m parity --collect-only -q` lists it.
parity: $(STAMP)-parity
	$(BIN)/python -m pytest tests -m parity -n 2 $(PYTEST_ARGS)

random: $(STAMP)-test
	RETROGRAD_RANDOM_NETWORKS=$(RANDOM) RETROGRAD_RANDOM_PROGRAMS=$(RANDOM) \
		$(BIN)/python -m pytest -n 2 tests/backends/native/test_random_*.py tests/train/test_random_*.py $(PYTEST_ARGS)

lint: style types contracts

style: $(STAMP)-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)-dev
	$(BIN)/mypy

contracts: $(STAMP)-dev
	$(BIN)/lint-imports

examples: $(STAMP)-demo
	for program in examples/*.py; do echo "$$program" && $(BIN)/python "$$program" || exit 1; done

bench: $(STAMP)-bench
	$(BIN)/python -m benchmarks.run $(BENCH_ARGS)

gates: $(STAMP)-test
	$(BIN)/python -m benchmarks.import_time
	$(BIN)/python -m benchmarks.overhead
	$(BIN)/python -m benchmarks.recording

docs: $(STAMP)-docs
	$(BIN)/mkdocs build --strict --site-dir build/docs

clean:
	rm -rf $(VENV) build .mypy_cache .pytest_cache .ruff_cache

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("retrograd needs Python 3.11 or later: make PYTHON=...") if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv $(VENV)

$(STAMP)-%: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	touch $@
