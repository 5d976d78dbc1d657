# Two commands matter: `make demo` and `make test`. Both make .venv themselves; a second run skips the install.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help audit demo test lint docs dist screenshots models accuracy bench soak

help:  ## say what each target does
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 20

demo: $(VENV)/demo.installed  ## train on simulated cells, predict, explain, and look at them in the app
	$(BIN)/python scripts/demo.py

test: $(VENV)/test.installed  ## run all tests, on a virtual display
	OMP_NUM_THREADS=1 scripts/with_display.sh $(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile $(ARGS)

lint: $(VENV)/test.installed  ## check style and types
	$(BIN)/ruff check
	$(BIN)/mypy

audit: $(VENV)/audit.installed  ## ask for known holes in what constraints.txt holds; needs the internet
	$(VENV)-audit/bin/pip-audit --disable-pip --no-deps --requirement constraints.txt

docs: $(VENV)/docs.installed  ## build the documentation into build/site, no broken link allowed
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

dist: $(VENV)/test.installed  ## build wheel and sdist into dist/ and check them
	PATH="$(CURDIR)/$(BIN):$$PATH" scripts/check_dist.sh

screenshots: $(VENV)/test.installed  ## the pictures of the tutorials, on a virtual display; minutes
	OMP_NUM_THREADS=1 scripts/with_display.sh $(BIN)/python scripts/screenshots.py $(ARGS)
	OMP_NUM_THREADS=1 scripts/with_display.sh $(BIN)/python scripts/screenshots_instruments.py

accuracy: $(VENV)/bench.installed  ## accuracy against other nets; needs SPARSEATTN_REAL_DATA, takes hours, resumes
	$(BIN)/python -m benchmarks.accuracy run $(ARGS)
	$(BIN)/python -m benchmarks.accuracy report

soak: $(VENV)/test.installed  ## drive the app at random, on a virtual display; two hours, or ARGS="--hours 1 --seed 5"
	OMP_NUM_THREADS=1 scripts/with_display.sh $(BIN)/python -m benchmarks.reliability.soak $(ARGS)

models: $(VENV)/test.installed  ## make the plugin's models anew; needs SPARSEATTN_REAL_DATA, minutes each
	$(BIN)/python scripts/make_models.py $(ARGS)

bench: accuracy  ## every benchmark that there is

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The app needs a display; where there is none the demo is the library's alone.
$(VENV)/demo.installed: EXTRAS := $(if $(DISPLAY)$(WAYLAND_DISPLAY)$(filter Darwin,$(shell uname)),[app])
$(VENV)/test.installed: EXTRAS := [test]
$(VENV)/docs.installed: EXTRAS := [docs]
$(VENV)/bench.installed: EXTRAS := [bench]
# Beside the others: what looks at packages must change none of them.
$(VENV)/audit.installed: | $(BIN)/python
	$(PYTHON) -m venv $(VENV)-audit
	$(VENV)-audit/bin/python -m pip --disable-pip-version-check install --quiet pip-audit
	@touch $@
$(VENV)/%.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --quiet --editable '.$(EXTRAS)'
	@touch $@
