# make demo | install | test | lint | bench | faults | presses | year; see README.md
SHELL := /bin/bash
PYTHON ?= python3
PORT ?= 8080
DATA ?= var/demo
FAULTS ?= 20
PRESSES ?= 5000
SENSORS ?= 100
DAYS ?= 365
SEED ?= 1
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo install install-test test lint unit bench faults presses year firmware lock clean

demo: install
	@exec $(BIN)/python -m deploy.demo --port $(PORT) --data $(DATA)

install:
	@PYTHON=$(PYTHON) deploy/install.sh demo

install-test:
	@PYTHON=$(PYTHON) deploy/install.sh test

test: install-test lint unit

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Some tests mount a small disk of their own: without root, in a user namespace where the kernel lets us have one.
OWN_MOUNTS := $(shell [ "$$(id -u)" = 0 ] || { unshare -rm true 2>/dev/null && echo unshare -rm; })
# Real programs on a loaded machine: a test that failed is tried once more and named at the end, so that it is mended (CONTRIBUTING.md).
unit:
	$(OWN_MOUNTS) $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --reruns 1 -rR

bench: install-test
	$(BIN)/python -m tests.bench

faults: install-test
	$(BIN)/python -m tests.faults --rounds $(FAULTS)

# Presses with faults between and within them (docs/bench.md): make presses PRESSES=200 SEED=3
presses: install-test
	$(BIN)/python -m tests.presses --presses $(PRESSES) --seed $(SEED)

# The simulated year (docs/year.md): make year SENSORS=10 DAYS=30
year: install-test
	$(BIN)/python -m tests.year --sensors $(SENSORS) --days $(DAYS) --seed $(SEED)

# A node's files, ready for mpremote: make firmware BOARD=rp2 NODE=climate OUT=var/node ARGS="--chips sht4x,veml7700"
BOARD ?= rp2
NODE ?= climate
OUT ?= var/node
firmware: install
	$(BIN)/python -m deploy.firmware $(BOARD) --name $(NODE) --out $(OUT) $(ARGS)

# Pin what is installed now, for the next fresh machine.
lock:
	$(BIN)/pip freeze --exclude-editable --exclude pip --exclude setuptools | grep -v ' @ ' > deploy/constraints.txt

clean:
	rm -rf .venv var central/console/static/dist central/console/node_modules
