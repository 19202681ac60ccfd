# The commands of the project. Each target works as the first one ever typed in a fresh clone.
PYTHON ?= python3
BIN := .venv/bin
# Tests start hundreds of commands; each would compile the project anew where Python is told to keep no bytecode.
unexport PYTHONDONTWRITEBYTECODE
RUN ?= runs/digits
MEASURE ?= --sparsity 0 50 70 90 --replicates 3
CLOUDS ?= --sparsity 0 90 --stop factor 3 --no-constants
INSTALLED := .venv/installed

.PHONY: measure evidence test docs check slow lint types clean help

measure: $(INSTALLED)  ## measure the digits' curves and constants, test the claims on them, draw the figures
	$(BIN)/python -m empirics.measure $(MEASURE) --out $(RUN)
	$(BIN)/python -m empirics.measure $(CLOUDS) --out $(RUN)/clouds
	$(BIN)/python -m verification.report $(RUN)/clouds --save >/dev/null
	$(BIN)/python -m verification.report $(RUN) --save
	$(BIN)/python -m paper_figures $(RUN)
	$(BIN)/python -m paper_figures $(RUN)/clouds --figure 3 5 13 window trials --to $(RUN)/figures

KEPT := $(sort $(patsubst %/curves.csv,%,$(wildcard evidence/*/curves.csv)))
evidence: $(INSTALLED)  ## renew the verdicts, figures and tables that are made of the kept runs
	for run in $(KEPT); do \
	  $(BIN)/python -m verification.report $$run --save >/dev/null && \
	  $(BIN)/python -m paper_figures $$run --figure 1 --format png || exit 1; \
	done
	$(BIN)/python -m paper_figures evidence/digits-sgd --figure smoothness account --format png
	$(BIN)/python -m paper_figures evidence/mnist-sgd evidence/mnist-sgd/along --figure 4 6 --format png
	$(BIN)/python -m paper_figures $(KEPT) --figure forest predicted --format png --no-caption --to evidence/figures
	$(BIN)/python -m paper_figures evidence/digits-sgd evidence/digits-sgd-decay-seen --figure decay --format png --to evidence/figures
	$(BIN)/python -m verification.findings $(KEPT) --to docs/findings.md

test: $(INSTALLED)  ## run the quick tests, the claims on the kept run and the doctests
	$(BIN)/python -m pytest -q -n auto --dist worksteal -m "not slow" verification tests
	$(BIN)/python -m pytest -q --doctest-modules kstar theory empirics verification paper_figures --ignore-glob='*/test_*.py'

docs: $(INSTALLED)  ## build the documentation, which needs no network: open site/index.html
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs site

check: lint types test  ## run lint, types and the quick tests

slow: $(INSTALLED)  ## run the slow tests: whole runs, browsers, every command of the pages
	$(BIN)/python -m pytest -q -n auto --dist worksteal -m slow --durations=10 verification tests

lint: $(INSTALLED)  ## check style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)  ## check the types
	$(BIN)/mypy

$(INSTALLED): pyproject.toml constraints.txt setup.py $(wildcard empirics/kernels/*.?pp)
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -c constraints.txt 'torch==2.13.0' -e '.[dev]'
	touch $@

clean:  ## remove what the other targets made, except runs
	rm -rf .venv site docs/reference build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'
