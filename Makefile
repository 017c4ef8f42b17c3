# One-line commands for people and for CI. `make demo` shows a result; `make test` runs every check.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# For the CPU build of torch: make demo PIP_FLAGS="--extra-index-url https://download.pytorch.org/whl/cpu"
PIP_FLAGS ?=
SAMPLE = samples/horses.webp

.PHONY: demo test format docs bench clean

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --disable-pip-version-check $(PIP_FLAGS) -e .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/pip install -q --disable-pip-version-check $(PIP_FLAGS) -e '.[dev]'
	touch $@

demo: $(VENV)/.installed
	mkdir -p demo
	$(BIN)/cnntasks detect $(SAMPLE) --output demo
	@echo "The picture with its boxes: demo/horses.detect.jpg"

test: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed
	$(BIN)/python benchmarks/detect.py
	$(BIN)/python benchmarks/classify.py
	$(BIN)/python benchmarks/text.py
	$(BIN)/python benchmarks/speech.py

clean:
	rm -rf demo build dist .pytest_cache .mypy_cache .ruff_cache
