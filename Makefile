# make demo    the quickstart sweep, trained and reported      make test      the default tests, under 6 minutes
# make check   ruff and pyright                                make test-all  the slow tests too
# make bench   ratios against plain loops                      make docs      the pages written from types
# Each sets up .venv first, and is quick when nothing changed. Needs Python 3.11+ (PYTHON=...) and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TORCH := $(shell grep '^torch==' constraints.txt)
export OMP_NUM_THREADS := 1
unexport PYTHONDONTWRITEBYTECODE  # tests start many processes, each of which would compile every module again
SIDE_BY_SIDE := --dist loadgroup --no-loadscope-reorder

.PHONY: demo test test-slow test-all check bench docs setup clean

demo: $(READY)
	$(BIN)/lal sweep quickstart

test: $(READY)
	$(BIN)/python -m pytest -n 3 $(SIDE_BY_SIDE)

test-slow: $(READY)
	$(BIN)/python -m pytest -m slow -n 2 $(SIDE_BY_SIDE)

test-all: test test-slow

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

bench: $(READY)
	$(BIN)/python -m pytest -m bench -s tests/bench

docs: $(READY)
	$(BIN)/python -m launch.reference docs

setup: $(READY)

# torch is pinned on the same command line: a looser requirement may pull gigabytes of another build.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "lal needs Python 3.11 or newer: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' || { echo "this Python has no venv; install it (Debian: apt-get install python3-venv)"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt $(TORCH) --editable '.[dev]'
	touch $(READY)

clean:
	rm -rf $(VENV) results
