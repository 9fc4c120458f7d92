# Two commands do all set-up: `make demo` and `make test`. Both need Python 3.11, make and git, and are quick the second time.
# Recipes are silent and speak on stderr: `make demo ARGS=--json` prints exactly one line on stdout.

MAKEFLAGS += --no-print-directory
.SILENT:
.DEFAULT_GOAL := help
.PHONY: help demo run check format test journeys soak fuzz bench web docs screenshots lock clean

VENV := .venv
PYTHON := $(VENV)/bin/python
ARGS ?=
# How many test processes: one a core, at most four (each journey starts a server and a browser).
JOBS ?= $(shell n=$$(nproc 2>/dev/null || echo 2); [ $$n -gt 4 ] && echo 4 || echo $$n)
# How long noise is sent at each of the archive's parsers.
FUZZ_SECONDS ?= 60
WEB_SOURCES := $(shell find web/frontend -path web/frontend/node_modules -prune -o -type f -print 2>/dev/null)
CATALOGUES := $(shell find web/locale -name '*.po' 2>/dev/null)
MODULES := $(shell find teleconsult signaling dicom_store -name '*.py')

help:
	echo "make demo         a running sample county on this machine, with one-tap links (ARGS=\"--port 0 --json\" passes words on)"
	echo "make run          the server for real use (settings: TELECONSULT_*; see README)"
	echo "make check        format, lint, types, contracts"
	echo "make test         everything that can be tested here"
	echo "make bench        ours beside a peer; keeps bench/RESULTS.md"
	echo "make soak, fuzz   long runs"
	echo "make web          builds the browser's part"
	echo "make docs         what is generated from the code: OpenAPI, state tables"
	echo "make screenshots  the README's pictures, from the real pages"

# ---------------------------------------------------------------- what everything stands on
$(VENV)/.base: requirements/base.lock tools/venv.sh
	sh tools/venv.sh $(VENV) requirements/base.lock 1>&2
	touch $@

$(VENV)/.dev: requirements/dev.lock tools/venv.sh
	sh tools/venv.sh $(VENV) requirements/dev.lock 1>&2
	touch $(VENV)/.base $@

web/dist/.built: $(WEB_SOURCES) tools/frontend.py | $(VENV)/.base
	$(PYTHON) tools/frontend.py 1>&2
	touch $@

web/locale/.compiled: $(CATALOGUES) tools/catalogues.py | $(VENV)/.base
	$(PYTHON) tools/catalogues.py --compile 1>&2
	touch $@

# Five processes import these at every start; compiled once, a killed one is back in half the time.
$(VENV)/.compiled: $(MODULES) | $(VENV)/.base
	$(PYTHON) -m compileall -q teleconsult signaling dicom_store 1>&2
	touch $@

# The relay's inner loop in C, where there is a compiler with Python's headers; without it the relay runs in Python.
$(VENV)/.fanout: signaling/media/compiling.py signaling/media/fanout.c signaling/media/flows.c signaling/media/fanout.h | $(VENV)/.base
	-$(PYTHON) -m signaling.media.compiling 1>&2
	touch $@

web: web/dist/.built web/locale/.compiled

# ---------------------------------------------------------------- running
demo: $(VENV)/.base $(VENV)/.compiled $(VENV)/.fanout web
	exec $(PYTHON) -m teleconsult demo $(ARGS)

run: $(VENV)/.base $(VENV)/.compiled $(VENV)/.fanout web
	exec $(PYTHON) -m teleconsult serve $(ARGS)

# ---------------------------------------------------------------- checking
check: $(VENV)/.dev web/dist/.built
	$(PYTHON) -m ruff format --check --quiet . || { echo "make format would change files" >&2; exit 1; }
	$(PYTHON) -m ruff check --quiet .
	$(PYTHON) -m mypy
	$(VENV)/bin/lint-imports
	$(PYTHON) tools/catalogues.py --check
	$(PYTHON) tools/frontend.py --check

format: $(VENV)/.dev
	$(PYTHON) -m ruff format --quiet .
	$(PYTHON) -m ruff check --quiet --fix .

test: $(VENV)/.dev $(VENV)/.compiled $(VENV)/.fanout web
	$(PYTHON) tools/system_packages.py
	$(PYTHON) -m pytest -n $(JOBS) --dist loadgroup $(ARGS)

journeys: $(VENV)/.dev $(VENV)/.compiled $(VENV)/.fanout web
	$(PYTHON) -m pytest -m journey -n 1 $(ARGS)

soak: $(VENV)/.dev $(VENV)/.compiled $(VENV)/.fanout web
	$(PYTHON) -m pytest -m soak --override-ini addopts="-q --import-mode=importlib" $(ARGS)

fuzz: $(VENV)/.dev
	HYPOTHESIS_PROFILE=long $(PYTHON) -m pytest -m "not journey and not fault" -n $(JOBS) $(ARGS)
	if $(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements/fuzz.lock; then \
	  for door in films parts uploads; do \
	    $(PYTHON) -m tests.fuzz.doors $$door -max_total_time=$(FUZZ_SECONDS) || exit 1; \
	  done; \
	else echo "atheris is not to be had for this Python: only Hypothesis ran" >&2; fi

bench: $(VENV)/.dev $(VENV)/.compiled $(VENV)/.fanout web
	$(PYTHON) -m bench $(ARGS)

docs: $(VENV)/.base
	$(PYTHON) -m teleconsult states --markdown > docs/consult-states.md
	$(PYTHON) -m tools.conformance

screenshots: $(VENV)/.dev web
	$(PYTHON) tools/screenshots.py $(ARGS)

# ---------------------------------------------------------------- for maintainers
lock: $(VENV)/.dev
	$(VENV)/bin/uv pip compile -q pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --no-annotate -o requirements/dev.lock
	$(VENV)/bin/uv pip compile -q pyproject.toml --universal --python-version 3.11 --generate-hashes -c requirements/dev.lock \
	  --no-emit-index-url --no-emit-find-links --no-header --no-annotate -o requirements/base.lock
	$(VENV)/bin/uv pip compile -q pyproject.toml --extra web --universal --python-version 3.11 --generate-hashes -c requirements/dev.lock \
	  --no-emit-index-url --no-emit-find-links --no-header --no-annotate -o requirements/web.lock

clean:
	rm -rf $(VENV) web/dist web/frontend/node_modules web/locale/.compiled .mypy_cache .ruff_cache .pytest_cache
